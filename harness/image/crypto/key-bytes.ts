/** The plain bytes and numbers inside keys. */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { bytesSource } from '../byte-source.ts';
import { derBytes, derTags, derValue, scanDerElement } from '../codec/der.ts';
import type { PublicKey } from '../trust.ts';

/** The 32 bytes of an Ed25519 public key; empty for another key. */
export function rawEd25519(key: PublicKey): Buffer {
  if (key.kind !== 'classic' || key.key.asymmetricKeyType !== 'ed25519') return Buffer.alloc(0);
  return Buffer.from((key.key.export({ format: 'jwk' }) as { x?: string }).x ?? '', 'base64url');
}

/** Modulus and public exponent. */
export function rsaNumbers(key: KeyObject): { n: bigint; e: bigint; bytes: number } {
  const { n = '', e = '' } = plainRsa(key).export({ format: 'jwk' }) as { n?: string; e?: string };
  const modulus = Buffer.from(n, 'base64url');
  return { n: toNumber(modulus), e: toNumber(Buffer.from(e, 'base64url')), bytes: modulus.length };
}

/**
 * An RSA key without the restriction to PSS that its identifier may carry: node:crypto then allows the bare operation.
 *
 * Source: RFC 4055, 1.2: the subjectPublicKey is an RSAPublicKey either way.
 */
export function plainRsa(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'rsa-pss') return key;
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const inside = subjectPublicKey(publicKey.export({ type: 'spki', format: 'der' }));
  return inside === undefined ? key : createPublicKey({ key: inside, format: 'der', type: 'pkcs1' });
}

/** Contents of the BIT STRING of a SubjectPublicKeyInfo. */
export function subjectPublicKey(spki: Uint8Array): Buffer | undefined {
  const source = bytesSource(spki);
  const [, bits] = scanDerElement(source, 0)?.children ?? [];
  if (bits?.tag !== derTags.BIT_STRING) return undefined;
  const value = derValue(source, bits);
  return value[0] === 0 ? value.subarray(1) : undefined;
}

/** The SubjectPublicKeyInfo of a certificate: seventh in the TBSCertificate, sixth without a version (RFC 5280, 4.1). */
export function spkiOfCertificate(der: Uint8Array): Buffer | undefined {
  const source = bytesSource(der);
  const fields = scanDerElement(source, 0)?.children[0]?.children ?? [];
  const versioned = fields[0]?.class === 'context';
  const spki = fields[versioned ? 6 : 5];
  return spki === undefined ? undefined : derBytes(source, spki);
}

/** Big-endian. */
export function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

/** Big-endian, in so many bytes. */
export function toBytes(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex');
}
