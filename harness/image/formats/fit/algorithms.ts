/**
 * Algorithms as a FIT names them.
 *
 * Source: U-Boot, boot/image-sig.c, tools/image-sig-host.c (`sha256,rsa2048`); common/hash.c (hash nodes).
 */

import { createHash, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { pieces, slice, type ByteSource } from '../../byte-source.ts';
import { digestOf, type DigestAlgorithm } from '../../digest.ts';
import type { DigestScheme } from '../../crypto/verify-digest.ts';
import type { FitSignature } from './model.ts';

const digests: readonly DigestAlgorithm[] = ['sha1', 'sha256', 'sha384', 'sha512'];

/** By the name behind the comma. RSA by the bits of its modulus; ECDSA by the curve, as r ‖ s. */
const schemes = new Map<string, { type: 'rsa'; bits: number } | { type: 'ec'; curve: string }>([
  ['rsa2048', { type: 'rsa', bits: 2048 }],
  ['rsa3072', { type: 'rsa', bits: 3072 }],
  ['rsa4096', { type: 'rsa', bits: 4096 }],
  ['ecdsa256', { type: 'ec', curve: 'prime256v1' }],
  ['ecdsa384', { type: 'ec', curve: 'secp384r1' }],
  ['secp521r1', { type: 'ec', curve: 'secp521r1' }],
]);

export interface FitScheme {
  hash: DigestAlgorithm;
  scheme: DigestScheme;
  fits: (key: KeyObject) => boolean;
}

/** What a signature node says of its algorithm; undefined when no U-Boot knows it. */
export function schemeOf({
  algorithm = '',
  padding,
}: Pick<FitSignature, 'algorithm' | 'padding'>): FitScheme | undefined {
  const comma = algorithm.indexOf(',');
  const hash = digests.find((name) => name === algorithm.slice(0, comma));
  const key = schemes.get(algorithm.slice(comma + 1));
  if (comma < 0 || hash === undefined || key === undefined) return undefined;
  if (key.type === 'ec') {
    const fits = (candidate: KeyObject): boolean =>
      candidate.asymmetricKeyType === 'ec' && candidate.asymmetricKeyDetails?.namedCurve === key.curve;
    return { hash, scheme: { type: 'ecdsa', encoding: 'p1363' }, fits };
  }
  const fits = (candidate: KeyObject): boolean =>
    candidate.asymmetricKeyType === 'rsa' && candidate.asymmetricKeyDetails?.modulusLength === key.bits;
  if (padding === 'pkcs-1.5') return { hash, scheme: { type: 'rsa-pkcs1', hash }, fits };
  // The salt may have any length: mkimage takes the longest, other signers that of the digest.
  if (padding === 'pss') return { hash, scheme: { type: 'rsa-pss', hash }, fits };
  return undefined;
}

/** The algorithm that a signature node names for a key; undefined when there is none. */
export function algorithmFor(key: KeyObject, hash: DigestAlgorithm): string | undefined {
  for (const [name, scheme] of schemes) {
    const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
    if (scheme.type === 'rsa' ? scheme.bits === modulusLength : scheme.curve === namedCurve)
      return `${hash},${name}`;
  }
  return undefined;
}

/** Hashes that nobody can forge. */
export function isStrongHash(algorithm: string | undefined): boolean {
  return algorithm === 'sha256' || algorithm === 'sha384' || algorithm === 'sha512';
}

/** Value of a hash node over `[start, end)`; undefined for an algorithm that U-Boot does not know. */
export function hashValue(
  source: ByteSource,
  algorithm: string | undefined,
  { start, end }: { start: number; end: number },
): Buffer | undefined {
  const digest = digests.find((name) => name === algorithm);
  if (digest !== undefined) return digestOf(source, digest, { start, end });
  const part = slice(source, start, end);
  if (algorithm === 'md5') {
    const md5 = createHash('md5');
    for (const piece of pieces(part)) md5.update(piece);
    return md5.digest();
  }
  if (algorithm !== 'crc32') return undefined;
  let crc = 0;
  for (const piece of pieces(part)) crc = crc32(piece, crc);
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc);
  return value;
}
