/** Bundles signed with published sample keys, under the certificates that are published with them. */

import { resigned } from '../../../crypto/cms-sign.ts';
import { signerCertificates } from '../../../crypto/cms.ts';
import {
  cmsSignerOf,
  sampleKeys,
  sampleKeyTrusted,
  sampleKeyWords,
  trustsSampleKey,
  type SampleKey,
} from '../../../sample-keys.ts';
import { cmsAttack, contentOf } from './cms.ts';
import type { RaucInput, RaucMutation } from './common.ts';

function sampleKey(sample: SampleKey): RaucMutation {
  const words = sampleKeyWords(sample);
  return cmsAttack({
    ...words,
    id: `rauc-${words.id}`,
    refusedFor: 'untrusted',
    mootWhereTaken: sampleKeyTrusted,
    edit: (cms, input) => {
      if (isBy(sample, input)) return trustsSampleKey.doesNotApply;
      const key = cmsSignerOf(sample);
      return key && resigned(cms, key, contentOf(input), input.random);
    },
  });
}

function isBy({ publicKey }: SampleKey, { image: { cms } }: RaucInput): boolean {
  const certificates = (cms?.signers ?? []).flatMap((signer) => (cms ? signerCertificates(cms, signer) : []));
  return certificates.some((certificate) => certificate.publicKey?.equals(publicKey) === true);
}

export const sampleKeyMutations: readonly RaucMutation[] = sampleKeys
  .filter(({ chain }) => chain.length > 0)
  .map(sampleKey);
