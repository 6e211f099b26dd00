/** Digests of byte strings as they would be with their shortest head. */

import { createHash } from 'node:crypto';
import { pieces, type ByteSource } from '../../byte-source.ts';
import { cborHead, type CborItem } from '../../codec/cbor.ts';
import type { DigestAlgorithm } from '../../digest.ts';

/** The shortest head of a byte string that has a longer one; undefined when it has the shortest. */
export function shortestHead(item: CborItem): Buffer | undefined {
  if (item.indefinite) return undefined;
  const head = cborHead(item.major, item.argument);
  return head.length < item.headEnd - item.start ? head : undefined;
}

export function hashWithHead(
  source: ByteSource,
  algorithm: DigestAlgorithm,
  head: Uint8Array,
  { headEnd, end }: CborItem,
): Buffer {
  const hash = createHash(algorithm).update(head);
  for (const piece of pieces(source, { start: headEnd, end })) hash.update(piece);
  return hash.digest();
}
