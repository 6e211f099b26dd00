/** Whether an envelope is signed by somebody who is trusted: by a key, or by heart where there is none. */

import type { KeyObject } from 'node:crypto';
import type { ByteSource } from '../../byte-source.ts';
import { cborMajors } from '../../codec/cbor.ts';
import { classicKeys, type Trust } from '../../trust.ts';
import type { AuthBlock, CoseSignature } from './auth.ts';
import { algorithmName, canonicalEcdsa, sigStructure, verifiesWith, type Malleability } from './cose.ts';
import { coseAlgorithms } from './labels.ts';
import type { SuitImage } from './parse.ts';
import type { Genuine } from './payloads.ts';
import { no, type Refused } from './verify.ts';

/** One signature with what it is made over. */
interface Signed {
  algorithm: number | undefined;
  message: Buffer;
  value: Uint8Array;
  /** SUIT has its payloads detached: one inside would be signed in place of the digest. */
  detached: boolean;
}

/** @returns a check that accepts an envelope with at least one good signature */
export function signatureCheck(
  trust: Trust,
  genuine: readonly Genuine[],
): (source: ByteSource, image: SuitImage) => Refused | undefined {
  const keys = classicKeys(trust);
  const { malleableSignatures: malleable } = trust.policy;
  const known = new Set(genuine.flatMap((one) => knownByHeart(one, keys, malleable)));
  return (source, image) => {
    const all = signedIn(source, image);
    if (all.length === 0) return no('unsigned', 'there is no signature among the authentication blocks');
    const usable = all.filter(({ algorithm }) => coseAlgorithms.has(algorithm ?? NaN));
    if (usable.length === 0) {
      return no(
        'algorithm',
        `signed with ${all.map(({ algorithm }) => algorithmName(algorithm)).join(', ')}`,
      );
    }
    const good = usable.some(
      (one) => one.detached && (known.has(mark(one, malleable)) || isGood(one, keys, malleable)),
    );
    return good
      ? undefined
      : no('signature', `none of ${usable.length} signatures is good for a trusted key`);
  };
}

/** More than any signature has. */
const mostSignatureBytes = 65_536;

function signedIn(source: ByteSource, { auth }: SuitImage): Signed[] {
  const { headEnd = 0, end = 0 } = auth?.digestWrapper ?? {};
  const payload = source.read(headEnd, end);
  const one = (block: AuthBlock, signature: CoseSignature): Signed => ({
    algorithm: signature.algorithm,
    message: sigStructure(source, block, signature, payload),
    value: valueOf(source, signature),
    detached: block.payload?.major === cborMajors.simple && block.payload.argument === 22n,
  });
  return (auth?.blocks ?? [])
    .filter(({ kind }) => kind === 'sign1' || kind === 'sign')
    .flatMap((block) => block.signatures.map((signature) => one(block, signature)));
}

function valueOf(source: ByteSource, { signature: { headEnd, end } }: CoseSignature): Uint8Array {
  return source.read(headEnd, Math.min(end, headEnd + mostSignatureBytes));
}

function isGood(
  { algorithm, message, value }: Signed,
  keys: readonly KeyObject[],
  malleable: Malleability,
): boolean {
  const scheme = coseAlgorithms.get(algorithm ?? NaN)?.scheme;
  if (scheme === undefined) return false;
  return keys.some((key) => verifiesWith(key, scheme, message, value, malleable));
}

/**
 * Signatures of a genuine envelope that are good without a key: all, where no key is given; else those alone that no key
 * can check.
 */
function knownByHeart(
  { source, image }: Genuine,
  keys: readonly KeyObject[],
  malleable: Malleability,
): string[] {
  const all = signedIn(source, image);
  return all
    .filter(
      ({ algorithm }) => keys.length === 0 || coseAlgorithms.get(algorithm ?? NaN)?.scheme.kind === 'named',
    )
    .map((one) => mark(one, malleable));
}

/** What is signed and by which signature, as one string. */
function mark({ algorithm, message, value }: Signed, malleable: Malleability): string {
  const scheme = coseAlgorithms.get(algorithm ?? NaN)?.scheme;
  const signature = malleable === 'accept' ? canonicalEcdsa(value, scheme) : value;
  return `${message.toString('base64')} ${Buffer.from(signature).toString('base64')}`;
}
