/** The unkeyed sums of ESP images: anybody can make them fit. */

import { pieces, type ByteSource } from '../../byte-source.ts';
import { checksumSeed } from './layout.ts';

/** XOR of the bytes of the ranges and 0xEF. Source: ESP-IDF esp_image_format.c, process_checksum. */
export function xorChecksum(source: ByteSource, ranges: readonly { start: number; end: number }[]): number {
  let sum = checksumSeed;
  for (const range of ranges) {
    for (const piece of pieces(source, range)) for (const byte of piece) sum ^= byte;
  }
  return sum;
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** CRC-32 of IEEE 802.3, reflected, as zlib computes it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffff_ffff) >>> 0;
}
