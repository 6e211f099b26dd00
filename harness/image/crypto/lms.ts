/**
 * Verification of LMS and HSS signatures, with the reason why one is not good. Nothing here signs: a private key of these
 * schemes has a state, which a bench must not use up.
 *
 * Source: RFC 8554, 4.6 (algorithm 4a, 4b), 5.4.2 (algorithm 6, 6a), 6.3; NIST SP 800-208.
 */

import { bytesSource, type ByteSource } from '../byte-source.ts';
import {
  coefficients,
  lmOtsSet,
  lmsHash,
  lmsPublicKeyBytes,
  lmsSet,
  lmsSignatureBytes,
  separators,
  u16,
  u32,
  type LmOtsSet,
  type LmsSet,
} from './lms-parameters.ts';
import { prefixedDigest } from './prefixed-digest.ts';
import type { SignatureCheck } from './verify-digest.ts';

const bad = (why: string): { good: false; why: string } => ({ good: false, why });

export interface LmsPublicKey {
  set: LmsSet;
  ots: LmOtsSet;
  /** Identifier of the key pair, 16 bytes. */
  id: Buffer;
  /** Root of the tree. */
  root: Buffer;
}

/** Undefined when it is no LMS public key, to the byte. */
export function readLmsPublicKey(bytes: Uint8Array): LmsPublicKey | undefined {
  const key = Buffer.from(bytes);
  if (key.length < 24) return undefined;
  const set = lmsSet(key.readUInt32BE(0));
  const ots = lmOtsSet(key.readUInt32BE(4));
  if (set === undefined || ots === undefined || key.length !== lmsPublicKeyBytes(set)) return undefined;
  return { set, ots, id: key.subarray(8, 24), root: key.subarray(24) };
}

/** Where the parts of an LMS signature lie; undefined when its type codes are unknown or it is cut off. */
export interface LmsSignature {
  q: number;
  ots: LmOtsSet;
  set: LmsSet;
  /** Randomiser. */
  c: Buffer;
  y: Buffer[];
  path: Buffer[];
  /** Bytes in all. */
  bytes: number;
}

/** Reads one LMS signature from the beginning of some bytes; in words what is wrong with it. */
export function readLmsSignature(bytes: Buffer): LmsSignature | { why: string } {
  if (bytes.length < 8) return { why: `the LMS signature has ${bytes.length} bytes` };
  const q = bytes.readUInt32BE(0);
  const otsType = bytes.readUInt32BE(4);
  const ots = lmOtsSet(otsType);
  if (ots === undefined) return { why: `LM-OTS type ${otsType} is unknown` };
  const typeAt = 8 + ots.n * (ots.p + 1);
  if (bytes.length < typeAt + 4) return { why: `the LMS signature ends after ${bytes.length} bytes` };
  const type = bytes.readUInt32BE(typeAt);
  const set = lmsSet(type);
  if (set === undefined) return { why: `LMS type ${type} is unknown` };
  const size = lmsSignatureBytes(set, ots);
  if (bytes.length < size) return { why: `the LMS signature has ${bytes.length} bytes, ${size} are due` };
  const piecesOf = (at: number, count: number, width: number): Buffer[] =>
    Array.from({ length: count }, (_, index) => bytes.subarray(at + index * width, at + (index + 1) * width));
  const c = bytes.subarray(8, 8 + ots.n);
  const y = piecesOf(8 + ots.n, ots.p, ots.n);
  return { q, ots, set, c, y, path: piecesOf(typeAt + 4, set.h, set.m), bytes: size };
}

/** Never throws. */
export function verifyLms(publicKey: Uint8Array, message: ByteSource, signature: Uint8Array): SignatureCheck {
  const key = readLmsPublicKey(publicKey);
  if (key === undefined) return bad('the public key is no LMS public key');
  const read = readLmsSignature(Buffer.from(signature));
  if ('why' in read) return bad(read.why);
  if (read.bytes !== signature.length)
    return bad(`the signature has ${signature.length} bytes, ${read.bytes} are due`);
  return checkLms(key, message, read);
}

function checkLms(key: LmsPublicKey, message: ByteSource, signature: LmsSignature): SignatureCheck {
  const { set, ots, id } = key;
  if (signature.ots.type !== ots.type)
    return bad(`the signature is ${signature.ots.name}, the key is ${ots.name}`);
  if (signature.set.type !== set.type)
    return bad(`the signature is ${signature.set.name}, the key is ${set.name}`);
  if (signature.q >= 2 ** set.h) return bad(`leaf ${signature.q} is not in a tree of 2^${set.h}`);
  const candidate = otsCandidate(id, message, signature);
  return rootOf(set, id, signature.q, candidate, signature.path).equals(key.root)
    ? { good: true }
    : bad('the LMS signature leads to another root');
}

/** LM-OTS public key candidate (algorithm 4b). */
function otsCandidate(id: Buffer, message: ByteSource, { q, ots, c, y }: LmsSignature): Buffer {
  const prefix = Buffer.concat([id, u32(q), u16(separators.message), c]);
  const digest =
    ots.family === 'SHA256'
      ? prefixedDigest('sha256', prefix, message).subarray(0, ots.n)
      : prefixedDigest('shake256', prefix, message, { outputBytes: ots.n });
  const ends = coefficients(ots, digest).map((from, index) => {
    let value = y[index] ?? Buffer.alloc(0);
    for (let step = from; step < 2 ** ots.w - 1; step += 1) {
      value = lmsHash(ots, ots.n, id, u32(q), u16(index), Buffer.of(step), value);
    }
    return value;
  });
  return lmsHash(ots, ots.n, id, u32(q), u16(separators.publicKey), ...ends);
}

/** Root of the tree by a leaf's LM-OTS public key and its path (algorithm 6a). */
export function rootOf(set: LmsSet, id: Buffer, q: number, ots: Buffer, path: readonly Buffer[]): Buffer {
  let node = 2 ** set.h + q;
  let value = lmsHash(set, set.m, id, u32(node), u16(separators.leaf), ots);
  for (const sibling of path) {
    const pair = node % 2 === 1 ? [sibling, value] : [value, sibling];
    node = Math.floor(node / 2);
    value = lmsHash(set, set.m, id, u32(node), u16(separators.interior), ...pair);
  }
  return value;
}

/** Most levels that the standard allows (RFC 8554, 6). */
export const mostLevels = 8;

/** Levels and top key of an HSS public key; undefined when it is none. */
export function readHssPublicKey(bytes: Uint8Array): { levels: number; top: LmsPublicKey } | undefined {
  if (bytes.length < 4) return undefined;
  const levels = Buffer.from(bytes).readUInt32BE(0);
  const top = readLmsPublicKey(bytes.subarray(4));
  return top === undefined || levels < 1 || levels > mostLevels ? undefined : { levels, top };
}

/** A link of the chain: a signature, and the key of the next level that it signs. */
export interface HssLink {
  /** Offset of the signature. */
  at: number;
  signature: LmsSignature;
  /** Offset of the next level's public key; undefined in the last link, which signs the message. */
  keyAt: number | undefined;
  keyBytes: number;
}

/** The links of an HSS signature; in words what is wrong with it. */
export function readHssSignature(bytes: Buffer): HssLink[] | { why: string } {
  if (bytes.length < 4) return { why: `the HSS signature has ${bytes.length} bytes` };
  const signedKeys = bytes.readUInt32BE(0);
  if (signedKeys >= mostLevels) return { why: `the HSS signature claims ${signedKeys} signed keys` };
  const links: HssLink[] = [];
  let at = 4;
  for (let level = 0; level <= signedKeys; level += 1) {
    const signature = readLmsSignature(bytes.subarray(at));
    if ('why' in signature) return { why: `level ${level + 1}: ${signature.why}` };
    const keyAt = at + signature.bytes;
    const last = level === signedKeys;
    const keyBytes = last ? 0 : keyLength(bytes, keyAt);
    if (!last && keyBytes === 0) return { why: `the public key of level ${level + 2} is none` };
    links.push({ at, signature, keyAt: last ? undefined : keyAt, keyBytes });
    at = keyAt + keyBytes;
  }
  return at === bytes.length ? links : { why: `the signature has ${bytes.length} bytes, ${at} are due` };
}

function keyLength(bytes: Buffer, at: number): number {
  const set = bytes.length >= at + 4 ? lmsSet(bytes.readUInt32BE(at)) : undefined;
  return set === undefined || bytes.length < at + lmsPublicKeyBytes(set) ? 0 : lmsPublicKeyBytes(set);
}

/** Never throws. */
export function verifyHss(publicKey: Uint8Array, message: ByteSource, signature: Uint8Array): SignatureCheck {
  const root = readHssPublicKey(publicKey);
  if (root === undefined) return bad('the public key is no HSS public key');
  const bytes = Buffer.from(signature);
  const links = readHssSignature(bytes);
  if ('why' in links) return bad(links.why);
  if (links.length !== root.levels)
    return bad(`the signature has ${links.length} levels, the key has ${root.levels}`);
  let key = root.top;
  for (const [index, { signature: link, keyAt, keyBytes }] of links.entries()) {
    const signed = keyAt === undefined ? undefined : bytes.subarray(keyAt, keyAt + keyBytes);
    const check = checkLms(key, signed === undefined ? message : bytesSource(signed), link);
    if (!check.good) return bad(`level ${index + 1} of ${links.length}: ${check.why}`);
    if (signed === undefined) break;
    const next = readLmsPublicKey(signed);
    if (next === undefined) return bad(`the public key of level ${index + 2} is none`);
    key = next;
  }
  return { good: true };
}
