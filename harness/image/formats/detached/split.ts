/**
 * Payload and signature file as one source: payload ‖ signature ‖ split record. The record (length of the signature file
 * as u64 BE, then a magic number) is never handed out: it lets an attack on either file be an attack on one image.
 */

import { bytesSource, joined, slice, type ByteSource } from '../../byte-source.ts';

export const splitBytes = 16;
export const splitMagic = Buffer.from('FPSPLIT1');

export function joinDetached(payload: ByteSource, signature: ByteSource): ByteSource {
  return joined([payload, signature, bytesSource(splitRecord(signature.size))]);
}

export function splitRecord(signatureBytes: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(signatureBytes));
  return Buffer.concat([length, splitMagic]);
}

/** Where the signature file starts and ends; undefined when there is no split record. */
export function readSplit(source: ByteSource): { start: number; end: number } | undefined {
  const end = source.size - splitBytes;
  if (end < 0) return undefined;
  const record = Buffer.from(source.read(end, source.size));
  if (!record.subarray(8).equals(splitMagic)) return undefined;
  const bytes = record.readBigUInt64BE(0);
  return bytes > BigInt(end) ? undefined : { start: end - Number(bytes), end };
}

/** The two files of a joined source; undefined when it is none. */
export function splitDetached(
  source: ByteSource,
): { payload: ByteSource; signature: ByteSource } | undefined {
  const split = readSplit(source);
  if (split === undefined) return undefined;
  return { payload: slice(source, 0, split.start), signature: slice(source, split.start, split.end) };
}
