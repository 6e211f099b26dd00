/**
 * COSE signatures over the digest of a manifest.
 *
 * Source: RFC 9052, 4.4 (Sig_structure); RFC 9053, 2 (encodings); RFC 9864 (fully specified algorithms).
 */

import { createHash, verify as verifyBytes, type KeyObject } from 'node:crypto';
import { encodeCborArray, encodeCborBytes, encodeCborText, type CborItem } from '../../codec/cbor.ts';
import type { ByteSource } from '../../byte-source.ts';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { verifyDigest } from '../../crypto/verify-digest.ts';
import type { AuthBlock, CoseSignature } from './auth.ts';
import { coseAlgorithms, type CoseScheme } from './labels.ts';

/** What is signed. @param payload the SUIT_Digest, without the head of its byte string */
export function sigStructure(
  source: ByteSource,
  block: AuthBlock,
  signature: CoseSignature,
  payload: Uint8Array,
): Buffer {
  const header = (item: CborItem): Buffer => protectedBytes(Buffer.from(source.read(item.headEnd, item.end)));
  const own = header(signature.protected);
  const body = block.protected === undefined ? Buffer.alloc(0) : header(block.protected);
  return block.kind === 'sign'
    ? signatureInput('Signature', [body, own], payload)
    : signatureInput('Signature1', [own], payload);
}

/** An empty map counts as no header at all (RFC 9052, 3). */
function protectedBytes(bytes: Buffer): Buffer {
  return bytes.length === 1 && bytes[0] === 0xa0 ? Buffer.alloc(0) : bytes;
}

/** Sig_structure or MAC_structure with no external data. */
export function signatureInput(context: string, headers: readonly Uint8Array[], payload: Uint8Array): Buffer {
  return encodeCborArray(
    encodeCborText(context),
    ...headers.map((header) => encodeCborBytes(header)),
    encodeCborBytes(),
    encodeCborBytes(payload),
  );
}

/** Whether other encodings of a valid signature count: see policy `malleableSignatures`. */
export type Malleability = 'refuse' | 'accept' | undefined;

/** Whether a signature is good for a key. Never throws. */
export function verifiesWith(
  key: KeyObject,
  scheme: CoseScheme,
  message: Uint8Array,
  signature: Uint8Array,
  malleable: Malleability,
): boolean {
  const digest = (hash: string): Buffer => createHash(hash).update(message).digest();
  switch (scheme.kind) {
    case 'ecdsa': {
      if (scheme.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== scheme.curve) return false;
      if (malleable === 'refuse' && hasHighS(key, signature)) return false;
      const hash = digest(scheme.hash);
      const good = (encoding: 'p1363' | 'der'): boolean =>
        verifyDigest(key, { type: 'ecdsa', encoding }, hash, signature).good;
      return good('p1363') || (malleable === 'accept' && good('der'));
    }
    case 'rsa-pss':
      return verifyDigest(key, { ...scheme, type: 'rsa-pss' }, digest(scheme.hash), signature).good;
    case 'eddsa':
      try {
        return (
          /^ed(25519|448)$/.test(key.asymmetricKeyType ?? '') && verifyBytes(null, message, key, signature)
        );
      } catch {
        return false;
      }
    case 'named':
      return false;
  }
}

const orders: ReadonlyMap<string, bigint> = new Map([
  ['prime256v1', p256.Point.Fn.ORDER],
  ['secp384r1', p384.Point.Fn.ORDER],
  ['secp521r1', p521.Point.Fn.ORDER],
]);

function hasHighS(key: KeyObject, signature: Uint8Array): boolean {
  const order = orders.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? 0n;
  const s = Buffer.from(signature.subarray(signature.length / 2)).toString('hex');
  return s !== '' && BigInt(`0x${s}`) > order / 2n;
}

/**
 * An ECDSA signature with s in the lower half, r ‖ s, from either encoding: the same for all that are equally valid.
 * Anything else as it is.
 */
export function canonicalEcdsa(signature: Uint8Array, scheme: CoseScheme | undefined): Uint8Array {
  if (scheme?.kind !== 'ecdsa') return signature;
  for (const curve of [p256, p384, p521]) {
    const width = curve.Point.Fn.BYTES;
    try {
      const format = signature.length === 2 * width ? 'compact' : 'der';
      const read = curve.Signature.fromBytes(Uint8Array.from(signature), format);
      const fits = format === 'compact' || Math.ceil(signature.length / 2) <= width + 5;
      if (!fits) continue;
      const low = read.hasHighS() ? new curve.Signature(read.r, curve.Point.Fn.ORDER - read.s) : read;
      return low.toBytes('compact');
    } catch {
      continue; // not of that curve
    }
  }
  return signature;
}

/** `ES256`, or the number of one without a name. */
export function algorithmName(algorithm: number | undefined): string {
  if (algorithm === undefined) return 'no algorithm';
  return coseAlgorithms.get(algorithm)?.name ?? `algorithm ${algorithm}`;
}
