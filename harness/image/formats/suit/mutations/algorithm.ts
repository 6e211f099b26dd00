/** Attacks on the algorithms that SUIT envelopes name: of the signature, and of the digest of the manifest. */

import { cborRaw, encodeCborBytes, encodeCborInt, encodeCborMap } from '../../../codec/cbor.ts';
import { replaced, withBlocks, withContent, withoutCodes, type Edit } from '../edit.ts';
import { coseHeaders } from '../labels.ts';
import { algorithmHeader, signedBlock, signerOf } from '../sign.ts';
import {
  attack,
  draft,
  harmless,
  noCrash,
  type Attack,
  type SuitInput,
  type SuitMutation,
} from './common.ts';
import { digestContent, firstSignature, unsignedReason } from './auth-parts.ts';

/** Every signature of every block, with its header changed. */
function headers(
  { image }: SuitInput,
  change: (algorithm: number | undefined) => number,
): Edit[] | typeof unsignedReason {
  const signatures = (image.auth?.blocks ?? [])
    .filter(({ kind }) => kind === 'sign1' || kind === 'sign')
    .flatMap((block) => block.signatures);
  if (signatures.length === 0) return unsignedReason;
  const edits = signatures.flatMap(({ protected: header, algorithm }) =>
    withContent(header, algorithmHeader(change(algorithm))),
  );
  return [...edits, ...withoutCodes(image)];
}

const relabelled: SuitMutation[] = [
  attack({
    id: 'suit-algorithm-none',
    kind: 'downgrade',
    name: 'with the reserved algorithm 0 in its signature header',
    rationale: 'Zero is what memory holds that was never set; it must not select “no check”.',
    references: ['IANA COSE Algorithms, 0 (reserved)', 'RFC 8725, 2.1'],
    refusedFor: 'algorithm',
    alter: (input) => headers(input, () => 0),
  }),
  attack({
    id: 'suit-algorithm-sha1',
    kind: 'downgrade',
    name: 'with RSASSA-PKCS1-v1_5 and SHA-1 named as its signature algorithm',
    rationale: 'An algorithm that is registered and deprecated: libraries may still know it.',
    references: ['RFC 8812, 2 (RS1)'],
    refusedFor: 'algorithm',
    alter: (input) => headers(input, () => -65_535),
  }),
  attack({
    id: 'suit-algorithm-swapped',
    kind: 'downgrade',
    name: 'with another signature algorithm named than the one that signed',
    rationale: 'The key decides what algorithm is used with it, not the message.',
    references: ['RFC 9053, 2', 'RFC 8725, 3.1'],
    refusedFor: 'signature',
    alter: (input) => headers(input, (algorithm) => (algorithm === -8 || algorithm === -19 ? -7 : -8)),
  }),
];

/** Header parameters of the algorithm outside of what is signed. */
function movedOut({ base, image }: SuitInput): { protected: Buffer; unprotected: Buffer } | undefined {
  const one = firstSignature(image);
  if (one?.algorithm === undefined) return undefined;
  const entry = [encodeCborInt(coseHeaders.algorithm), encodeCborInt(one.algorithm)] as const;
  const id =
    one.keyId === undefined || cborRaw(base, one.unprotected).length < 3
      ? []
      : [[encodeCborInt(coseHeaders.keyId), encodeCborBytes(one.keyId)] as const];
  return { protected: Buffer.alloc(0), unprotected: encodeCborMap(entry, ...id) };
}

const moved: SuitMutation[] = [
  attack({
    id: 'suit-algorithm-moved',
    kind: 'coverage',
    name: 'with its algorithm moved to the unprotected header',
    rationale:
      'What names the algorithm must itself be signed; here it is not, and the signed header is empty.',
    references: ['RFC 9052, 3.1 (alg)'],
    refusedFor: 'algorithm',
    alter: (input) => {
      const parts = movedOut(input);
      if (parts === undefined) return unsignedReason;
      const edits = (input.image.auth?.blocks ?? []).flatMap(({ kind, signatures }) =>
        kind === 'sign1' || kind === 'sign'
          ? signatures.flatMap(({ protected: header, unprotected }) => [
              ...withContent(header, parts.protected),
              replaced(unprotected, parts.unprotected),
            ])
          : [],
      );
      return [...edits, ...withoutCodes(input.image)];
    },
  }),
  attack({
    id: 'suit-algorithm-moved-resigned',
    kind: 'coverage',
    expectation: noCrash,
    attackerModel: 'insider',
    needs: ['test-key'],
    name: 'with its algorithm in the unprotected header, validly signed so',
    rationale:
      'The draft of COSE asks the signer to protect it; a device that looks it up in both places is lax, yet takes nothing that is not signed.',
    references: ['RFC 9052, 3.1 (alg)'],
    alter: (input) => {
      const signer = signerOf(input.testKey);
      const parts = movedOut(input);
      if (signer === undefined || parts === undefined) return unsignedReason;
      const how = { header: parts.protected, unprotected: parts.unprotected };
      return withBlocks(input.image, [signedBlock(signer, digestContent(input.base, input.image), how)]);
    },
  }),
  attack({
    id: 'suit-algorithm-twice',
    kind: 'injection',
    expectation: harmless,
    invariants: ['signed-kept', 'signature-kept'],
    name: 'with another algorithm in its unprotected header beside the signed one',
    rationale:
      'A header that is there twice makes the message malformed, or the signed one counts: never the other.',
    references: ['RFC 9052, 3 (labels in both buckets)'],
    alter: ({ image }) => {
      const one = firstSignature(image);
      if (one === undefined) return unsignedReason;
      return [replaced(one.unprotected, algorithmHeader(5))]; // HMAC 256/256
    },
  }),
];

function digestChange(
  described: Pick<Attack, 'id' | 'name' | 'rationale'> & {
    to: (old: { algorithm: number; bytes: Buffer }) => [algorithm: number, bytes: Buffer];
    refusedFor: 'digest' | 'digest-algorithm';
  },
): SuitMutation {
  const { to, ...rest } = described;
  return attack({
    ...rest,
    kind: 'downgrade',
    references: [`${draft}, SUIT Digest Container`, 'IANA COSE Algorithms'],
    alter: ({ image: { auth } }) => {
      const digest = auth?.digest;
      if (digest === undefined) return unsignedReason;
      const [algorithm, bytes] = to(digest);
      return [
        replaced(digest.algorithmItem, encodeCborInt(algorithm)),
        ...withContent(digest.bytesItem, bytes),
      ];
    },
  });
}

const digests: SuitMutation[] = [
  digestChange({
    id: 'suit-digest-algorithm-swapped',
    name: 'with the algorithm of its digest renamed',
    rationale:
      'SHA-512 in place of SHA-256, or the other way round, with the same bytes: a comparison that trusts one length reads beyond the other.',
    refusedFor: 'digest',
    to: ({ algorithm, bytes }) => [algorithm === -44 ? -16 : -44, bytes],
  }),
  digestChange({
    id: 'suit-digest-algorithm-short',
    name: 'with its digest cut to SHA-256/64',
    rationale: 'Eight bytes of a digest are registered too, for other uses: collisions are within reach.',
    refusedFor: 'digest-algorithm',
    to: ({ bytes }) => [-15, bytes.subarray(0, 8)],
  }),
  digestChange({
    id: 'suit-digest-algorithm-none',
    name: 'with the reserved algorithm 0 for its digest',
    rationale: 'An unknown algorithm must not leave an empty digest to be compared with an empty one.',
    refusedFor: 'digest-algorithm',
    to: () => [0, Buffer.alloc(0)],
  }),
  digestChange({
    id: 'suit-digest-empty',
    name: 'with a digest of no bytes',
    rationale: 'A comparison over the length that the message states finds any two digests equal.',
    refusedFor: 'digest',
    to: ({ algorithm }) => [algorithm, Buffer.alloc(0)],
  }),
];

export const algorithmMutations: readonly SuitMutation[] = [...relabelled, ...moved, ...digests];
