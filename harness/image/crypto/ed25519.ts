/**
 * Ed25519, strictly, over messages of any size: SHA-512 runs over R ‖ A ‖ M in pieces, only the point equation is left
 * to the library.
 *
 * Source: RFC 8032, 5.1.6 (sign), 5.1.7 (verify), 2 (dom2).
 */

import { ed25519 } from '@noble/curves/ed25519.js';
import type { ByteSource } from '../byte-source.ts';
import { prefixedDigest } from './prefixed-digest.ts';
import type { SignatureCheck } from './verify-digest.ts';

/** Order of the base point. */
export const ed25519Order = ed25519.Point.Fn.ORDER;

export type Ed25519Variant =
  | { type: 'ed25519' }
  /** The message is hashed first (with SHA-512). Context in hex. */
  | { type: 'ed25519ph'; context?: string | undefined }
  | { type: 'ed25519ctx'; context: string };

const bad = (why: string): SignatureCheck => ({ good: false, why });

/**
 * Never throws. For Ed25519ph the message is the 64-byte digest.
 *
 * Stricter than the RFC must be where it leaves a choice: points of small order are no keys, and the equation holds
 * without the cofactor.
 */
export function verifyEd25519(
  publicKey: Uint8Array,
  variant: Ed25519Variant,
  message: ByteSource,
  signature: Uint8Array,
): SignatureCheck {
  if (signature.length !== 64) return bad(`the signature has ${signature.length} bytes, Ed25519 has 64`);
  const key = pointOf(publicKey);
  if (key === undefined) return bad('the public key is no canonical point of the curve');
  if (key.isSmallOrder()) return bad('the public key is a point of small order');
  const first = signature.subarray(0, 32);
  const r = pointOf(first);
  if (r === undefined) return bad('R is no canonical point of the curve');
  const s = littleEndian(signature.subarray(32));
  if (s >= ed25519Order) return bad('S is not below the order of the base point');
  const k = hashToScalar(Buffer.concat([dom2(variant), first, publicKey]), message);
  const left = ed25519.Point.BASE.multiplyUnsafe(s);
  return left.equals(r.add(key.multiplyUnsafe(k)))
    ? { good: true }
    : bad('the Ed25519 signature does not verify');
}

/** Deterministic, as the RFC has it. */
export function signEd25519(seed: Uint8Array, variant: Ed25519Variant, message: ByteSource): Buffer {
  const { scalar, prefix, pointBytes } = ed25519.utils.getExtendedPublicKey(Uint8Array.from(seed));
  const dom = dom2(variant);
  const nonce = hashToScalar(Buffer.concat([dom, prefix]), message);
  const r = ed25519.Point.BASE.multiply(nonce).toBytes();
  const k = hashToScalar(Buffer.concat([dom, r, pointBytes]), message);
  return Buffer.concat([r, toLittleEndian((nonce + k * scalar) % ed25519Order)]);
}

function hashToScalar(prefix: Uint8Array, message: ByteSource): bigint {
  return littleEndian(prefixedDigest('sha512', prefix, message)) % ed25519Order;
}

function pointOf(bytes: Uint8Array): InstanceType<typeof ed25519.Point> | undefined {
  try {
    return ed25519.Point.fromBytes(Uint8Array.from(bytes), false);
  } catch {
    return undefined;
  }
}

function dom2(variant: Ed25519Variant): Buffer {
  if (variant.type === 'ed25519') return Buffer.alloc(0);
  const context = Buffer.from(variant.context ?? '', 'hex');
  const flag = variant.type === 'ed25519ph' ? 1 : 0;
  return Buffer.concat([
    Buffer.from('SigEd25519 no Ed25519 collisions'),
    Buffer.of(flag, context.length),
    context,
  ]);
}

export function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
}

/** 32 bytes. */
export function toLittleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}
