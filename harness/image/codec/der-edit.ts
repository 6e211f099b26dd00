/**
 * Surgery on DER: an element replaced, every length around it put right, everything else kept to the byte.
 *
 * Source: ITU-T X.690 (02/2021), 8.1.3, 10.1.
 */

import type { ByteSource } from '../byte-source.ts';
import { derBytes, encodeDerLength, type DerNode } from './der.ts';

/** What becomes of elements: other bytes, empty for none. */
export type DerEdits = ReadonlyMap<DerNode, Uint8Array>;

/** The element with the edits in it; untouched elements keep their bytes, lengths around an edit become definite. */
export function editDer(source: ByteSource, node: DerNode, edits: DerEdits): Buffer {
  const edited = edits.get(node);
  if (edited !== undefined) return Buffer.from(edited);
  if (!touched(node, edits)) return derBytes(source, node);
  return wrap(
    source,
    node,
    node.children.filter(notEnd).map((child) => editDer(source, child, edits)),
  );
}

function touched(node: DerNode, edits: DerEdits): boolean {
  return node.children.some((child) => edits.has(child) || touched(child, edits));
}

/** The element with the shortest definite lengths throughout; nothing is sorted. */
export function toDer(source: ByteSource, node: DerNode): Buffer {
  if (!node.constructed) return wrap(source, node, [Buffer.from(source.read(node.valueStart, node.end))]);
  return wrap(
    source,
    node,
    node.children.filter(notEnd).map((child) => toDer(source, child)),
  );
}

/** The element with indefinite lengths wherever it is constructed (X.690, 8.1.3.6), but for what is to be kept. */
export function toIndefinite(
  source: ByteSource,
  node: DerNode,
  keep: ReadonlySet<DerNode> = new Set(),
): Buffer {
  if (!node.constructed || keep.has(node)) return derBytes(source, node);
  const inside = node.children.filter(notEnd).map((child) => toIndefinite(source, child, keep));
  return Buffer.concat([identifier(source, node), Buffer.of(0x80), ...inside, Buffer.of(0, 0)]);
}

/** The element with one more byte of length than it needs (X.690, 8.1.3.5), and its contents as they are. */
export function toLongLength(source: ByteSource, node: DerNode): Buffer {
  const contents = source.read(node.valueStart, node.end);
  const short = encodeDerLength(contents.length);
  const long =
    short.length === 1
      ? Buffer.concat([Buffer.of(0x81), short])
      : Buffer.concat([Buffer.of((short[0] ?? 0) + 1, 0), short.subarray(1)]);
  return Buffer.concat([identifier(source, node), long, contents]);
}

/** Tag and shortest length of the node around other contents. */
export function wrap(source: ByteSource, node: DerNode, contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([identifier(source, node), encodeDerLength(body.length), body]);
}

/** Identifier octets: one, or several for a high tag number. */
function identifier(source: ByteSource, node: DerNode): Buffer {
  const head = source.read(node.start, node.valueStart);
  let end = 1;
  if (((head[0] ?? 0) & 0x1f) === 0x1f) while (end < head.length && ((head[end++] ?? 0) & 0x80) !== 0);
  return Buffer.from(head.subarray(0, end));
}

function notEnd(node: DerNode): boolean {
  return !(node.tag === 0 && node.class === 'universal' && node.claimedBytes === 0);
}
