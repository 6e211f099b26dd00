/** The least that can be said of a file: where its contents end, if padding follows. */

import type { ByteSource } from '../../byte-source.ts';
import { RegionTiler, type ParsedImage } from '../../image.ts';

export interface OpaqueImage extends ParsedImage {
  format: 'opaque';
}

/** One region for all. Signed, as far as anybody can tell. */
export function parseOpaque(source: ByteSource): OpaqueImage {
  const tiler = new RegionTiler(source.size);
  tiler.rest('payload', 'signed');
  const empty = { code: 'empty', at: 0, message: 'the file is empty' };
  return {
    format: 'opaque',
    size: source.size,
    regions: tiler.regions,
    issues: source.size === 0 ? [empty] : [],
  };
}

/** Fewer equal bytes than these at the end are contents. */
const leastPadding = 16;
const pieceBytes = 64 * 1024;

/**
 * Where the contents end: before a run of zeros or of FF at the end, with which files are padded to whole blocks, and
 * which no signature need cover.
 */
export function contentEnd(source: ByteSource): number {
  const end = withoutPadding(source);
  // The end of the last line of a text, such as Intel HEX, need not be there.
  const tail = source.read(end - 2, end);
  const lineEnd = tail.findLastIndex((byte) => byte !== 0x0a && byte !== 0x0d);
  return lineEnd < 0 ? end : end - (tail.length - 1 - lineEnd);
}

function withoutPadding(source: ByteSource): number {
  const padding = source.read(source.size - 1, source.size)[0];
  if (padding !== 0 && padding !== 0xff) return source.size;
  for (let end = source.size; end > 0; end -= pieceBytes) {
    const piece = source.read(Math.max(0, end - pieceBytes), end);
    const last = piece.findLastIndex((byte) => byte !== padding);
    if (last < 0) continue;
    const found = end - piece.length + last + 1;
    return source.size - found < leastPadding ? source.size : found;
  }
  return source.size;
}

/** Whether a place lies in the middle of equal bytes, as in padding between parts. */
export function inRun(source: ByteSource, at: number): boolean {
  const around = source.read(at - leastPadding / 2, at + leastPadding / 2);
  return around.every((byte) => byte === around[0]);
}
