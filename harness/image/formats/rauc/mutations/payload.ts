/** Attacks on what is installed: the squashfs and its superblock. */

import { verityBlockBytes, verityDigestBytes } from '../../../codec/verity.ts';
import { regionNamed, type Region } from '../../../image.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { overwrite } from '../../../patch-set.ts';
import { superblockFields, type SuperblockField } from '../squashfs.ts';
import {
  bundleSource,
  formatsDoc,
  mustReject,
  regionsOf,
  type RaucInput,
  type RaucMutation,
} from './common.ts';
import { payloadShapes, type Alteration } from './isolating.ts';

function flip(
  { base, image, random }: RaucInput,
  name: string,
  offset: (region: Region) => number,
): Alteration | DoesNotApply {
  const region = regionNamed(image, name);
  if (region === undefined) return { doesNotApply: `there is no ${name}` };
  const at = offset(region);
  const bit = (random('bit', 1)[0] ?? 0) & 7;
  const old = base.read(at, at + 1)[0] ?? 0;
  return {
    patches: [overwrite(at, Buffer.of(old ^ (1 << bit)))],
    touches: [name],
    facts: { offset: at, bit },
  };
}

const offsets = {
  first: ({ start }: Region) => start,
  middle: ({ start, end }: Region) => start + Math.floor((end - start) / 2),
  last: ({ end }: Region) => end - 1,
};

function payloadBit(where: keyof typeof offsets): RaucMutation[] {
  return payloadShapes(
    {
      id: `rauc-payload-${where}-bit`,
      kind: 'payload',
      depth: 'standard',
      name: `with one bit of its ${where} payload byte flipped`,
      rationale: 'The whole payload must be covered, to its edges, and must be read before it is believed.',
      references: ['SIG-02', bundleSource],
    },
    (input) => flip(input, 'payload', offsets[where]),
  );
}

const padding = payloadShapes(
  {
    id: 'rauc-padding-last-bit',
    kind: 'payload',
    name: 'with one bit of the padding behind its squashfs flipped',
    rationale:
      'Signature and tree cover the padding too: whoever takes them to end with the file system leaves a gap.',
    references: ['SIG-02', formatsDoc],
  },
  (input) => flip(input, 'squashfs.padding', offsets.last),
);

function superblock(
  field: SuperblockField,
  words: { id: string; name: string; rationale: string },
  change: (value: bigint) => bigint,
): RaucMutation[] {
  return payloadShapes(
    {
      ...words,
      kind: 'metadata',
      ...(words.id === 'rauc-squashfs-bytes-used' ? { depth: 'standard' } : {}),
      references: ['SIG-03', 'Linux fs/squashfs/squashfs_fs.h'],
    },
    ({ base, image }) => {
      const row = superblockFields.find(({ name }) => name === field);
      if (row === undefined || image.superblock === undefined)
        return { doesNotApply: 'the squashfs is encrypted' };
      const bytes = Buffer.from(base.read(row.at, row.at + row.bytes));
      const from = BigInt(`0x${bytes.reverse().toString('hex')}`);
      const to = BigInt.asUintN(8 * row.bytes, change(from));
      const altered = Buffer.from(to.toString(16).padStart(2 * row.bytes, '0'), 'hex').reverse();
      return {
        patches: [overwrite(row.at, altered)],
        touches: [`squashfs.${field}`],
        facts: { from: String(from), to: String(to) },
      };
    },
  );
}

const superblocks = [
  ...superblock(
    'bytes_used',
    {
      id: 'rauc-squashfs-bytes-used',
      name: 'with a squashfs that says to be one byte shorter',
      rationale:
        'The size is read before anything is checked, where a verifier derives what is covered from it.',
    },
    (bytes) => bytes - 1n,
  ),
  ...superblock(
    'bytes_used',
    {
      id: 'rauc-squashfs-bytes-used-huge',
      name: 'with a squashfs that says to have 2^63 bytes',
      rationale: 'A signed 64-bit number turns negative, and so may what is computed from it.',
    },
    () => 1n << 63n,
  ),
  ...superblock(
    'root_inode',
    {
      id: 'rauc-squashfs-root-inode',
      name: 'with another root directory in its squashfs',
      rationale:
        'Eight bytes show the installer another tree of files in the same, otherwise genuine payload.',
    },
    (inode) => inode ^ 0x20n,
  ),
  ...superblock(
    'mkfs_time',
    {
      id: 'rauc-squashfs-time',
      name: 'with another time in its squashfs',
      rationale: 'A field that changes nothing about the files is covered like all others.',
    },
    (time) => time + 1n,
  ),
  ...superblock(
    'magic',
    {
      id: 'rauc-squashfs-magic',
      name: 'with its first byte altered, so that it is no squashfs',
      rationale: 'The very first byte is covered, and the kernel is not given what has not been checked.',
    },
    (magic) => magic ^ 1n,
  ),
];

/** Swapped with their digests, so that each block has its digest in the tree, in the wrong place. */
const blocksSwapped: RaucMutation = {
  id: 'rauc-blocks-swapped',
  kind: 'payload',
  invariants: ['same-length', 'signature-kept'],
  name: 'with two blocks of its payload exchanged, together with their digests',
  rationale: 'A block with a right digest is right only in its place.',
  references: ['SIG-02', 'Linux Documentation/admin-guide/device-mapper/verity.rst'],
  attackerModel: 'storage',
  needs: [],
  expectation: mustReject,
  plan: ({ base, image }) => {
    const lowest = image.tree?.levels[0];
    if (lowest === undefined || image.bundleFormat !== 'verity') return { doesNotApply: 'there is no tree' };
    const second = lowest.digests - 1;
    const exchanged = (start: number, bytes: number): { at: number; bytes: Uint8Array }[] => {
      const places = [start, start + second * bytes];
      return places.map((at, index) => {
        const from = places[1 - index] ?? at;
        return { at, bytes: base.read(from, from + bytes) };
      });
    };
    const places = [...exchanged(0, verityBlockBytes), ...exchanged(lowest.start, verityDigestBytes)];
    const patches = places.map(({ at, bytes }) => overwrite(at, bytes));
    const reason = (image.tree?.levels.length ?? 0) > 1 ? 'verity-tree' : 'verity-root';
    return {
      patches,
      touches: regionsOf(image, patches),
      facts: { first: 0, second },
      refusedFor: reason,
    };
  },
};

/** What a device might read that had checked the genuine bundle: the same file, other bytes where it counts. */
const swapAfterCheck: RaucMutation = {
  id: 'rauc-swap-after-check',
  kind: 'substitution',
  invariants: ['same-length', 'signature-kept'],
  name: 'with another payload behind the genuine signature, to take the genuine one’s place after its check',
  rationale:
    'A bundle that is checked and then read again may be another one by then. Offered by itself it must be refused; with access to the storage it is to replace the genuine bundle between check and installation.',
  references: ['SIG-26', 'CVE-2020-25860', 'RAUC src/bundle.c, enforce_bundle_exclusive'],
  attackerModel: 'storage',
  needs: [],
  expectation: mustReject,
  plan: ({ image, random }) => {
    const payload = regionNamed(image, 'payload');
    if (payload === undefined || payload.end - payload.start < 1024)
      return { doesNotApply: 'the payload is too short' };
    const at = offsets.middle(payload);
    return {
      patches: [overwrite(at, random('other payload', 256))],
      touches: ['payload'],
      facts: { offset: at, bytes: 256, checked: 'the genuine bundle', readAfterwards: 'this one' },
    };
  },
};

export const payloadMutations: readonly RaucMutation[] = [
  ...payloadBit('first'),
  ...payloadBit('middle'),
  ...payloadBit('last'),
  ...padding,
  ...superblocks,
  blocksSwapped,
  swapAfterCheck,
];
