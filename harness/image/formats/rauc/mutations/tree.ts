/** Attacks on the hash tree itself, whose blocks are hashed whole: no byte of it is free. */

import { regionNamed } from '../../../image.ts';
import { overwrite } from '../../../patch-set.ts';
import { formatsDoc, mustReject, regionsOf, type RaucInput, type RaucMutation } from './common.ts';

interface TreeAttack {
  id: string;
  name: string;
  rationale: string;
  /** Offset of a byte that is to change; undefined when there is none. */
  at: (input: RaucInput) => number | undefined;
  reason: 'verity-data' | 'verity-tree' | 'verity-root' | ((levels: number) => string);
}

function treeFlip({ at, reason, ...described }: TreeAttack): RaucMutation {
  return {
    ...described,
    kind: 'payload',
    invariants: ['same-length', 'signature-kept'],
    references: [formatsDoc, 'Linux Documentation/admin-guide/device-mapper/verity.rst, "Hash Tree"'],
    attackerModel: 'network',
    needs: [],
    expectation: mustReject,
    plan: (input) => {
      const offset = at(input);
      if (offset === undefined) return { doesNotApply: 'there is no such place in its hash tree' };
      const { base, image } = input;
      const patches = [overwrite(offset, Buffer.of((base.read(offset, offset + 1)[0] ?? 0) ^ 1))];
      const levels = image.tree?.levels.length ?? 0;
      const verityReason = typeof reason === 'function' ? reason(levels) : reason;
      return {
        patches,
        touches: regionsOf(image, patches),
        facts: { offset },
        refusedFor: image.bundleFormat === 'crypt' ? 'encrypted' : verityReason,
      };
    },
  };
}

function levelOf({ image }: RaucInput, which: 'lowest' | 'highest', part: '' | '.padding'): string {
  const levels = image.tree?.levels.length ?? 0;
  return `tree.level${which === 'lowest' ? 0 : Math.max(1, levels - 1)}${part}`;
}

const flips = [
  treeFlip({
    id: 'rauc-tree-first-digest',
    name: 'with one bit of the first digest of its data flipped',
    rationale: 'A tree that is read but not compared protects nothing.',
    at: (input) => regionNamed(input.image, levelOf(input, 'lowest', ''))?.start,
    reason: 'verity-data',
  }),
  treeFlip({
    id: 'rauc-tree-last-digest',
    name: 'with one bit of the last digest of its data flipped',
    rationale:
      'The last block of data is checked like the first, though a short installation may never read it.',
    at: (input) => {
      const end = regionNamed(input.image, levelOf(input, 'lowest', ''))?.end;
      return end === undefined ? undefined : end - 1;
    },
    reason: 'verity-data',
  }),
  treeFlip({
    id: 'rauc-tree-padding',
    name: 'with one bit behind the last digest of its data flipped',
    rationale: 'The unused rest of a hash block is hashed with it: an altered one belongs to another root.',
    at: (input) => regionNamed(input.image, levelOf(input, 'lowest', '.padding'))?.start,
    reason: 'verity-tree',
  }),
  treeFlip({
    id: 'rauc-tree-end',
    name: 'with the last bit of its hash tree flipped',
    rationale: 'The tree is covered to its last byte.',
    at: ({ image }) => (image.tree === undefined ? undefined : image.payloadEnd - 1),
    reason: 'verity-tree',
  }),
  treeFlip({
    id: 'rauc-tree-top',
    name: 'with one bit of the highest level of its hash tree flipped',
    rationale: 'Each level is compared with the one above it, up to the root.',
    at: (input) => regionNamed(input.image, levelOf(input, 'highest', ''))?.start,
    reason: 'verity-tree',
  }),
  treeFlip({
    id: 'rauc-tree-top-padding',
    name: 'with one bit behind the digests of the highest level of its hash tree flipped',
    rationale: 'Only the root hash covers these bytes, and it does.',
    at: (input) => regionNamed(input.image, levelOf(input, 'highest', '.padding'))?.start,
    reason: 'verity-tree',
  }),
];

const zeroed: RaucMutation = {
  id: 'rauc-tree-zeroed',
  kind: 'payload',
  invariants: ['same-length', 'signature-kept'],
  name: 'with nothing but zeros for a hash tree',
  rationale: 'A digest of zeros is no digest. It must not mean that a block need not be checked.',
  references: [formatsDoc, 'Linux dm-verity, option ignore_zero_blocks'],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: ({ image }) => {
    if (image.tree === undefined) return { doesNotApply: 'there is no hash tree' };
    const { treeBytes } = image.tree;
    const patches = [
      {
        at: image.dataEnd,
        remove: treeBytes,
        insert: [{ kind: 'fill', byte: 0, count: treeBytes } as const],
      },
    ];
    return {
      patches,
      touches: image.regions
        .filter(({ name }) => /^tree\.level\d+$/.test(name))
        .map(({ name }) => name)
        .concat(image.regions.filter(({ name }) => /^tree\..*padding$/.test(name)).map(({ name }) => name)),
      refusedFor: image.bundleFormat === 'crypt' ? 'encrypted' : 'verity-data',
    };
  },
};

export const treeMutations: readonly RaucMutation[] = [...flips, zeroed];
