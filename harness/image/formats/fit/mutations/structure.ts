/** Attacks on the device tree as a file: header, blocks, tags; all of it read before anything is verified. */

import { property, type FdtHeaderField } from '../../../codec/fdt.ts';
import { cells } from '../../../codec/fdt-edit.ts';
import type { Expectation } from '../../../mutation.ts';
import { editorOf, planOf, targetOf } from '../edit.ts';
import type { FitImage } from '../model.ts';
import type { Refusal } from '../verify.ts';
import {
  benign,
  binarly,
  mustReject,
  noCrash,
  onTheWay,
  regionCode,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
} from './common.ts';
import { whereConfigurationSigned } from './metadata.ts';

const specification = 'Devicetree Specification v0.4, 5';
type Header = Readonly<Record<FdtHeaderField, number>>;

interface FieldLie {
  id: string;
  name: string;
  rationale: string;
  fields: (header: Header, image: FitImage) => Partial<Record<FdtHeaderField, number>> | undefined;
  expectation: Expectation;
  refusedFor?: Refusal;
  references?: readonly string[];
}

function fieldLie({
  id,
  name,
  rationale,
  fields,
  expectation,
  refusedFor,
  references = [],
}: FieldLie): FitMutation {
  return onTheWay(
    { id, kind: 'structure', name, rationale, references: [...references, `${specification}.2`] },
    expectation,
    (input) => {
      const { header } = input.image.tree;
      const edits = header && fields(header, input.image);
      if (edits === undefined) return { doesNotApply: 'the header leaves no room for that' };
      const editor = editorOf(input);
      for (const [field, value] of Object.entries(edits)) editor.setField(field as FdtHeaderField, value);
      return planOf(input, editor, { ...(refusedFor === undefined ? {} : { refusedFor }), facts: edits });
    },
    { invariants: ['signed-kept', 'signature-kept', 'same-length'] },
  );
}

const isOffsetExternal = ({ images }: FitImage): boolean =>
  images.some(({ data }) => data?.place?.name === 'data-offset');

/**
 * Where the genuine content is still there to be read, a loader that does not look at the field boots what is genuine:
 * only a crash is wrong.
 */
const fieldLies: readonly FieldLie[] = [
  {
    id: 'fit-totalsize-moves-data',
    name: 'whose total size is 4 KiB more, so that its data are looked for elsewhere',
    rationale: 'External data are counted from the end of the tree, which is unsigned.',
    fields: ({ totalsize }, image) =>
      isOffsetExternal(image) ? { totalsize: Math.min(totalsize + 4096, 0x7fff_f000) } : undefined,
    expectation: mustReject,
  },
  {
    id: 'fit-totalsize-beyond-file',
    name: 'whose total size is more than the file',
    rationale: 'A loader that believes it reads what was in memory before.',
    fields: (_, { size }) =>
      size < 0x7000_0000 ? { totalsize: Math.ceil(size / 4096) * 4096 + 65_536 } : undefined,
    expectation: noCrash,
  },
  {
    id: 'fit-totalsize-negative',
    name: 'whose total size is 4 GiB less one byte',
    rationale: 'A size that turns negative passes checks against an upper bound.',
    fields: () => ({ totalsize: 0xffff_ffff }),
    expectation: noCrash,
  },
  {
    id: 'fit-totalsize-zero',
    name: 'whose total size is 0',
    rationale: 'Every block lies outside of such a tree.',
    fields: () => ({ totalsize: 0 }),
    expectation: noCrash,
  },
  {
    id: 'fit-strings-offset-moved',
    name: 'whose names are looked for four bytes later',
    rationale: 'Signed properties get other names.',
    fields: ({ off_dt_strings }) => ({ off_dt_strings: off_dt_strings + 4 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-strings-offset-far',
    name: 'whose names lie 4 GiB away',
    rationale: 'An offset that is added without a check wraps around.',
    fields: () => ({ off_dt_strings: 0xffff_fff0 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-strings-size-zero',
    name: 'whose names have no bytes',
    rationale: 'Names are read and hashed up to sizes that come from elsewhere.',
    fields: () => ({ size_dt_strings: 0 }),
    expectation: noCrash,
    references: [binarly('039')],
  },
  {
    id: 'fit-strings-size-huge',
    name: 'whose names have 4 GiB',
    rationale: 'Offset and size overflow where their sum is taken in 32 bits.',
    fields: () => ({ size_dt_strings: 0xffff_ffff }),
    expectation: noCrash,
  },
  {
    id: 'fit-structure-offset-moved',
    name: 'whose structure is looked for four bytes later',
    rationale: 'The first node loses its tag, and nothing is what it was.',
    fields: ({ off_dt_struct }) => ({ off_dt_struct: off_dt_struct + 4 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-structure-offset-far',
    name: 'whose structure lies 4 GiB away',
    rationale: 'An offset that is added without a check wraps around.',
    fields: () => ({ off_dt_struct: 0xffff_fff0 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-structure-size-short',
    name: 'whose structure is said to be four bytes shorter',
    rationale: 'The structure ends where its end tag is, or where the header says; both must agree.',
    fields: ({ size_dt_struct }) => ({ size_dt_struct: size_dt_struct - 4 }),
    expectation: noCrash,
    references: ['CVE-2021-27097'],
  },
  {
    id: 'fit-structure-size-huge',
    name: 'whose structure is said to have 4 GiB',
    rationale: 'Offset and size overflow where their sum is taken in 32 bits.',
    fields: () => ({ size_dt_struct: 0xffff_fffc }),
    expectation: noCrash,
  },
  {
    id: 'fit-reservations-far',
    name: 'whose memory reservations lie 4 GiB away',
    rationale: 'A list that is read before anything is verified, up to an empty entry.',
    fields: () => ({ off_mem_rsvmap: 0xffff_fff0 }),
    expectation: noCrash,
  },
  {
    id: 'fit-version-old',
    name: 'that says it is a device tree of version 3',
    rationale:
      'Old versions pad values and name nodes otherwise: code for them is rarely run, and fails without a check.',
    fields: () => ({ version: 3, last_comp_version: 3 }),
    expectation: noCrash,
    references: [binarly('037'), binarly('038'), binarly('040')],
  },
  {
    id: 'fit-version-new',
    name: 'that says it is a device tree of a version to come',
    rationale: 'What is not understood must not be guessed.',
    fields: () => ({ version: 99, last_comp_version: 99 }),
    expectation: noCrash,
  },
  {
    id: 'fit-boot-cpu',
    name: 'that names another boot processor',
    rationale: 'The header is unsigned; a FIT boots on the processor that runs the loader.',
    fields: ({ boot_cpuid_phys }) => ({ boot_cpuid_phys: boot_cpuid_phys ^ 1 }),
    expectation: benign,
  },
];

const reservationAdded = onTheWay(
  {
    id: 'fit-reservation-added',
    kind: 'structure',
    name: 'with a memory reservation of its own',
    rationale:
      'Reservations are unsigned; those of a FIT are not those of the system, which come from its device tree.',
    references: [`${specification}.3`, 'U-Boot boot/image-fdt.c, boot_fdt_add_mem_rsv_regions()'],
  },
  benign,
  (input) => {
    const { header } = input.image.tree;
    const editor = editorOf(input);
    if (header === undefined || !editor.usual) return { doesNotApply: 'its blocks are in an unusual order' };
    const { off_mem_rsvmap: at, off_dt_struct, size_dt_struct } = header;
    editor.apply({ at, remove: 0, insert: [{ kind: 'bytes', bytes: cells(0, 0x8000_0000, 0, 0x1000) }] });
    editor.setField('off_dt_struct', off_dt_struct + 16);
    editor.setField('size_dt_struct', size_dt_struct);
    return planOf(input, editor);
  },
);

const nop = cells(4);

const nopOutside = onTheWay(
  {
    id: 'fit-nop-between-images',
    kind: 'encoding',
    name: 'with an empty tag between its images',
    rationale: 'The node of all images is not signed itself; an empty tag in it means nothing.',
    references: [`${specification}.4.1`, regionCode],
  },
  benign,
  (input) => {
    const first = input.image.imagesNode?.children[0];
    if (first === undefined) return { doesNotApply: 'there are no images' };
    const editor = editorOf(input);
    editor.apply(editor.before(first, { kind: 'bytes', bytes: nop }));
    return planOf(input, editor);
  },
);

function inKernel(
  id: string,
  name: string,
  rationale: string,
  edit: (editor: ReturnType<typeof editorOf>, input: FitInput) => boolean,
): FitMutation {
  return onTheWay(
    { id, kind: 'encoding', name, rationale, references: [`${specification}.4.1`, regionCode] },
    signedByConfiguration,
    (input) =>
      whereConfigurationSigned(input, () => {
        const editor = editorOf(input);
        if (!edit(editor, input)) return { doesNotApply: 'its kernel has no such property' };
        return planOf(input, editor, { refusedFor: 'signature' });
      }),
  );
}

const nopInside = inKernel(
  'fit-nop-in-kernel',
  'with an empty tag in its signed kernel node',
  'The signature is over the bytes of the tree, not over what they mean.',
  (editor, { image }) => {
    const target = targetOf(image);
    if ('doesNotApply' in target) return false;
    editor.apply({ at: target.kernel.node.contentStart, remove: 0, insert: [{ kind: 'bytes', bytes: nop }] });
    return true;
  },
);

const propertyNopped = inKernel(
  'fit-property-blanked',
  'whose kernel’s compression is overwritten with empty tags',
  'What libfdt itself does to remove a property in place: the lengths stay, and the property is gone.',
  (editor, { image }) => {
    const target = targetOf(image);
    const prop = 'doesNotApply' in target ? undefined : property(target.kernel.node, 'compression');
    if (prop === undefined) return false;
    const bytes = cells(...Array.from({ length: (prop.end - prop.start) / 4 }, () => 4));
    editor.apply({ at: prop.start, remove: prop.end - prop.start, insert: [{ kind: 'bytes', bytes }] });
    return true;
  },
);

const behindEnd = onTheWay(
  {
    id: 'fit-tags-behind-end',
    kind: 'structure',
    name: 'with tags behind the end of its structure',
    rationale: 'What lies behind the end tag must not be read as part of the tree.',
    references: ['CVE-2021-27097', `${specification}.4.1`],
  },
  noCrash,
  (input) => {
    const last = input.image.tree.tags.at(-1);
    if (last?.type !== 'end') return { doesNotApply: 'its structure has no end' };
    const editor = editorOf(input);
    editor.apply({ at: last.end, remove: 0, insert: [{ kind: 'bytes', bytes: cells(4, 9) }] });
    return planOf(input, editor);
  },
);

const imagesProperty = onTheWay(
  {
    id: 'fit-property-of-images-added',
    kind: 'injection',
    name: 'with a property in the node of all images',
    rationale: 'That node is not signed itself; nothing reads properties there.',
    references: [regionCode],
  },
  benign,
  (input) => {
    const { imagesNode } = input.image;
    if (imagesNode === undefined) return { doesNotApply: 'there are no images' };
    const editor = editorOf(input);
    editor.apply(editor.withProp(imagesNode, 'comment', Buffer.from('added\0')));
    return planOf(input, editor);
  },
);

function nested(levels: number): FitMutation {
  return onTheWay(
    {
      id: `fit-nested-${levels}-deep`,
      kind: 'resource',
      name: `with nodes ${levels} deep beside its images`,
      rationale: 'A walk that calls itself for each level runs out of stack before anything is verified.',
      references: [binarly('042'), regionCode],
    },
    noCrash,
    (input) => {
      const { imagesNode } = input.image;
      if (imagesNode === undefined) return { doesNotApply: 'there are no images' };
      const begin = Buffer.concat([cells(1), Buffer.from('n\0\0\0')]);
      const bytes = Buffer.concat([
        ...Array.from({ length: levels }, () => begin),
        ...Array.from({ length: levels }, () => cells(2)),
      ]);
      const editor = editorOf(input);
      editor.apply(editor.atEndOf(imagesNode, { kind: 'bytes', bytes }));
      return planOf(input, editor);
    },
  );
}

const longName = onTheWay(
  {
    id: 'fit-node-name-long',
    kind: 'resource',
    name: 'with a node of a very long name beside its images',
    rationale: 'Paths are put together in a buffer of fixed size before anything is verified.',
    references: [binarly('037'), regionCode],
  },
  noCrash,
  (input) => {
    const { imagesNode } = input.image;
    if (imagesNode === undefined) return { doesNotApply: 'there are no images' };
    const editor = editorOf(input);
    editor.apply(editor.atEndOf(imagesNode, ...editor.node('n'.repeat(1000), [])));
    return planOf(input, editor);
  },
);

export const structureMutations: readonly FitMutation[] = [
  ...fieldLies.map(fieldLie),
  reservationAdded,
  nopOutside,
  nopInside,
  propertyNopped,
  behindEnd,
  imagesProperty,
  nested(40),
  nested(4000),
  longName,
];
