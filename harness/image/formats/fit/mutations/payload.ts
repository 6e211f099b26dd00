/**
 * Attacks on the data of the images: each twice, with the hash nodes stale and fresh, so that neither the hash nor the
 * signature hides the other.
 */

import { materialise } from '../../../byte-source.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { overwrite } from '../../../patch-set.ts';
import {
  dataPatches,
  editorOf,
  planOf,
  targetOf,
  touchesOf,
  withFreshHashes,
  type EvilData,
  type Target,
} from '../edit.ts';
import { imagesOf, type FitData } from '../model.ts';
import { dataOf } from '../verify.ts';
import {
  mustReject,
  onTheWay,
  refusedFor,
  signatureDoc,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
  type Words,
} from './common.ts';

type Alteration = (input: FitInput, target: Target) => RefusedPlan | DoesNotApply;

function isolatingPair(words: Words, alter: Alteration, rest: Partial<FitMutation>): FitMutation[] {
  const withTarget = (input: FitInput, fresh: boolean): RefusedPlan | DoesNotApply => {
    const target = targetOf(input.image);
    if ('doesNotApply' in target) return target;
    if (target.kernel.hashes.length === 0) return { doesNotApply: `${target.kernel.name} has no hash` };
    const plan = alter(input, target);
    if ('doesNotApply' in plan || !fresh) return refusedFor(plan, 'hash');
    const patches = withFreshHashes(input, plan.patches, target.kernel);
    return refusedFor({ ...plan, patches, touches: touchesOf(input.image, patches) }, 'signature');
  };
  return [
    onTheWay(
      { ...words, id: `${words.id}-stale-digest` },
      mustReject,
      (input) => withTarget(input, false),
      rest,
    ),
    onTheWay(
      {
        ...words,
        id: `${words.id}-fresh-digest`,
        name: `${words.name}, its hashes recomputed`,
        rationale: `${words.rationale} The hashes fit, so that only the signature can tell.`,
      },
      mustReject,
      (input) => withTarget(input, true),
      rest,
    ),
  ];
}

function payloadFlip(where: 'first' | 'middle' | 'last'): FitMutation[] {
  return isolatingPair(
    {
      id: `fit-payload-${where}-bit`,
      kind: 'payload',
      name: `with one bit of its ${where} kernel byte flipped`,
      rationale: 'The whole data of every image must be covered, to its edges.',
      references: ['SIG-02', `${signatureDoc}, Signed configurations`],
    },
    (input, { kernel: { data } }) => {
      const at = offsetIn(data, where);
      const bit = (input.random('bit', 1)[0] ?? 0) & 7;
      const old = input.base.read(at, at + 1)[0] ?? 0;
      const patches = [overwrite(at, Buffer.of(old ^ (1 << bit)))];
      return { patches, touches: touchesOf(input.image, patches), facts: { offset: at, bit } };
    },
    { depth: 'standard', invariants: ['signature-kept', 'same-length'] },
  );
}

function offsetIn({ start, claimedEnd: end }: FitData, where: 'first' | 'middle' | 'last'): number {
  if (where === 'first') return start;
  return where === 'last' ? end - 1 : start + Math.floor((end - start) / 2);
}

const otherImage = isolatingPair(
  {
    id: 'fit-data-of-other-image',
    kind: 'substitution',
    name: 'with the data of another of its images for a kernel',
    rationale: 'Data are bound to the image that names them: what is genuine elsewhere is not genuine here.',
    references: ['SIG-02', `${signatureDoc}, Signed images`],
  },
  (input, target) => {
    const other = imagesOf(target.configuration).find(
      ({ name, data }) => name !== target.kernel.name && data,
    );
    if (other?.data === undefined) return { doesNotApply: 'the configuration has one image only' };
    const { start, claimedEnd: end } = other.data;
    return swapped(input, target, {
      inserts: [{ kind: 'copy', start, end }],
      source: dataOf(input.base, other),
    });
  },
  { attackerModel: 'storage' },
);

const secondKernel = isolatingPair(
  {
    id: 'fit-data-of-second-image',
    kind: 'substitution',
    name: 'with the kernel of another release',
    rationale:
      'A genuine kernel of an older release has known holes; the signature of this release does not cover it.',
    references: ['SIG-05', `${signatureDoc}, Signed configurations`],
  },
  (input, target) => {
    const { second } = input;
    const donor = second && targetOf(second.image);
    if (second === undefined || donor === undefined || 'doesNotApply' in donor) {
      return { doesNotApply: 'the second image boots no kernel' };
    }
    const source = dataOf(second.source, donor.kernel);
    const bytes = materialise(source);
    if (Buffer.compare(bytes, materialise(dataOf(input.base, target.kernel))) === 0) {
      return { doesNotApply: 'the second image has the same kernel' };
    }
    return swapped(input, target, { inserts: [{ kind: 'bytes', bytes }], source });
  },
  { attackerModel: 'stolen-old-image', needs: ['second-image'] },
);

function swapped(input: FitInput, { kernel }: Target, data: EvilData): RefusedPlan | DoesNotApply {
  const editor = editorOf(input);
  editor.apply(...dataPatches(editor, kernel, data));
  return planOf(input, editor);
}

export const payloadMutations: readonly FitMutation[] = [
  ...payloadFlip('first'),
  ...payloadFlip('middle'),
  ...payloadFlip('last'),
  ...otherImage,
  ...secondKernel,
];
