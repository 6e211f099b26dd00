/**
 * The trailer at the end of a slot, which an image padded by `imgtool sign --pad` carries: it tells the loader that the
 * image is to be tried, or to be kept for good. Nothing of it is signed.
 *
 * Source: MCUboot, docs/design.md "Image trailer"; boot/bootutil/src/bootutil_public.c.
 */

import type { ByteSource } from '../../byte-source.ts';
import { alignedTrailerMagic, trailerFields, trailerMagic, type TrailerField } from './layout.ts';

export interface Trailer {
  /** Largest write alignment in bytes: distance of the fields. */
  alignBytes: number;
  magicAt: number;
  /** In file order; `[start, end)` with the padding behind the value. */
  fields: readonly { name: TrailerField; start: number; end: number }[];
}

/** The trailer of a file that is a whole slot; undefined when it does not end in a trailer's magic number. */
export function findTrailer(source: ByteSource, imageEnd: number): Trailer | undefined {
  const magicAt = source.size - trailerMagic.length;
  if (magicAt < imageEnd) return undefined;
  const alignBytes = alignmentOf(Buffer.from(source.read(magicAt, source.size)));
  if (alignBytes === undefined) return undefined;
  const fields: { name: TrailerField; start: number; end: number }[] = [];
  let end = magicAt;
  for (const name of trailerFields) {
    const start = Math.floor((end - alignBytes) / alignBytes) * alignBytes;
    if (start < imageEnd) break;
    fields.unshift({ name, start, end });
    end = start;
  }
  return { alignBytes, magicAt, fields };
}

function alignmentOf(magic: Buffer): number | undefined {
  if (magic.equals(trailerMagic)) return 8;
  if (!magic.subarray(2).equals(alignedTrailerMagic)) return undefined;
  const little = magic.readUInt16LE(0);
  const alignBytes = little > 0 && little <= 256 ? little : magic.readUInt16BE(0);
  return alignBytes > 0 && alignBytes <= 256 ? alignBytes : undefined;
}
