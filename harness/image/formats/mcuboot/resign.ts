/** Signs an altered image anew with a test key that the device trusts. */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { pieces, type ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import { signDigest } from '../../fresh-key.ts';
import type { DoesNotApply, PlanInput } from '../../mutation.ts';
import { patched, PatchSet, type Patch } from '../../patch-set.ts';
import { entriesOf, rewriteArea, type Entry } from './edit.ts';
import { digestTypes, signatureTypes, tlvTypes } from './layout.ts';
import { parseMcuboot, type McubootImage } from './parse.ts';
import { signPure } from './pure-ed25519.ts';
import { digestAlgorithm, isPure, keyHashOf, signatureTypeOf, type McubootHash } from './signatures.ts';

/**
 * The patches, and those that make digest, key name and signature right for what they make of the image.
 *
 * @param patches of signed bytes only
 * @param added unprotected entries beside those that are there
 */
export function signedAnew(
  input: PlanInput<McubootImage>,
  patches: readonly Patch[],
  added: readonly Entry[] = [],
): Patch[] | DoesNotApply {
  const { base, image } = input;
  const key = signingKey(input);
  if ('doesNotApply' in key) return key;
  const altered = patched(base, new PatchSet(base.size, patches));
  const fresh = freshEntries(input, key, altered, parseMcuboot(altered).signedEnd);
  const rewritten = rewriteArea(base, image, 'unprotected', [...fresh, ...added]);
  return rewritten === undefined
    ? { doesNotApply: 'the area would be too large' }
    : [...patches, ...rewritten];
}

/** The test key, where it makes signatures like the image's first. */
export function signingKey({ base, image, testKey }: PlanInput<McubootImage>): KeyObject | DoesNotApply {
  if (testKey?.kind !== 'classic') return { doesNotApply: 'there is no test key that MCUboot could use' };
  if (image.encrypted) return { doesNotApply: 'the digest is that of the plain payload' };
  const type = signatureTypeOf(testKey.key);
  const first = entriesOf(base, image, 'unprotected').find((entry) => signatureTypes.has(entry.type));
  return type !== undefined && first?.type === type
    ? testKey.key
    : { doesNotApply: 'the test key makes other signatures than the one of the image' };
}

/**
 * The unprotected entries of the base with digest, key name and the first signature made for what is signed of the
 * altered image, up to `end`; further signatures are left out.
 */
export function freshEntries(
  { base, image, random }: PlanInput<McubootImage>,
  key: KeyObject,
  altered: ByteSource,
  end: number,
): Entry[] {
  const algorithm = digestAlgorithm(image);
  const digest = (hash: McubootHash): Buffer => digestOf(altered, hash, { end });
  const sign = (): Buffer =>
    isPure(base, image)
      ? signPure(key, () => pieces(altered, { end }))
      : signDigest(key, algorithm, digest(algorithm), random('salt', 32));
  let signed = false;
  return entriesOf(base, image, 'unprotected').flatMap((entry): Entry[] => {
    const hash = digestTypes.get(entry.type);
    if (hash !== undefined) return [{ type: entry.type, value: digest(hash) }];
    if (entry.type === tlvTypes.KEYHASH) {
      return [{ type: entry.type, value: keyHashOf(createPublicKey(key), algorithm) }];
    }
    if (entry.type === tlvTypes.PUBKEY) return [{ type: entry.type, value: derOf(createPublicKey(key)) }];
    if (!signatureTypes.has(entry.type)) return [entry];
    if (signed) return [];
    signed = true;
    return [{ type: entry.type, value: sign() }];
  });
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'spki', format: 'der' });
}
