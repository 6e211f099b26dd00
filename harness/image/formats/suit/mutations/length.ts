/** Attacks on the length of SUIT envelopes, and on the lengths in them. */

import { cborHead, cborMajors, type CborItem } from '../../../codec/cbor.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { cut } from '../../../patch-set.ts';
import type { Edit } from '../edit.ts';
import { sequenceNames } from '../labels.ts';
import type { SuitImage } from '../parse.ts';
import type { Refusal } from '../verify.ts';
import { attack, draft, harmless, mustReject, noCrash, type SuitInput, type SuitMutation } from './common.ts';
import { boundPayload } from './payload.ts';

function appended(bytes: number, words: string): SuitMutation {
  return {
    id: `suit-appended-${bytes}`,
    kind: 'appended',
    depth: 'standard',
    invariants: ['base-is-prefix'],
    name: `with ${words} appended`,
    rationale:
      'What lies behind the envelope is unsigned: it may be refused or ignored, and must never be executed.',
    references: ['SIG-14', 'RFC 9124, THREAT.IMG.EXTRA'],
    attackerModel: 'network',
    needs: [],
    expectation: ({ appendedData }) => (appendedData === 'refuse' ? mustReject : harmless),
    plan: ({ base, random }) => {
      const byte = random('fill', 1)[0] ?? 0;
      return {
        patches: [{ at: base.size, remove: 0, insert: [{ kind: 'fill', byte, count: bytes }] }],
        touches: ['end-of-file'],
        refusedFor: 'trailing',
      };
    },
  };
}

function truncated(id: string, name: string, endOf: (image: SuitImage) => number | undefined): SuitMutation {
  return {
    id: `suit-truncated-${id}`,
    kind: 'truncated',
    depth: 'standard',
    invariants: ['is-prefix-of-base'],
    name,
    rationale: 'A transfer that broke off, or was broken off, must not leave an image that runs.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    attackerModel: 'network',
    needs: [],
    expectation: mustReject,
    plan: ({ base, image }) => {
      const end = endOf(image);
      if (end === undefined) return { doesNotApply: 'the envelope is unsigned or empty' };
      if (end >= neededEnd(image)) {
        return { doesNotApply: 'what is cut off is text, or the like, which a device need not read' };
      }
      return {
        patches: [cut(end, base.size - end)],
        touches: image.regions.filter((region) => region.end > end).map(({ name: region }) => region),
        facts: { bytesLeft: end },
        refusedFor: 'truncated',
      };
    },
  };
}

/** End of the last element that a device needs to install. */
function neededEnd({ members, manifest, auth, program }: SuitImage): number {
  const severed = new Set(
    manifest?.severed.map(({ label }) => label).filter((label) => sequenceNames.has(label)),
  );
  const needed = members.filter(
    ({ key, value }) =>
      value === auth?.wrapper ||
      value === manifest?.wrapper ||
      (typeof key === 'string' ? program.fetched.has(key) : severed.has(key ?? NaN)),
  );
  return Math.max(0, ...needed.map(({ value }) => value.end));
}

const truncations = [
  truncated('one-byte', 'one byte short', ({ envelopeEnd }) => envelopeEnd - 1),
  truncated('half', 'cut in half', ({ envelopeEnd }) => Math.floor(envelopeEnd / 2)),
  truncated(
    'before-signature',
    'cut just before its signature',
    ({ auth }) => auth?.blocks[0]?.wrapper.start,
  ),
];

interface Lie {
  id: string;
  name: string;
  rationale: string;
  item: (input: SuitInput) => CborItem | undefined;
  /** Undefined where it would be the truth. */
  argument: (item: CborItem) => bigint;
  refusedFor?: Refusal;
}

const payload = (input: SuitInput): CborItem | undefined => boundPayload(input)?.value;
const manifest = ({ image }: SuitInput): CborItem | undefined => image.manifest?.wrapper;
const envelope = ({ image }: SuitInput): CborItem | undefined => image.envelope;

const lies: Lie[] = [
  {
    id: 'suit-payload-length-short',
    name: 'with its payload’s length one less than it is',
    rationale: 'The last byte becomes an element of its own; what is left is not what was signed.',
    item: payload,
    argument: ({ argument }) => argument - 1n,
  },
  {
    id: 'suit-payload-length-huge',
    name: 'with a length of 2⁶³ − 1 for its payload',
    rationale: 'Added to an address it wraps; allocated, it exhausts.',
    item: payload,
    argument: () => 0x7fff_ffff_ffff_ffffn,
    refusedFor: 'truncated',
  },
  {
    id: 'suit-manifest-length-huge',
    name: 'with a length of 2⁶⁴ − 1 for its manifest',
    rationale: 'Plus the length of its head it is a small number.',
    item: manifest,
    argument: () => 0xffff_ffff_ffff_ffffn,
    refusedFor: 'truncated',
  },
  {
    id: 'suit-manifest-length-short',
    name: 'with its manifest’s length one less than it is',
    rationale: 'The digest covers the length; whoever digests the contents alone is led to another manifest.',
    item: manifest,
    argument: ({ argument }) => argument - 1n,
  },
];

function lie({ item, argument, ...described }: Lie): SuitMutation {
  return attack({
    ...described,
    kind: 'structure',
    references: ['RFC 8949, 3 and 10', 'CWE-190'],
    alter: (input) => {
      const found = item(input);
      if (found === undefined || found.indefinite) return { doesNotApply: 'it has no such element' };
      return headEdit(found, argument(found));
    },
  });
}

function headEdit(item: CborItem, argument: bigint): Edit[] | DoesNotApply {
  return argument < 0n
    ? { doesNotApply: 'it is empty' }
    : [{ start: item.start, end: item.headEnd, bytes: cborHead(item.major, argument) }];
}

/** Counts that lie: a device that reads elements as they come may have all that it needs before it notices. */
const counts: SuitMutation[] = [
  ['more', 'one element more than there are', (count: bigint) => count + 1n],
  ['huge', 'a count of 2⁶⁴ − 1 elements', () => 0xffff_ffff_ffff_ffffn],
  ['none', 'a count of no elements', () => 0n],
].map(([id, words, change]) =>
  attack({
    id: `suit-envelope-count-${String(id)}`,
    kind: 'structure',
    expectation: noCrash,
    name: `with ${String(words)} in the head of its envelope`,
    rationale: 'A count times the size of an entry wraps; a loop up to it never ends.',
    references: ['RFC 8949, 10', `${draft}, Envelope`, 'CWE-190'],
    alter: (input) => {
      const found = envelope(input);
      if (found === undefined || found.indefinite) return { doesNotApply: 'its envelope has no count' };
      return headEdit(found, (change as (count: bigint) => bigint)(found.argument));
    },
  }),
);

const countInHeader = attack({
  id: 'suit-unprotected-count-huge',
  kind: 'structure',
  expectation: noCrash,
  name: 'with a list of 2³² − 1 items in its unprotected header',
  rationale: 'The header is read before anything is verified: no memory may be taken on its word.',
  references: ['RFC 8949, 10', 'CWE-789'],
  alter: ({ image }) => {
    const unprotected = image.auth?.blocks[0]?.signatures[0]?.unprotected;
    if (unprotected === undefined) return { doesNotApply: 'the envelope is unsigned' };
    const list = Buffer.concat([Buffer.of(0xa1, 0x18, 0x63), cborHead(cborMajors.array, 0xffff_ffffn)]);
    return [{ start: unprotected.start, end: unprotected.end, bytes: list }];
  },
});

export const lengthMutations: readonly SuitMutation[] = [
  appended(1, 'one byte'),
  appended(4096, '4 KiB'),
  ...truncations,
  ...lies.map(lie),
  ...counts,
  countInHeader,
];
