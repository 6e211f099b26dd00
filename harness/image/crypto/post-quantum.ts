/**
 * ML-DSA and SLH-DSA, pure and pre-hashed, with a context.
 *
 * ML-DSA takes a message of any size: its representative μ is hashed in pieces and handed to the library. SLH-DSA hashes
 * inside the library, so that its messages are bounded.
 *
 * Source: FIPS 204, 5.2–5.4, 6.3; FIPS 205, 10.2, 10.3.
 */

import { createHash } from 'node:crypto';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import {
  slh_dsa_sha2_128f,
  slh_dsa_sha2_128s,
  slh_dsa_sha2_192f,
  slh_dsa_sha2_192s,
  slh_dsa_sha2_256f,
  slh_dsa_sha2_256s,
  slh_dsa_shake_128f,
  slh_dsa_shake_128s,
  slh_dsa_shake_192f,
  slh_dsa_shake_192s,
  slh_dsa_shake_256f,
  slh_dsa_shake_256s,
} from '@noble/post-quantum/slh-dsa.js';
import { bytesSource, joined, materialise, type ByteSource } from '../byte-source.ts';
import { encodeDerOid } from '../codec/der.ts';
import { prefixedDigest } from './prefixed-digest.ts';
import type { SignatureCheck } from './verify-digest.ts';

export const mlDsaSets = { 'ml-dsa-44': ml_dsa44, 'ml-dsa-65': ml_dsa65, 'ml-dsa-87': ml_dsa87 } as const;
export type MlDsaSet = keyof typeof mlDsaSets;

export const slhDsaSets = {
  'slh-dsa-sha2-128s': slh_dsa_sha2_128s,
  'slh-dsa-sha2-128f': slh_dsa_sha2_128f,
  'slh-dsa-sha2-192s': slh_dsa_sha2_192s,
  'slh-dsa-sha2-192f': slh_dsa_sha2_192f,
  'slh-dsa-sha2-256s': slh_dsa_sha2_256s,
  'slh-dsa-sha2-256f': slh_dsa_sha2_256f,
  'slh-dsa-shake-128s': slh_dsa_shake_128s,
  'slh-dsa-shake-128f': slh_dsa_shake_128f,
  'slh-dsa-shake-192s': slh_dsa_shake_192s,
  'slh-dsa-shake-192f': slh_dsa_shake_192f,
  'slh-dsa-shake-256s': slh_dsa_shake_256s,
  'slh-dsa-shake-256f': slh_dsa_shake_256f,
} as const;
export type SlhDsaSet = keyof typeof slhDsaSets;

/** Hashes that a pre-hashed signature may name, with their object identifiers (NIST CSOR) and output. */
export const preHashes = {
  sha256: { oid: '2.16.840.1.101.3.4.2.1', bytes: 32 },
  sha384: { oid: '2.16.840.1.101.3.4.2.2', bytes: 48 },
  sha512: { oid: '2.16.840.1.101.3.4.2.3', bytes: 64 },
  shake128: { oid: '2.16.840.1.101.3.4.2.11', bytes: 32 },
  shake256: { oid: '2.16.840.1.101.3.4.2.12', bytes: 64 },
} as const;
export type PreHash = keyof typeof preHashes;

export interface PostQuantumOptions {
  /** At most 255 bytes, in hex; empty when absent. */
  context?: string | undefined;
  /** Hash of the pre-hashed variant; pure when absent. */
  preHash?: PreHash | undefined;
}

/** Largest message of an SLH-DSA signature that is verified here, in bytes. */
export const slhDsaMessageLimit = 512 * 1024 * 1024;

const bad = (why: string): SignatureCheck => ({ good: false, why });

/** Sizes of a parameter set, in bytes. */
export function postQuantumSizes(set: MlDsaSet | SlhDsaSet): {
  publicKey: number;
  secretKey: number;
  signature: number;
  seed: number;
} {
  const { lengths } = libraryOf(set);
  const { publicKey = 0, secretKey = 0, signature = 0, seed = 0 } = lengths;
  return { publicKey, secretKey, signature, seed };
}

function libraryOf(set: MlDsaSet | SlhDsaSet): (typeof mlDsaSets)[MlDsaSet] | (typeof slhDsaSets)[SlhDsaSet] {
  return isMlDsa(set) ? mlDsaSets[set] : slhDsaSets[set];
}

export function isMlDsa(set: string): set is MlDsaSet {
  return set in mlDsaSets;
}

export function isSlhDsa(set: string): set is SlhDsaSet {
  return set in slhDsaSets;
}

/** A key pair from a seed of the set's length. */
export function postQuantumKeys(
  set: MlDsaSet | SlhDsaSet,
  seed: Uint8Array,
): { publicKey: Uint8Array; secretKey: Uint8Array } {
  return libraryOf(set).keygen(Uint8Array.from(seed));
}

export function publicOfSecret(set: MlDsaSet | SlhDsaSet, secretKey: Uint8Array): Uint8Array {
  return libraryOf(set).getPublicKey(Uint8Array.from(secretKey));
}

/** Never throws. */
export function verifyPostQuantum(
  set: MlDsaSet | SlhDsaSet,
  publicKey: Uint8Array,
  message: ByteSource,
  signature: Uint8Array,
  options: PostQuantumOptions = {},
): SignatureCheck {
  const sizes = postQuantumSizes(set);
  if (publicKey.length !== sizes.publicKey)
    return bad(`the public key has ${publicKey.length} bytes, ${set} has ${sizes.publicKey}`);
  if (signature.length !== sizes.signature)
    return bad(`the signature has ${signature.length} bytes, ${set} has ${sizes.signature}`);
  const formatted = formattedMessage(message, options);
  if (formatted === undefined) return bad('a context of more than 255 bytes');
  if (isSlhDsa(set) && formatted.size > slhDsaMessageLimit)
    return bad(`a message of ${formatted.size} bytes; ${set} is verified up to ${slhDsaMessageLimit}`);
  try {
    return run(set, publicKey, formatted, signature)
      ? { good: true }
      : bad(`the ${set} signature does not verify`);
  } catch (cause) {
    return bad(`the ${set} signature cannot be decoded: ${String(cause)}`);
  }
}

function run(
  set: MlDsaSet | SlhDsaSet,
  publicKey: Uint8Array,
  formatted: ByteSource,
  signature: Uint8Array,
): boolean {
  const key = Uint8Array.from(publicKey);
  const value = Uint8Array.from(signature);
  if (!isMlDsa(set)) return slhDsaSets[set].internal.verify(value, materialise(formatted), key);
  return mlDsaSets[set].internal.verify(value, representative(key, formatted), key, { externalMu: true });
}

/** μ = SHAKE256(tr ‖ M′, 64) with tr = SHAKE256(pk, 64). Source: FIPS 204, algorithm 8, steps 6 and 7. */
function representative(publicKey: Uint8Array, formatted: ByteSource): Uint8Array {
  const tr = createHash('shake256', { outputLength: 64 }).update(publicKey).digest();
  return Uint8Array.from(prefixedDigest('shake256', tr, formatted, { outputBytes: 64 }));
}

/** M′: a domain byte, the context, and the message or its identified hash. Source: FIPS 204, algorithms 3 and 5. */
function formattedMessage(message: ByteSource, options: PostQuantumOptions): ByteSource | undefined {
  const context = Buffer.from(options.context ?? '', 'hex');
  if (context.length > 255) return undefined;
  const { preHash } = options;
  if (preHash === undefined)
    return joined([bytesSource(Buffer.concat([Buffer.of(0, context.length), context])), message]);
  const { oid, bytes } = preHashes[preHash];
  const xof = preHash.startsWith('shake') ? { outputBytes: bytes } : {};
  const digest = prefixedDigest(preHash, Buffer.alloc(0), message, xof);
  return bytesSource(Buffer.concat([Buffer.of(1, context.length), context, encodeDerOid(oid), digest]));
}

/** Deterministic variant. */
export function signPostQuantum(
  set: MlDsaSet | SlhDsaSet,
  secretKey: Uint8Array,
  message: ByteSource,
  options: PostQuantumOptions = {},
): Buffer {
  const formatted = formattedMessage(message, options);
  if (formatted === undefined) throw new RangeError('a context of more than 255 bytes');
  const secret = Uint8Array.from(secretKey);
  const signature = isMlDsa(set)
    ? mlDsaSets[set].internal.sign(representative(publicOfSecret(set, secret), formatted), secret, {
        externalMu: true,
        extraEntropy: false,
      })
    : slhDsaSets[set].internal.sign(materialise(formatted), secret, { extraEntropy: false });
  return Buffer.from(signature);
}
