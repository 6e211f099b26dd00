/** Attacks on where the data of an image lie: offsets and sizes are unsigned, and used before anything is verified. */

import { property } from '../../../codec/fdt.ts';
import { cells } from '../../../codec/fdt-edit.ts';
import type { DoesNotApply, Expectation } from '../../../mutation.ts';
import { editorOf, evilData, patchesOf, planOf, targetOf, touchesOf, type Target } from '../edit.ts';
import type { FitData } from '../model.ts';
import type { Refusal } from '../verify.ts';
import {
  benign,
  binarly,
  formatDoc,
  mustReject,
  onTheWay,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
  type Words,
} from './common.ts';

const references = [`${formatDoc}, External data`, binarly('041'), 'SIG-03'];

interface Lie {
  id: string;
  name: string;
  rationale: string;
  of: 'place' | 'size';
  to: (old: number, data: FitData, input: FitInput) => number | undefined;
  refusedFor: Refusal;
  standard?: true;
}

function lie({ id, name, rationale, of, to, refusedFor, standard }: Lie): FitMutation {
  return onTheWay(
    { id, kind: standard === undefined ? 'structure' : 'metadata', name, rationale, references },
    mustReject,
    (input) =>
      whereExternal(input, ({ kernel: { data } }) => {
        const prop = data[of];
        const old = of === 'size' ? data.claimedEnd - data.start : placeOf(input, data);
        const value = prop && to(old, data, input);
        if (prop === undefined || value === undefined || value === old)
          return { doesNotApply: `there is no such ${of}` };
        const editor = editorOf(input);
        editor.apply(editor.withValue(prop, cells(value)));
        return planOf(input, editor, { refusedFor, facts: { from: old, to: value } });
      }),
    {
      invariants: ['signed-kept', 'signature-kept', 'same-length'],
      ...(standard === undefined ? {} : { depth: 'standard' }),
    },
  );
}

function whereExternal(
  input: FitInput,
  plan: (target: Target) => RefusedPlan | DoesNotApply,
): RefusedPlan | DoesNotApply {
  const target = targetOf(input.image);
  if ('doesNotApply' in target) return target;
  if (target.kernel.data.kind === 'embedded') return { doesNotApply: 'its data are embedded' };
  return plan(target);
}

/** What the offset or position says. */
function placeOf({ image }: FitInput, { place, start }: FitData): number {
  const totalsize = image.tree.header?.totalsize ?? 0;
  return place?.name === 'data-position' ? start : start - Math.ceil(totalsize / 4) * 4;
}

const lies: readonly Lie[] = [
  {
    id: 'fit-data-offset-past-end',
    name: 'whose kernel lies behind the end of the file',
    rationale: 'What is read there is whatever was in memory or flash before.',
    of: 'place',
    to: (_, __, { base }) => Math.ceil(base.size / 4096) * 4096 + 4096,
    refusedFor: 'data',
  },
  {
    id: 'fit-data-offset-far',
    name: 'whose kernel lies almost 2 GiB behind its beginning',
    rationale: 'An address that is computed without a check leaves the memory of the device.',
    of: 'place',
    to: () => 0x7fff_fff0,
    refusedFor: 'data',
  },
  {
    id: 'fit-data-offset-negative',
    name: 'whose kernel lies before the beginning of the file',
    rationale: 'The offset is read as a signed number, and unsigned bytes before the image are executed.',
    of: 'place',
    to: () => 0x8000_0000,
    refusedFor: 'data',
  },
  {
    id: 'fit-data-offset-moved',
    name: 'whose kernel begins four bytes later',
    rationale: 'A window onto genuine bytes that is not the one that was hashed.',
    of: 'place',
    // One word less where one more would leave the file.
    to: (old, { claimedEnd }, { base }) => (claimedEnd + 4 <= base.size ? old + 4 : old - 4),
    refusedFor: 'hash',
  },
  {
    id: 'fit-data-size',
    name: 'whose kernel is said to be one byte shorter',
    rationale: 'The size is unsigned; the hash must be over exactly what is loaded.',
    of: 'size',
    to: (old) => (old > 1 ? old - 1 : undefined),
    refusedFor: 'hash',
    standard: true,
  },
  {
    id: 'fit-data-size-zero',
    name: 'whose kernel is said to be empty',
    rationale: 'A hash over nothing is no check, and nothing is loaded where old code stays in memory.',
    of: 'size',
    to: () => 0,
    refusedFor: 'hash',
  },
  {
    id: 'fit-data-size-negative',
    name: 'whose kernel is said to have 4 GiB less one byte',
    rationale: 'A size that turns negative, or a copy that never ends.',
    of: 'size',
    to: () => 0xffff_ffff,
    refusedFor: 'data',
  },
  {
    id: 'fit-data-size-huge',
    name: 'whose kernel is said to have almost 2 GiB',
    rationale: 'What is copied or hashed before it is bounded overwrites or reads what lies behind.',
    of: 'size',
    to: () => 0x7fff_ffff,
    refusedFor: 'data',
  },
];

const redirectWords = (id: string, name: string, rationale: string): Words => ({
  id,
  kind: 'substitution',
  name,
  rationale,
  references,
});

/** Points the kernel at bytes behind the file, by properties that no signature covers. */
function appendedAs(input: FitInput, { kernel }: Target, evil: boolean): RefusedPlan | DoesNotApply {
  const { base, image } = input;
  const { start, claimedEnd: end } = kernel.data;
  const editor = editorOf(input);
  if (!editor.usual) return { doesNotApply: 'the strings lie before the structure' };
  for (const name of ['data-offset', 'data-position', 'data-size']) {
    const prop = property(kernel.node, name);
    if (prop !== undefined) editor.apply(editor.withoutProp(prop));
  }
  // Filled in once it is known how far the edits themselves move the end.
  const position = cells(0);
  editor.apply({
    at: kernel.node.contentStart,
    remove: 0,
    insert: [...editor.prop('data-position', position), ...editor.prop('data-size', cells(end - start))],
  });
  const room = Math.ceil(base.size / 4) * 4 - base.size;
  const at = base.size + room + editor.growth;
  if (at > 0x7fff_ffff) return { doesNotApply: 'a position beyond 2 GiB cannot be named' };
  position.writeUInt32BE(at);
  const patches = patchesOf(input, editor);
  const data = evil ? evilData(input, kernel.data).inserts : [{ kind: 'copy' as const, start, end }];
  const padding = room > 0 ? [{ kind: 'fill' as const, byte: 0, count: room }] : [];
  patches.push({ at: base.size, remove: 0, insert: [...padding, ...data] });
  return { patches, touches: touchesOf(image, patches), facts: { position: at } };
}

const redirected = onTheWay(
  redirectWords(
    'fit-data-position-to-other',
    'whose kernel is looked for behind its end, where another one lies',
    'data-position goes before everything else that says where data lie, and is unsigned.',
  ),
  mustReject,
  (input) => {
    const target = targetOf(input.image);
    if ('doesNotApply' in target) return target;
    if (target.kernel.hashes.length === 0) return { doesNotApply: `${target.kernel.name} has no hash` };
    const plan = appendedAs(input, target, true);
    return 'doesNotApply' in plan ? plan : { ...plan, refusedFor: 'hash' };
  },
  { attackerModel: 'storage' },
);

const copied = onTheWay(
  redirectWords(
    'fit-data-position-to-copy',
    'whose kernel is looked for behind its end, where a copy of it lies',
    'Where data lie is unsigned, and may change as long as they are the same bytes.',
  ),
  benign,
  (input) => {
    const target = targetOf(input.image);
    return 'doesNotApply' in target ? target : appendedAs(input, target, false);
  },
);

const embeddedBeside: FitMutation = onTheWay(
  {
    id: 'fit-data-embedded-beside-external',
    kind: 'injection',
    name: 'with another kernel embedded beside the external one',
    rationale: 'Of two places that both hold data, the one that is verified must be the one that is loaded.',
    references,
  },
  // U-Boot looks at external data first; a loader that takes the embedded ones for both must refuse them.
  benign,
  (input) =>
    whereExternal(input, ({ kernel }) => {
      const editor = editorOf(input);
      editor.apply(editor.withProp(kernel.node, 'data', evilData(input, kernel.data).inserts));
      return planOf(input, editor);
    }),
);

function gapBytes(bytes: number, expectation: Expectation): FitMutation {
  return onTheWay(
    {
      id: 'fit-data-moved-with-offset',
      kind: 'structure',
      name: `with ${bytes} bytes put before its data, and offsets that follow`,
      rationale: 'Where data lie is unsigned, and may change as long as they are the same bytes.',
      references,
    },
    expectation,
    (input) => {
      const external = input.image.images.flatMap(({ data }) => (data?.kind === 'external' ? [data] : []));
      const first = Math.min(...external.map(({ start }) => start));
      if (external.length === 0) return { doesNotApply: 'its data are embedded' };
      const editor = editorOf(input);
      for (const data of external) {
        if (data.place === undefined) continue;
        editor.apply(editor.withValue(data.place, cells(placeOf(input, data) + bytes)));
      }
      const patches = [
        ...patchesOf(input, editor),
        { at: first, remove: 0, insert: [{ kind: 'fill' as const, byte: 0xa5, count: bytes }] },
      ];
      return { patches, touches: touchesOf(input.image, patches) };
    },
  );
}

export const externalMutations: readonly FitMutation[] = [
  ...lies.map(lie),
  redirected,
  copied,
  embeddedBeside,
  gapBytes(4096, benign),
];
