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
 */
export function signedAnew(
  input: PlanInput<McubootImage>,
  patches: readonly Patch[],
): Patch[] | DoesNotApply {
  const { base, image, testKey } = input;
  if (testKey?.kind !== 'classic') return { doesNotApply: 'there is no test key that MCUboot could use' };
  if (image.encrypted) return { doesNotApply: 'the digest is that of the plain payload' };
  const type = signatureTypeOf(testKey.key);
  const entries = entriesOf(base, image, 'unprotected');
  const first = entries.find((entry) => signatureTypes.has(entry.type));
  if (type === undefined || first?.type !== type) {
    return { doesNotApply: 'the test key makes other signatures than the one of the image' };
  }
  const altered = patched(base, new PatchSet(base.size, patches));
  const fresh = freshEntries(input, testKey.key, entries, altered);
  const rewritten = rewriteArea(base, image, 'unprotected', fresh);
  return rewritten === undefined
    ? { doesNotApply: 'the area would be too large' }
    : [...patches, ...rewritten];
}

/** The first signature anew, further ones left out. */
function freshEntries(
  { base, image, random }: PlanInput<McubootImage>,
  key: KeyObject,
  entries: readonly Entry[],
  altered: ByteSource,
): Entry[] {
  const end = parseMcuboot(altered).signedEnd;
  const algorithm = digestAlgorithm(image);
  const digest = (hash: McubootHash): Buffer => digestOf(altered, hash, { end });
  const sign = (): Buffer =>
    isPure(base, image)
      ? signPure(key, () => pieces(altered, { end }))
      : signDigest(key, algorithm, digest(algorithm), random('salt', 32));
  let signed = false;
  return entries.flatMap((entry): Entry[] => {
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
