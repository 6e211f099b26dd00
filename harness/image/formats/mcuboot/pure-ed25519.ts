/**
 * Ed25519 over a region that is not in memory: PureEdDSA hashes the message itself, which node:crypto wants as one
 * buffer.
 *
 * Source: RFC 8032, 5.1.6 (sign) and 5.1.7 (verify).
 */

import { createHash, type KeyObject } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';

/** The pieces of the message, from its start each time it is called. */
export type Pieces = () => Iterable<Uint8Array>;

const { Point } = ed25519;
const order = Point.Fn.ORDER;

/** Never throws. As OpenSSL does it: s below the order, and the equation without the cofactor. */
export function verifyPure(key: KeyObject, pieces: Pieces, signature: Uint8Array): boolean {
  const s = fromLittleEndian(signature.subarray(32));
  if (signature.length !== 64 || s >= order) return false;
  const publicKey = rawKey(key, 'x');
  try {
    const a = Point.fromBytes(Uint8Array.from(publicKey));
    const r = signature.subarray(0, 32);
    const k = challenge(r, publicKey, pieces);
    const expected = Point.BASE.multiplyUnsafe(s).add(a.negate().multiplyUnsafe(k));
    return Buffer.from(expected.toBytes()).equals(r);
  } catch {
    return false; // the key is no point of the curve
  }
}

/** Reads the message twice. */
export function signPure(privateKey: KeyObject, pieces: Pieces): Buffer {
  const secret = ed25519.utils.getExtendedPublicKey(Uint8Array.from(rawKey(privateKey, 'd')));
  const r = reduced([secret.prefix], pieces);
  const encodedR = Buffer.from(Point.BASE.multiply(r).toBytes());
  const k = challenge(encodedR, secret.pointBytes, pieces);
  return Buffer.concat([encodedR, toLittleEndian((r + k * secret.scalar) % order)]);
}

/** SHA-512(R ‖ A ‖ M) as a number below the order. */
function challenge(r: Uint8Array, publicKey: Uint8Array, pieces: Pieces): bigint {
  return reduced([r, publicKey], pieces);
}

function reduced(prefix: readonly Uint8Array[], pieces: Pieces): bigint {
  const hash = createHash('sha512');
  for (const part of prefix) hash.update(part);
  for (const piece of pieces()) hash.update(piece);
  return fromLittleEndian(hash.digest()) % order;
}

function rawKey(key: KeyObject, part: 'x' | 'd'): Buffer {
  const jwk = key.export({ format: 'jwk' }) as { x?: string; d?: string };
  return Buffer.from(jwk[part] ?? '', 'base64url');
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).reverse().toString('hex')}`);
}

function toLittleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}
