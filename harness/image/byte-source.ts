/** Random access to the bytes of an image that need not be in memory. */

import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EvidenceError } from '../errors.ts';

/** Bytes by offset. Reading beyond the end gives what there is; it never throws for that. */
export interface ByteSource {
  /** Size in bytes; may exceed 2 GiB. */
  readonly size: number;
  /** Bytes of `[start, end)`, clipped to the source. The result must not be written to. */
  read(start: number, end: number): Uint8Array;
}

/** The range clipped to `[0, size)`, never inverted. */
export function clip(start: number, end: number, size: number): { start: number; end: number } {
  const from = Math.min(Math.max(0, start), size);
  return { start: from, end: Math.min(Math.max(from, end), size) };
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(start, end) {
      const range = clip(start, end, bytes.length);
      return bytes.subarray(range.start, range.end);
    },
  };
}

/**
 * A file, read as needed. The caller closes it.
 *
 * @throws EvidenceError when the file cannot be opened, or shrinks while it is read
 */
export function fileSource(path: string): ByteSource & { close(): void } {
  const fd = openFile(path);
  const { size } = fstatSync(fd);
  return {
    size,
    read(start, end) {
      const range = clip(start, end, size);
      const bytes = new Uint8Array(range.end - range.start);
      let done = 0;
      while (done < bytes.length) {
        const got = readSync(fd, bytes, done, bytes.length - done, range.start + done);
        if (got === 0) {
          throw new EvidenceError(
            'file-shrank',
            `${path} became shorter than ${size} bytes while it was read`,
          );
        }
        done += got;
      }
      return bytes;
    },
    close: () => closeSync(fd),
  };
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new EvidenceError('no-image', `cannot read ${path}`, { cause });
  }
}

/** The bytes of `[start, end)` in order, in pieces of at most `chunkBytes`. */
export function* chunks(
  source: ByteSource,
  range: { start?: number; end?: number } = {},
  chunkBytes = 1024 * 1024,
): Generator<Uint8Array> {
  const { start, end } = clip(range.start ?? 0, range.end ?? source.size, source.size);
  for (let at = start; at < end; at += chunkBytes) yield source.read(at, Math.min(end, at + chunkBytes));
}

/** The whole source in memory. */
export function materialise(source: ByteSource): Uint8Array {
  return source.read(0, source.size);
}

/** Digest of `[start, end)`. */
export function digestOf(
  source: ByteSource,
  algorithm: 'sha256' | 'sha384' | 'sha512' = 'sha256',
  range: { start?: number; end?: number } = {},
): Buffer {
  const hash = createHash(algorithm);
  for (const chunk of chunks(source, range)) hash.update(chunk);
  return hash.digest();
}
