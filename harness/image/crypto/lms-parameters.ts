/**
 * Parameter sets of LMS and LM-OTS.
 *
 * Source: RFC 8554, 4.1 and 5.1; NIST SP 800-208, 4; IANA registry "Leighton-Micali Signatures (LMS)".
 */

import { createHash } from 'node:crypto';

export interface LmsSet {
  type: number;
  /** `LMS_SHA256_M32_H10` */
  name: string;
  family: HashFamily;
  /** Bytes of a node. */
  m: number;
  /** Height of the tree. */
  h: number;
}

export interface LmOtsSet {
  type: number;
  /** `LMOTS_SHA256_N32_W8` */
  name: string;
  family: HashFamily;
  /** Bytes of a hash. */
  n: number;
  /** Bits of a Winternitz coefficient. */
  w: number;
  /** Number of hash chains. */
  p: number;
  /** Left shift of the checksum. */
  ls: number;
}

export type HashFamily = 'SHA256' | 'SHAKE';

/** First type codes of each hash, in the order in which they were registered. */
const hashes = [
  { family: 'SHA256', bytes: 32, lms: 5, ots: 1 },
  { family: 'SHA256', bytes: 24, lms: 10, ots: 5 },
  { family: 'SHAKE', bytes: 32, lms: 15, ots: 9 },
  { family: 'SHAKE', bytes: 24, lms: 20, ots: 13 },
] as const;

export const lmsSets: readonly LmsSet[] = hashes.flatMap(({ family, bytes, lms }) =>
  [5, 10, 15, 20, 25].map((h, index) => ({
    type: lms + index,
    name: `LMS_${family}_M${bytes}_H${h}`,
    family,
    m: bytes,
    h,
  })),
);

export const lmOtsSets: readonly LmOtsSet[] = hashes.flatMap(({ family, bytes, ots }) =>
  [1, 2, 4, 8].map((w, index) => ({
    type: ots + index,
    name: `LMOTS_${family}_N${bytes}_W${w}`,
    family,
    n: bytes,
    w,
    ...chains(bytes, w),
  })),
);

/** Source: RFC 8554, appendix B. */
function chains(n: number, w: number): { p: number; ls: number } {
  const u = Math.ceil((8 * n) / w);
  const v = Math.ceil((Math.floor(Math.log2((2 ** w - 1) * u)) + 1) / w);
  return { p: u + v, ls: 16 - v * w };
}

export function lmsSet(type: number): LmsSet | undefined {
  return lmsSets.find((set) => set.type === type);
}

export function lmOtsSet(type: number): LmOtsSet | undefined {
  return lmOtsSets.find((set) => set.type === type);
}

/** The family's hash, cut to the parameter set's length (SP 800-208, 4: SHA-256/192 is SHA-256 cut, SHAKE256 an XOF). */
export function lmsHash(set: { family: HashFamily }, bytes: number, ...parts: readonly Uint8Array[]): Buffer {
  const hash =
    set.family === 'SHA256' ? createHash('sha256') : createHash('shake256', { outputLength: bytes });
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, bytes);
}

/** Bytes of an LM-OTS signature, with its type code. */
export function lmOtsSignatureBytes(set: LmOtsSet): number {
  return 4 + set.n * (set.p + 1);
}

/** Bytes of an LMS signature. */
export function lmsSignatureBytes(set: LmsSet, ots: LmOtsSet): number {
  return 8 + lmOtsSignatureBytes(ots) + set.m * set.h;
}

/** Bytes of an LMS public key. */
export function lmsPublicKeyBytes(set: LmsSet): number {
  return 24 + set.m;
}

/** Coefficients of a digest with its checksum (RFC 8554, 3.1.3 and 4.4). */
export function coefficients(set: LmOtsSet, digest: Uint8Array): number[] {
  const perByte = 8 / set.w;
  const mask = 2 ** set.w - 1;
  const coefficient = (bytes: Uint8Array, index: number): number => {
    const shift = set.w * (perByte - 1 - (index % perByte));
    return ((bytes[Math.floor(index / perByte)] ?? 0) >> shift) & mask;
  };
  const own = Array.from({ length: (8 * set.n) / set.w }, (_, index) => coefficient(digest, index));
  const sum = own.reduce((total, value) => total + (mask - value), 0);
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16BE((sum << set.ls) & 0xffff);
  const rest = Array.from({ length: set.p - own.length }, (_, index) => coefficient(checksum, index));
  return [...own, ...rest];
}

/** Separators of the hashes (RFC 8554, 7.1). */
export const separators = { publicKey: 0x8080, message: 0x8181, leaf: 0x8282, interior: 0x8383 } as const;

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
