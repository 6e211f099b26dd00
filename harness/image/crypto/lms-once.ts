/**
 * LMS and HSS key pairs that sign once, for attacks by somebody whom nobody trusts: one leaf is made, the rest of its tree
 * is random. The public key follows from the path, so that such a pair costs no more than one leaf, whatever the height.
 *
 * Source: RFC 8554, 4.3, 4.5 (LM-OTS keys and signatures), 5.3, 5.4.1 (LMS), 6.2 (HSS).
 */

import { bytesSource, type ByteSource } from '../byte-source.ts';
import { coefficients, lmsHash, separators, u16, u32, type LmOtsSet, type LmsSet } from './lms-parameters.ts';
import { readHssSignature, readLmsSignature, rootOf } from './lms.ts';
import { prefixedDigest } from './prefixed-digest.ts';

export type Random = (label: string, bytes: number) => Buffer;

export interface OnceSigned {
  publicKey: Buffer;
  signature: Buffer;
}

/** A signature over the message by leaf q of a tree of which nothing else exists, and the public key for it. */
export function signOnce(
  set: LmsSet,
  ots: LmOtsSet,
  q: number,
  message: ByteSource,
  random: Random,
): OnceSigned {
  const id = random('identifier', 16);
  const c = random('randomiser', ots.n);
  const prefix = Buffer.concat([id, u32(q), u16(separators.message), c]);
  const digest =
    ots.family === 'SHA256'
      ? prefixedDigest('sha256', prefix, message).subarray(0, ots.n)
      : prefixedDigest('shake256', prefix, message, { outputBytes: ots.n });
  const y: Buffer[] = [];
  const ends: Buffer[] = [];
  const secrets = random('one-time key', ots.n * ots.p);
  for (const [index, stop] of coefficients(ots, digest).entries()) {
    let value: Buffer = secrets.subarray(index * ots.n, (index + 1) * ots.n);
    for (let step = 0; step < 2 ** ots.w - 1; step += 1) {
      if (step === stop) y.push(value);
      value = lmsHash(ots, ots.n, id, u32(q), u16(index), Buffer.of(step), value);
    }
    if (stop === 2 ** ots.w - 1) y.push(value);
    ends.push(value);
  }
  const leaf = lmsHash(ots, ots.n, id, u32(q), u16(separators.publicKey), ...ends);
  const path = Array.from({ length: set.h }, (_, level) => random(`path ${level}`, set.m));
  const root = rootOf(set, id, q, leaf, path);
  return {
    publicKey: Buffer.concat([u32(set.type), u32(ots.type), id, root]),
    signature: Buffer.concat([u32(q), u32(ots.type), c, ...y, u32(set.type), ...path]),
  };
}

/** A stranger's signature with the parameter sets and leaves of a genuine one; undefined when that cannot be read. */
export function strangersLms(
  type: 'lms' | 'hss',
  like: Buffer,
  message: ByteSource,
  random: Random,
): { value: Buffer; facts: { publicKey: string } } | undefined {
  const links = type === 'lms' ? [readLmsSignature(like)] : linksOf(like);
  let below: OnceSigned | undefined;
  const parts: Buffer[] = [];
  for (const [index, link] of [...links].reverse().entries()) {
    if ('why' in link) return undefined;
    const signed: ByteSource = below === undefined ? message : bytesSource(below.publicKey);
    if (below !== undefined) parts.unshift(below.publicKey);
    below = signOnce(link.set, link.ots, link.q, signed, (label, bytes) =>
      random(`${label} ${index}`, bytes),
    );
    parts.unshift(below.signature);
  }
  if (below === undefined) return undefined;
  const levels = links.length;
  const value = Buffer.concat(type === 'lms' ? parts : [u32(levels - 1), ...parts]);
  const publicKey = Buffer.concat(type === 'lms' ? [below.publicKey] : [u32(levels), below.publicKey]);
  return { value, facts: { publicKey: publicKey.toString('hex') } };
}

function linksOf(signature: Buffer): ReturnType<typeof readLmsSignature>[] {
  const links = readHssSignature(signature);
  return 'why' in links ? [] : links.map(({ signature: link }) => link);
}
