/** Description and signature replaced: what is described now is signed by keys that the device trusts. */

import type { KeyObject } from 'node:crypto';
import { bytesSource } from '../../../byte-source.ts';
import { cosigned } from '../../../crypto/cms-cosign.ts';
import type { CmsSigningKey } from '../../../crypto/cms-sign.ts';
import { publicHalf, signDigest } from '../../../crypto/sign-digest.ts';
import { verifyDigest } from '../../../crypto/verify-digest.ts';
import { digestOf } from '../../../digest.ts';
import type { Patch } from '../../../patch-set.ts';
import {
  bytesIn,
  planOf,
  replaceEntry,
  signersLike,
  type SwupdateInput,
  type SwupdatePlan,
} from './common.ts';
import { withCosigners } from '../../../crypto/test-signers.ts';

/**
 * @param first the signer whom the attack is about; others beside it are good
 * @param more patches of other entries, whose digests the description has
 */
export function signedAnew(
  input: SwupdateInput,
  description: Buffer | undefined,
  first: CmsSigningKey | undefined,
  { refusedFor, more = [] }: { refusedFor?: string | undefined; more?: readonly Patch[] } = {},
): SwupdatePlan {
  const { descriptionEntry, signatureEntry } = input.image;
  if (descriptionEntry === undefined || signatureEntry === undefined || description === undefined) {
    return { doesNotApply: 'the image is unsigned' };
  }
  const keys = first === undefined ? cannot : withCosigners(signersLike(input), first);
  if (typeof keys === 'string') return { doesNotApply: keys };
  const signature = signatureOver(input, description, keys);
  if (signature === undefined) return { doesNotApply: cannot };
  const same = description.equals(bytesIn(input.base, descriptionEntry));
  const patches = [
    ...(same ? [] : [replaceEntry(descriptionEntry, description)]),
    replaceEntry(signatureEntry, signature),
    ...more,
  ];
  return planOf(input, patches, refusedFor === undefined ? {} : { refusedFor });
}

const cannot = 'the test key cannot make a signature of this kind';

function signatureOver(
  input: SwupdateInput,
  description: Buffer,
  keys: readonly CmsSigningKey[],
): Buffer | undefined {
  const { signatureEntry, cms } = input.image;
  const [first] = keys;
  if (signatureEntry === undefined || first === undefined) return undefined;
  const genuine = bytesIn(input.base, signatureEntry);
  const content = bytesSource(description);
  if (cms !== undefined) return cosigned(genuine, keys, content, input.random);
  if (first.privateKey.asymmetricKeyType !== 'rsa') return undefined;
  const scheme = { type: bareScheme(input, genuine, first.privateKey), hash: 'sha256' } as const;
  return signDigest(first.privateKey, scheme, digestOf(content), input.random('salt', 32));
}

/** The padding that the genuine signature has under this key; PKCS #1 v1.5 when it is by another. */
export function bareScheme(
  { base, image }: SwupdateInput,
  genuine: Buffer,
  key: KeyObject,
): 'rsa-pkcs1' | 'rsa-pss' {
  const entry = image.descriptionEntry;
  if (entry === undefined) return 'rsa-pkcs1';
  const digest = digestOf(base, 'sha256', { start: entry.dataStart, end: entry.dataEnd });
  const pss = verifyDigest(publicHalf(key), { type: 'rsa-pss', hash: 'sha256' }, digest, genuine);
  return pss.good ? 'rsa-pss' : 'rsa-pkcs1';
}
