/** SHA-256 by two implementations that share no code, and the Merkle tree over a record. */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { EvidenceError } from '../errors.ts';

/** Who computed the digests that verdicts rest on; said in the record. */
export const digestedBy = ['node:crypto', '@noble/hashes'] as const;

type Sha256 = (bytes: Uint8Array) => Uint8Array;

const nodeSha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest();

/** Lower-case hex SHA-256 by node:crypto alone: for bulk that another digest covers. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * SHA-256 of bytes on which a verdict rests, computed by both implementations.
 *
 * @returns 32 bytes
 * @throws EvidenceError when the two disagree: then neither can be trusted on this machine
 */
export function digestTwice(bytes: Uint8Array): Uint8Array {
  return agreed(nodeSha256(bytes), nobleSha256(bytes), `${bytes.length} bytes`);
}

/** As {@link digestTwice}, in lower-case hex. */
export function digestTwiceHex(bytes: Uint8Array): string {
  return Buffer.from(digestTwice(bytes)).toString('hex');
}

/**
 * SHA-256 of a file of any size by both implementations, read in pieces of 1 MiB.
 *
 * @param crossCheckBytes how much of the file, from its start, noble checks as well (it is ten times slower)
 * @returns the digest of the whole file and the number of bytes that both implementations agree on
 * @throws EvidenceError when the two disagree on the checked part
 */
export function digestFile(
  path: string,
  crossCheckBytes = 64 * 1024 * 1024,
): { sha256: string; crossCheckedBytes: number } {
  const whole = createHash('sha256');
  const partNode = createHash('sha256');
  const partNoble = nobleSha256.create();
  const piece = Buffer.alloc(1024 * 1024);
  const fd = openSync(path, 'r');
  let crossCheckedBytes = 0;
  try {
    for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) {
      whole.update(piece.subarray(0, read));
      const part = piece.subarray(0, Math.min(read, crossCheckBytes - crossCheckedBytes));
      partNode.update(part);
      partNoble.update(part);
      crossCheckedBytes += part.length;
    }
  } finally {
    closeSync(fd);
  }
  agreed(partNode.digest(), partNoble.digest(), path);
  return { sha256: whole.digest('hex'), crossCheckedBytes };
}

function agreed(byNode: Uint8Array, byNoble: Uint8Array, what: string): Uint8Array {
  if (Buffer.compare(byNode, byNoble) === 0) return byNode;
  throw new EvidenceError(
    'digests-disagree',
    `node:crypto and @noble/hashes give different SHA-256 for ${what}`,
    {
      data: { node: Buffer.from(byNode).toString('hex'), noble: Buffer.from(byNoble).toString('hex') },
      hint: 'Do not use this machine for evidence: check its memory and its Node installation.',
    },
  );
}

/**
 * Hash of a leaf: SHA-256(0x00 ‖ bytes), by both implementations.
 *
 * Source: RFC 9162 (December 2021), section 2.1.1.
 */
export function leafHash(bytes: Uint8Array): Uint8Array {
  return digestTwice(Buffer.concat([Uint8Array.of(0x00), bytes]));
}

/**
 * Root of the Merkle tree over leaf hashes, by both implementations.
 *
 * Source: RFC 9162, section 2.1.1: nodes are SHA-256(0x01 ‖ left ‖ right); the left part of n leaves holds the
 * largest power of two smaller than n; the root of no leaves is SHA-256 of nothing.
 *
 * @param leaves hashes made by {@link leafHash}, 32 bytes each, in order
 * @returns 32 bytes
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return agreed(rootBy(nodeSha256, leaves), rootBy(nobleSha256, leaves), `a tree of ${leaves.length} leaves`);
}

function rootBy(sha256: Sha256, leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array());
  let level = leaves;
  // Pairing level by level, an odd last node moving up unchanged, gives the same tree as the recursive definition.
  while (level.length > 1) level = parents(sha256, level);
  return level[0] ?? new Uint8Array();
}

function parents(sha256: Sha256, level: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let left = 0; left < level.length; left += 2) {
    const [a, b] = [level[left], level[left + 1]];
    if (a !== undefined) above.push(b === undefined ? a : sha256(Buffer.concat([Uint8Array.of(0x01), a, b])));
  }
  return above;
}
