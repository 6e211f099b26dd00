/** MCUboot images signed with published sample keys, as the genuine one is signed with its own. */

import { signDigest } from '../../../fresh-key.ts';
import type { DigestAlgorithm } from '../../../digest.ts';
import {
  sampleKeys,
  sampleKeyTrusted,
  sampleKeyWords,
  trustsSampleKey,
  type SampleKey,
} from '../../../sample-keys.ts';
import { digestAlgorithm, keyHashOf, signatureTypeOf } from '../signatures.ts';
import { mustReject, type McubootMutation } from './common.ts';
import { signedBy, withSignatures } from './signature.ts';

function sampleKey(sample: SampleKey): McubootMutation {
  const words = sampleKeyWords(sample);
  return {
    ...words,
    id: `mcuboot-${words.id}`,
    invariants: ['signed-kept'],
    needs: [],
    expectation: mustReject,
    plan: (input) =>
      withSignatures(input, (entries) => {
        const [entry] = entries;
        const hash = digestAlgorithm(input.image);
        if (
          entry === undefined ||
          signatureTypeOf(sample.publicKey) !== entry.tlv.type ||
          !fits(sample, hash)
        ) {
          return { doesNotApply: `the image is not signed with a key of kind ${sample.kind}` };
        }
        if (entry.keyHash === undefined) return { doesNotApply: 'the image names no key' };
        const own = keyHashOf(sample.publicKey, hash).toString('hex');
        if (own.startsWith(entry.keyHash)) return trustsSampleKey;
        const sign = (_: Iterable<Uint8Array>, of: { algorithm: string; digest: Buffer }): Buffer =>
          signDigest(sample.privateKey, of.algorithm as DigestAlgorithm, of.digest, input.random('salt', 32));
        const plan = signedBy({ ...sample, sign }, input, entries, true);
        return 'doesNotApply' in plan ? plan : { ...plan, mootWhereTaken: sampleKeyTrusted };
      }),
  };
}

/** ECDSA on P-384 goes with SHA-384, that on P-256 with SHA-256; the type of the TLV is the same. */
function fits({ kind }: SampleKey, hash: string): boolean {
  return kind === 'p384' ? hash === 'sha384' : kind !== 'p256' || hash === 'sha256';
}

export const sampleKeyMutations: readonly McubootMutation[] = sampleKeys
  .filter(({ id }) => id !== 'rauc-release-1')
  .map(sampleKey);
