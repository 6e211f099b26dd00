/** The same envelope in another encoding: unsigned heads and order, and those that the digest covers. */

import {
  cborHead,
  cborMajors,
  cborRaw,
  encodeCborBytes,
  encodeCborInt,
  type CborItem,
} from '../../../codec/cbor.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { rawMember, replaced, withMore, type Edit } from '../edit.ts';
import { manifestKeys } from '../labels.ts';
import {
  attack,
  draft,
  harmless,
  isolatingPair,
  noCrash,
  type SuitInput,
  type SuitMutation,
} from './common.ts';

type Maybe = Edit[] | DoesNotApply;
const nothing = { doesNotApply: 'there is no envelope' };
const deterministic = ['RFC 8949, 4.2.1', `${draft}, Encoding Considerations`];

const breakByte = Buffer.of(0xff);
const longHead = ({ major, argument }: CborItem): Buffer => cborHead(major, argument, 8);
const indefiniteHead = ({ major }: CborItem): Buffer => Buffer.of((major << 5) | 31);
const headOf = (item: CborItem, bytes: Uint8Array): Edit => ({ start: item.start, end: item.headEnd, bytes });

function ofEnvelope(change: (envelope: CborItem, input: SuitInput) => Maybe) {
  return (input: SuitInput): Maybe =>
    input.image.envelope === undefined ? nothing : change(input.image.envelope, input);
}

/** Members in another order: all of them are put where the first one began. */
function reordered(order: (keys: number[]) => number[]) {
  return ({ base, image }: SuitInput): Maybe => {
    const { members } = image;
    const [first, last] = [members[0], members.at(-1)];
    if (first === undefined || last === undefined) return nothing;
    if (last.value.end - first.keyItem.start > 64 * 1024 * 1024) return { doesNotApply: 'it is too large' };
    const indices = order(members.map((_, index) => index));
    const raw = indices.map((index) => members[index]).map((member) => member && rawMember(base, member));
    const bytes = Buffer.concat(raw.filter((one) => one !== undefined));
    return [{ start: first.keyItem.start, end: last.value.end, bytes }];
  };
}

const harmlessOnes: Pick<Parameters<typeof attack>[0], 'id' | 'name' | 'rationale' | 'alter'>[] = [
  {
    id: 'suit-envelope-long-head',
    name: 'with the count of its envelope in eight bytes',
    rationale: 'The shortest form is asked of the signer; a reader that expects one byte loses its place.',
    alter: ofEnvelope((envelope) => (envelope.indefinite ? nothing : [headOf(envelope, longHead(envelope))])),
  },
  {
    id: 'suit-envelope-indefinite',
    name: 'with an envelope of indefinite length',
    rationale: 'Without a count, a loop that waits for the end must find it.',
    alter: ofEnvelope((envelope, { image }) => {
      if (envelope.indefinite) return { doesNotApply: 'it has indefinite length already' };
      const { start, end } = image.members.at(-1)?.value ?? envelope;
      return start === envelope.start
        ? nothing
        : [headOf(envelope, indefiniteHead(envelope)), { start: end, end, bytes: breakByte }];
    }),
  },
  {
    id: 'suit-keys-long',
    name: 'with the keys of its envelope in two bytes each',
    rationale: 'Whoever compares encoded keys finds none, and must not take that for an empty envelope.',
    alter: ({ image }) =>
      image.members.flatMap(({ keyItem }) =>
        keyItem.major === cborMajors.uint && keyItem.argument < 24n
          ? [replaced(keyItem, cborHead(cborMajors.uint, keyItem.argument, 1))]
          : [],
      ),
  },
  {
    id: 'suit-auth-long-head',
    name: 'with the length of its authentication wrapper in eight bytes',
    rationale: 'A length of eight bytes whose upper half is ignored is another one.',
    alter: ({ image: { auth } }) =>
      auth === undefined ? nothing : [headOf(auth.wrapper, longHead(auth.wrapper))],
  },
  {
    id: 'suit-keys-reversed',
    name: 'with the elements of its envelope in reverse order',
    rationale: 'The manifest then comes before its signature: it must not be executed before it is verified.',
    alter: reordered((keys) => keys.reverse()),
  },
  {
    id: 'suit-payload-first',
    name: 'with its last element before all others',
    rationale: 'A payload that comes before the manifest must not be written before it is known what it is.',
    alter: reordered((keys) => [...keys.slice(-1), ...keys.slice(0, -1)]),
  },
  {
    id: 'suit-tag-toggled',
    name: 'with the tag of its envelope removed, or put there',
    rationale: 'The tag is optional where the context tells what it is.',
    alter: ofEnvelope((envelope, { image }) =>
      image.top === envelope
        ? [headOf(envelope, Buffer.concat([cborHead(cborMajors.tag, 107), longOrSame(envelope)]))]
        : [{ start: 0, end: envelope.start, bytes: Buffer.alloc(0) }],
    ),
  },
];

function longOrSame(envelope: CborItem): Buffer {
  return envelope.indefinite ? indefiniteHead(envelope) : cborHead(envelope.major, envelope.argument);
}

const envelopes = harmlessOnes.map((described) =>
  attack({
    ...described,
    kind: 'encoding',
    expectation: harmless,
    references: deterministic,
  }),
);

const otherTag = attack({
  id: 'suit-tag-other',
  kind: 'encoding',
  expectation: noCrash,
  name: 'with the tag of another kind of object',
  rationale: 'The tag says what it is: a device may go by it, or by what is inside.',
  references: [`${draft}, IANA Considerations`],
  alter: ofEnvelope((envelope, { image }) =>
    image.top === envelope
      ? { doesNotApply: 'it has no tag' }
      : [{ start: 0, end: envelope.start, bytes: cborHead(cborMajors.tag, 1070) }],
  ),
});

const longManifest = (input: SuitInput): Maybe => {
  const wrapper = input.image.manifest?.wrapper;
  return wrapper === undefined ? nothing : [headOf(wrapper, longHead(wrapper))];
};

const manifestHead: SuitMutation[] = [
  attack({
    id: 'suit-manifest-long-head-stale-digest',
    kind: 'encoding',
    // The digest covers the head: of what was received, or of what the device would have encoded.
    expectation: harmless,
    name: 'with the length of its manifest in eight bytes',
    rationale:
      'A device that digests what it received refuses; one that digests what it encodes itself executes the same manifest.',
    references: [...deterministic, `${draft}, Authenticated Manifests`],
    alter: longManifest,
  }),
  attack({
    id: 'suit-manifest-long-head-fresh-digest',
    kind: 'encoding',
    fresh: { digest: true },
    refusedFor: 'signature',
    name: 'with the length of its manifest in eight bytes, the digest recomputed',
    rationale: 'The digest of the longer head is another one, and nobody signed it.',
    references: [...deterministic, `${draft}, Authenticated Manifests`],
    alter: longManifest,
  }),
  attack({
    id: 'suit-manifest-long-head-resigned',
    kind: 'encoding',
    expectation: harmless,
    resigned: true,
    name: 'with the length of its manifest in eight bytes, validly signed',
    rationale:
      'Signer and device must agree on what is digested; whether they do, what is executed is the same.',
    references: [...deterministic, `${draft}, Authenticated Manifests`],
    alter: longManifest,
  }),
  attack({
    id: 'suit-manifest-chunked',
    kind: 'encoding',
    expectation: noCrash,
    name: 'with its manifest as a byte string in two chunks',
    rationale:
      'A string of indefinite length has no bytes in one piece: a pointer to its beginning points at a head.',
    references: ['RFC 8949, 3.2.3', `${draft}, Encoding Considerations`],
    alter: ({ base, image }) => {
      const wrapper = image.manifest?.wrapper;
      if (wrapper === undefined) return nothing;
      const content = Buffer.from(base.read(wrapper.headEnd, wrapper.end));
      const half = Math.floor(content.length / 2);
      const chunks = [content.subarray(0, half), content.subarray(half)].map((part) => encodeCborBytes(part));
      return [replaced(wrapper, Buffer.concat([Buffer.of(0x5f), ...chunks, breakByte]))];
    },
  }),
];

const sequenceNumber = ({ image }: SuitInput): CborItem | undefined =>
  image.manifest?.fields.find(({ label }) => label === manifestKeys.sequenceNumber)?.value;

const inside: { id: string; name: string; rationale: string; alter: (input: SuitInput) => Maybe }[] = [
  {
    id: 'suit-number-long',
    name: 'with its sequence number in nine bytes',
    rationale: 'The same number in other bytes: the digest covers bytes, not meanings.',
    alter: (input) => {
      const item = sequenceNumber(input);
      return item === undefined ? nothing : [replaced(item, cborHead(cborMajors.uint, item.argument, 8))];
    },
  },
  {
    id: 'suit-manifest-indefinite',
    name: 'with the map of its manifest of indefinite length',
    rationale: 'The same elements in other bytes: the digest covers bytes, not meanings.',
    alter: ({ base, image }) => {
      const { map, fields = [] } = image.manifest ?? {};
      const last = fields.at(-1)?.value;
      if (map === undefined || last === undefined || map.indefinite) return nothing;
      return [
        headOf(map, indefiniteHead(map)),
        replaced(last, Buffer.concat([cborRaw(base, last), breakByte])),
      ];
    },
  },
  {
    id: 'suit-number-twice',
    name: 'with a second, larger sequence number',
    rationale: 'Whoever takes the last of two and whoever takes the first see two releases.',
    alter: (input) => {
      const item = sequenceNumber(input);
      const map = input.image.manifest?.map;
      if (item === undefined || map === undefined) return nothing;
      const again = encodeCborInt(item.argument + 1n);
      return [
        withMore(map, 1),
        replaced(item, Buffer.concat([cborRaw(input.base, item), Buffer.of(2), again])),
      ];
    },
  },
];

const signed: SuitMutation[] = inside.flatMap((described) => [
  ...isolatingPair({ ...described, kind: 'encoding', references: deterministic }),
  attack({
    ...described,
    id: `${described.id}-resigned`,
    kind: 'encoding',
    expectation: noCrash,
    resigned: true,
    name: `${described.name}, validly signed`,
    rationale: `${described.rationale} Signed so, a device may take it or not.`,
    references: deterministic,
  }),
]);

export const encodingMutations: readonly SuitMutation[] = [
  ...envelopes,
  otherTag,
  ...manifestHead,
  ...signed,
];
