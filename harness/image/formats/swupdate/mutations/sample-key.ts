/**
 * Images signed with published sample keys: bare RSA by any of them and in either padding, of which the genuine signature
 * does not tell; CMS by those with a published certificate.
 */

import { resigned } from '../../../crypto/cms-sign.ts';
import { signerCertificates } from '../../../crypto/cms.ts';
import { signDigest } from '../../../crypto/sign-digest.ts';
import { verifyDigest } from '../../../crypto/verify-digest.ts';
import { digestOf } from '../../../digest.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import {
  cmsSignerOf,
  sampleKeys,
  sampleKeyTrusted,
  sampleKeyWords,
  trustsSampleKey,
  type SampleKey,
} from '../../../sample-keys.ts';
import { dataOf } from '../parse.ts';
import { attack, bytesIn, type SwupdateInput, type SwupdateMutation } from './common.ts';
import { withSignatureBytes } from './signature.ts';

type Padding = 'rsa-pkcs1' | 'rsa-pss';

function sampleKey(sample: SampleKey, padding: Padding): SwupdateMutation {
  const words = sampleKeyWords(sample);
  const pss = padding === 'rsa-pss';
  return attack({
    ...words,
    id: `swupdate-${words.id}${pss ? '-pss' : ''}`,
    name: pss ? `${words.name}, by RSA-PSS` : words.name,
    plan: (input) => {
      const bare = input.image.cms === undefined;
      if (pss && !bare) return { doesNotApply: 'the signature is a CMS' };
      const signature = bare ? bareBy(sample, padding, input) : cmsBy(sample, input);
      if ('doesNotApply' in signature) return signature;
      const plan = withSignatureBytes(input, signature, bare ? 'signature' : 'untrusted');
      return 'doesNotApply' in plan ? plan : { ...plan, mootWhereTaken: sampleKeyTrusted };
    },
  });
}

const unsigned = { doesNotApply: 'the image is unsigned' };

function cmsBy(sample: SampleKey, { base, image, random }: SwupdateInput): Buffer | DoesNotApply {
  const { cms, signatureEntry, descriptionEntry } = image;
  if (cms === undefined || signatureEntry === undefined || descriptionEntry === undefined) return unsigned;
  const certificates = cms.signers.flatMap((signer) => signerCertificates(cms, signer));
  if (certificates.some(({ publicKey }) => publicKey?.equals(sample.publicKey) === true)) {
    return trustsSampleKey;
  }
  const key = cmsSignerOf(sample);
  if (key === undefined) return { doesNotApply: 'no certificate is published with the sample key' };
  const signed = resigned(bytesIn(base, signatureEntry), key, dataOf(base, descriptionEntry), random);
  return signed ?? { doesNotApply: 'the CMS cannot be signed anew' };
}

function bareBy(
  sample: SampleKey,
  padding: Padding,
  { base, image, random }: SwupdateInput,
): Buffer | DoesNotApply {
  const { signatureEntry, descriptionEntry } = image;
  if (signatureEntry === undefined || descriptionEntry === undefined) return unsigned;
  const genuine = bytesIn(base, signatureEntry);
  const modulusBits = sample.publicKey.asymmetricKeyDetails?.modulusLength;
  if (modulusBits === undefined || modulusBits / 8 !== genuine.length) {
    return { doesNotApply: `a signature of ${genuine.length} bytes is not by a key of kind ${sample.kind}` };
  }
  const digest = digestOf(dataOf(base, descriptionEntry));
  const isBy = (['rsa-pkcs1', 'rsa-pss'] as const).some(
    (type) => verifyDigest(sample.publicKey, { type, hash: 'sha256' }, digest, genuine).good,
  );
  if (isBy) return trustsSampleKey;
  return signDigest(sample.privateKey, { type: padding, hash: 'sha256' }, digest, random('salt', 32));
}

const rsaSamples = sampleKeys.filter(({ kind }) => kind === 'rsa2048');

export const sampleKeyMutations: readonly SwupdateMutation[] = [
  ...rsaSamples.map((sample) => sampleKey(sample, 'rsa-pkcs1')),
  ...rsaSamples.map((sample) => sampleKey(sample, 'rsa-pss')),
];
