/** Unprotected entries in another number, order and shape. */

import type { Entry } from '../edit.ts';
import { digestTypes, signatureTypes, tlvTypes } from '../layout.ts';
import { digestAlgorithm, keyHashOf } from '../signatures.ts';
import type { Refusal } from '../verify.ts';
import type { AttackKind, DoesNotApply, Expectation } from '../../../mutation.ts';
import {
  areaPlan,
  benign,
  mustReject,
  noCrash,
  validateSource,
  type McubootInput,
  type McubootMutation,
} from './common.ts';
import { signatureBy, strangerFor } from './signature.ts';

/** The unprotected entries by their part. */
interface Parts {
  all: readonly Entry[];
  digest: Entry | undefined;
  /** Names the key of the signature. */
  key: Entry;
  signature: Entry;
  /** The stranger's, made as the image's own are. */
  stranger: () => { key: Entry; signature: Entry };
}

interface Rearranged {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  expectation: Expectation;
  refusedFor?: Refusal;
  to: (parts: Parts) => readonly Entry[] | DoesNotApply;
}

function rearranged({ id, to, refusedFor, ...words }: Rearranged): McubootMutation {
  return {
    ...words,
    id: `mcuboot-${id}`,
    references: [validateSource, 'MCUboot boot/bootutil/src/bootutil_find_key.c'],
    attackerModel: words.kind === 'foreign-key' ? 'foreign-key' : 'network',
    needs: [],
    invariants: ['signed-kept'],
    plan: (input) =>
      areaPlan(
        input,
        'unprotected',
        (entries) => {
          const parts = partsOf(input, entries);
          return 'doesNotApply' in parts ? parts : to(parts);
        },
        refusedFor === undefined ? {} : { refusedFor },
      ),
  };
}

const isKey = ({ type }: Entry): boolean => type === tlvTypes.KEYHASH || type === tlvTypes.PUBKEY;

function partsOf(input: McubootInput, all: readonly Entry[]): Parts | DoesNotApply {
  const signature = all.find(({ type }) => signatureTypes.has(type));
  const key = all.find(isKey);
  if (signature === undefined || key === undefined) {
    return { doesNotApply: 'the image is unsigned or names no key' };
  }
  const stranger = (): { key: Entry; signature: Entry } => {
    const fresh = strangerFor(input, signature.type);
    const full = fresh.publicKey.export({
      type: fresh.publicKey.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'spki',
      format: 'der',
    });
    const hash = keyHashOf(fresh.publicKey, digestAlgorithm(input.image));
    return {
      key: { type: key.type, value: key.type === tlvTypes.PUBKEY ? full : hash },
      signature: { type: signature.type, value: signatureBy(fresh, input) },
    };
  };
  return { all, digest: all.find(({ type }) => digestTypes.has(type)), key, signature, stranger };
}

const without = (all: readonly Entry[], ...gone: readonly Entry[]): Entry[] =>
  all.filter((entry) => !gone.includes(entry));
const flipped = ({ type, value }: Entry): Entry => {
  const bytes = Buffer.from(value);
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  return { type, value: bytes };
};
/** Puts entries in front of the key's name, or behind the signature. */
const before = ({ all, key }: Parts, ...entries: readonly Entry[]): Entry[] =>
  all.toSpliced(all.indexOf(key), 0, ...entries);
const behind = ({ all, signature }: Parts, ...entries: readonly Entry[]): Entry[] =>
  all.toSpliced(all.indexOf(signature) + 1, 0, ...entries);
const replaced = (all: readonly Entry[], old: Entry, fresh: Entry): Entry[] =>
  all.map((entry) => (entry === old ? fresh : entry));

const several: Rearranged[] = [
  {
    id: 'bad-signature-then-good',
    kind: 'injection',
    name: 'with a broken signature in front of the good one',
    rationale:
      'MCUboot goes by the last signature for a key that it knows; others refuse at the first that is bad.',
    expectation: benign,
    to: (parts) => before(parts, parts.key, flipped(parts.signature)),
  },
  {
    id: 'good-signature-then-bad',
    kind: 'injection',
    name: 'with a broken signature behind the good one',
    rationale:
      'MCUboot goes by the last signature for a key that it knows; others are content with one that is good.',
    expectation: benign,
    to: (parts) => behind(parts, parts.key, flipped(parts.signature)),
  },
  {
    id: 'stranger-then-genuine',
    kind: 'foreign-key',
    name: 'with a stranger’s key hash and signature in front of the genuine ones',
    rationale: 'Several may sign an image; those who are not known are passed over.',
    expectation: benign,
    to: (parts) => {
      const { key, signature } = parts.stranger();
      return before(parts, key, signature);
    },
  },
  {
    id: 'genuine-then-stranger',
    kind: 'foreign-key',
    name: 'with a stranger’s key hash and signature behind the genuine ones',
    rationale: 'Several may sign an image; those who are not known are passed over.',
    expectation: benign,
    to: (parts) => {
      const { key, signature } = parts.stranger();
      return behind(parts, key, signature);
    },
  },
  {
    id: 'trusted-name-then-stranger',
    kind: 'foreign-key',
    name: 'with a stranger’s key hash and signature behind the trusted key hash',
    rationale: 'A name without a signature must not vouch for the one that follows.',
    expectation: mustReject,
    refusedFor: 'unknown-key',
    to: ({ all, signature, stranger }) => {
      const by = stranger();
      return all.flatMap((entry) => (entry === signature ? [by.key, by.signature] : [entry]));
    },
  },
  {
    id: 'stranger-name-then-trusted',
    kind: 'foreign-key',
    name: 'with a stranger’s signature under two names, the trusted one last',
    rationale: 'The signature must be checked with the key that is named, and fails.',
    expectation: mustReject,
    refusedFor: 'signature',
    to: ({ all, key, signature, stranger }) => {
      const by = stranger();
      return all.flatMap((entry) => {
        if (entry === key) return [by.key, key];
        return entry === signature ? [by.signature] : [entry];
      });
    },
  },
  {
    id: 'key-hash-without-signature',
    kind: 'unsigned',
    name: 'with the trusted key hash twice and no signature',
    rationale: 'Naming a key proves nothing.',
    expectation: mustReject,
    refusedFor: 'unsigned',
    to: ({ all, key, signature }) => replaced(all, signature, key),
  },
  {
    id: 'digest-only',
    kind: 'unsigned',
    name: 'with neither key hash nor signature',
    rationale: 'A loader built without signatures runs it: it must not be the one that is shipped.',
    expectation: mustReject,
    refusedFor: 'unsigned',
    to: ({ all, key, signature }) => without(all, key, signature),
  },
  {
    id: 'empty-tlv-area',
    kind: 'unsigned',
    name: 'with no unprotected entry at all',
    rationale: 'A loop over nothing finds nothing wrong.',
    expectation: mustReject,
    to: () => [],
  },
];

const sized = (
  id: string,
  name: string,
  rationale: string,
  value: (signature: Uint8Array) => Uint8Array,
): Rearranged => ({
  id: `signature-${id}`,
  kind: id === 'empty' ? 'unsigned' : 'signature',
  name,
  rationale,
  expectation: mustReject,
  refusedFor: 'signature',
  to: ({ all, signature }) =>
    replaced(all, signature, { type: signature.type, value: value(signature.value) }),
});

const shapes: Rearranged[] = [
  sized('empty', 'with an empty signature', 'The entry is there, and nothing in it.', () => Buffer.alloc(0)),
  sized('zeros', 'with a signature of zeros', 'As long as a signature, and none.', (value) =>
    Buffer.alloc(value.length),
  ),
  sized('ones', 'with an erased signature', 'What flash holds that was never written.', (value) =>
    Buffer.alloc(value.length, 0xff),
  ),
  sized('half', 'with the first half of its signature', 'The rest must not be taken from memory.', (value) =>
    value.subarray(0, value.length / 2),
  ),
];

/** The signed bytes and the signature are right: no loader does harm by taking it, and most refuse. */
const keyNames: Rearranged[] = [
  ...[31, 16, 1, 0].map((bytes): Rearranged => ({
    id: `key-hash-${bytes}-bytes`,
    kind: 'foreign-key',
    name: `with a key hash cut to ${bytes} bytes`,
    rationale: 'MCUboot compares as many bytes as there are; the signature decides.',
    expectation: benign,
    to: ({ all, key }) =>
      key.type === tlvTypes.KEYHASH && key.value.length > bytes
        ? replaced(all, key, { type: key.type, value: key.value.subarray(0, bytes) })
        : { doesNotApply: 'the image does not name its key by a hash' },
  })),
  {
    id: 'key-hash-longer',
    kind: 'structure',
    name: 'with a key hash longer than a hash',
    rationale: 'It must not be read into a buffer made for a hash.',
    expectation: noCrash,
    to: ({ all, key }) =>
      replaced(all, key, { type: key.type, value: Buffer.concat([key.value, Buffer.alloc(4096, 0x41)]) }),
  },
  {
    id: 'key-hash-other',
    kind: 'foreign-key',
    name: 'with one bit of its key hash flipped',
    rationale: 'Loaders with one key need no name; others find no key.',
    expectation: noCrash,
    to: ({ all, key }) => replaced(all, key, flipped(key)),
  },
  {
    id: 'key-hash-removed',
    kind: 'foreign-key',
    name: 'without its key hash',
    rationale: 'Loaders with one key need no name; others find no key.',
    expectation: noCrash,
    to: ({ all, key }) => without(all, key),
  },
  {
    id: 'key-hash-behind',
    kind: 'structure',
    name: 'with its key hash behind the signature',
    rationale: 'A name counts for the signature that follows it; loaders with one key do not look.',
    expectation: noCrash,
    to: (parts) => without(behind(parts, { ...parts.key }), parts.key),
  },
];

const doubled = (
  id: string,
  what: string,
  to: (parts: Parts) => readonly Entry[] | DoesNotApply,
  expectation: Expectation = benign,
): Rearranged => ({
  id,
  kind: 'injection',
  name: `with ${what}`,
  rationale:
    'What is said twice must be right twice, or be passed over; the signed bytes are the genuine ones.',
  expectation,
  to,
});

const needsDigest =
  (to: (parts: Parts, digest: Entry) => readonly Entry[]) =>
  (parts: Parts): readonly Entry[] | DoesNotApply =>
    parts.digest === undefined ? { doesNotApply: 'the image has no digest' } : to(parts, parts.digest);

const doubles: Rearranged[] = [
  doubled(
    'digest-twice',
    'its digest twice',
    needsDigest(({ all }, digest) => [digest, ...all]),
  ),
  doubled('key-hash-twice', 'its key hash twice', (parts) => before(parts, parts.key)),
  doubled('signature-twice', 'its signature twice', (parts) => behind(parts, parts.signature)),
  doubled('signed-twice', 'key hash and signature twice', (parts) =>
    behind(parts, parts.key, parts.signature),
  ),
  doubled(
    'digest-last',
    'its digest behind the signature',
    needsDigest(({ all }, digest) => [...without(all, digest), digest]),
  ),
  doubled(
    'digest-good-then-bad',
    'a wrong digest behind the right one',
    needsDigest(({ all }, digest) => [...all, flipped(digest)]),
    noCrash,
  ),
  doubled(
    'digest-bad-then-good',
    'a wrong digest in front of the right one',
    needsDigest(({ all }, digest) => [flipped(digest), ...all]),
    noCrash,
  ),
  doubled(
    'digest-removed',
    'its digest missing',
    needsDigest(({ all }, digest) => without(all, digest)),
    noCrash,
  ),
  doubled(
    'digest-short',
    'a digest cut short by one byte',
    needsDigest(({ all }, digest) =>
      replaced(all, digest, { type: digest.type, value: digest.value.subarray(0, -1) }),
    ),
    noCrash,
  ),
];

export const entryMutations: readonly McubootMutation[] = [
  ...several,
  ...shapes,
  ...keyNames,
  ...doubles,
].map(rearranged);
