/**
 * LMS key pairs for tests: a whole tree of height 5 with LM-OTS of SHA-256 and four bits, written from RFC 8554 alone.
 */

import { createHash } from 'node:crypto';

const n = 32;
const p = 67;
const chainEnd = 15;
const height = 5;

function hash(...parts: Buffer[]): Buffer {
  const state = createHash('sha256');
  for (const part of parts) state.update(part);
  return state.digest();
}

function number(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

/** 64 nibbles of the digest and three of the checksum, which is shifted left by four bits. */
function nibbles(digest: Buffer): number[] {
  const own = [...digest.toString('hex')].map((digit) => parseInt(digit, 16));
  const sum = own.reduce((total, digit) => total + chainEnd - digit, 0);
  const checksum = number(sum * 16, 2)
    .toString('hex')
    .slice(0, 3);
  return [...own, ...[...checksum].map((digit) => parseInt(digit, 16))];
}

export interface TestTree {
  /** Types 5 and 3, identifier, root. */
  publicKey: Buffer;
  sign(message: Buffer, leaf: number): Buffer;
}

export function lmsTree(seed: string): TestTree {
  const id = hash(Buffer.from(seed)).subarray(0, 16);
  const secret = (q: number, i: number): Buffer => hash(Buffer.from(`${seed} ${q} ${i}`));
  const chain = (q: number, i: number, from: number, to: number, value: Buffer): Buffer => {
    let at = value;
    for (let j = from; j < to; j += 1) at = hash(id, number(q, 4), number(i, 2), Buffer.of(j), at);
    return at;
  };
  const nodes = new Map<number, Buffer>();
  for (let q = 0; q < 2 ** height; q += 1) {
    const ends = Array.from({ length: p }, (_, i) => chain(q, i, 0, chainEnd, secret(q, i)));
    const key = hash(id, number(q, 4), Buffer.of(0x80, 0x80), ...ends);
    const r = 2 ** height + q;
    nodes.set(r, hash(id, number(r, 4), Buffer.of(0x82, 0x82), key));
  }
  const node = (r: number): Buffer => nodes.get(r) ?? Buffer.alloc(n);
  for (let r = 2 ** height - 1; r > 0; r -= 1) {
    nodes.set(r, hash(id, number(r, 4), Buffer.of(0x83, 0x83), node(2 * r), node(2 * r + 1)));
  }
  return {
    publicKey: Buffer.concat([number(5, 4), number(3, 4), id, node(1)]),
    sign(message, leaf) {
      const c = hash(Buffer.from(`${seed} randomiser ${leaf}`));
      const digest = hash(id, number(leaf, 4), Buffer.of(0x81, 0x81), c, message);
      const y = nibbles(digest).map((to, i) => chain(leaf, i, 0, to, secret(leaf, i)));
      const path = Array.from({ length: height }, (_, level) => node(((2 ** height + leaf) >> level) ^ 1));
      return Buffer.concat([number(leaf, 4), number(3, 4), c, ...y, number(5, 4), ...path]);
    },
  };
}

/** Two levels: the upper tree signs the lower one's key with leaf 1. */
export function hssTrees(seed: string): TestTree {
  const [top, bottom] = [lmsTree(`${seed} top`), lmsTree(`${seed} bottom`)];
  const link = top.sign(bottom.publicKey, 1);
  return {
    publicKey: Buffer.concat([number(2, 4), top.publicKey]),
    sign: (message, leaf) =>
      Buffer.concat([number(1, 4), link, bottom.publicKey, bottom.sign(message, leaf)]),
  };
}
