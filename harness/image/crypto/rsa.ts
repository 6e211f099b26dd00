/** RSA: encoded messages made and read by hand. */

import { constants, createHash, privateEncrypt, publicEncrypt, type KeyObject } from 'node:crypto';
import type { DigestAlgorithm } from '../digest.ts';
import { plainRsa } from './key-bytes.ts';
import { digestInfo, encodePkcs1, mgf1, verifyDigest } from './verify-digest.ts';

/** DigestInfo without the NULL that parameters of a hash have, as some signers leave it out. */
export function digestInfoWithoutNull(hash: DigestAlgorithm, digest: Uint8Array): Buffer {
  const full = Buffer.from(digestInfo[hash], 'hex');
  // The algorithm identifier ends with NULL (05 00) before the OCTET STRING (04, length).
  const withoutNull = Buffer.concat([full.subarray(0, -4), full.subarray(-2)]);
  withoutNull[1] = (withoutNull[1] ?? 0) - 2;
  withoutNull[3] = (withoutNull[3] ?? 0) - 2;
  return Buffer.concat([withoutNull, digest]);
}

/** 00 01 FF … 00 and a DigestInfo, as long as the modulus. */
export function pkcs1Block(info: Uint8Array, bytes: number): Buffer {
  return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(bytes - info.length - 3, 0xff), Buffer.of(0), info]);
}

/** EMSA-PSS of a digest with a given salt, as long as the modulus. Source: RFC 8017, 9.1.1. */
export function encodePss(
  hash: DigestAlgorithm,
  digest: Uint8Array,
  salt: Uint8Array,
  modulusBits: number,
): Buffer | undefined {
  const emBits = modulusBits - 1;
  const emBytes = Math.ceil(emBits / 8);
  const zeros = emBytes - digest.length - salt.length - 2;
  if (zeros < 0) return undefined;
  const h = createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const db = Buffer.concat([Buffer.alloc(zeros), Buffer.of(1), salt]);
  const mask = mgf1(h, db.length, hash);
  const masked = Buffer.from(db.map((byte, index) => byte ^ (mask[index] ?? 0)));
  masked[0] = (masked[0] ?? 0) & (0xff >> (8 * emBytes - emBits));
  const em = Buffer.concat([masked, h, Buffer.of(0xbc)]);
  return Buffer.concat([Buffer.alloc(Math.ceil(modulusBits / 8) - emBytes), em]);
}

/** The private operation on a whole encoded message. */
export function signBlock(key: KeyObject, block: Uint8Array): Buffer {
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
}

/** The message of a deterministic PKCS #1 v1.5 signature. */
export function signPkcs1(key: KeyObject, hash: DigestAlgorithm, digest: Uint8Array): Buffer {
  const bytes = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  return signBlock(key, encodePkcs1(hash, digest, bytes));
}

/** Whether a signature is good but for its encoding: zeros in front of it, any salt, no NULL. */
export function verifyRsaLoosely(
  key: KeyObject,
  scheme: { type: 'rsa-pkcs1' | 'rsa-pss'; hash: DigestAlgorithm },
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const bytes = Math.ceil((plainRsa(key).asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  const extra = signature.length - bytes;
  if (extra < 0 || extra > 16 || signature.subarray(0, extra).some((byte) => byte !== 0)) return false;
  const value = signature.subarray(extra);
  const { type, hash } = scheme;
  if (verifyDigest(key, { type, hash }, digest, value).good) return true;
  if (type === 'rsa-pss') return false;
  try {
    const message = publicEncrypt({ key: plainRsa(key), padding: constants.RSA_NO_PADDING }, value);
    return message.equals(pkcs1Block(digestInfoWithoutNull(hash, digest), bytes));
  } catch {
    return false;
  }
}
