/** Random access to the bytes of an image that need not be in memory. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EvidenceError } from '../errors.ts';

/**
 * Bytes by offset. Reading beyond the end gives what there is; it never throws for that.
 *
 * The bytes never change: digests of them are remembered (see {@link digestOf}).
 */
export interface ByteSource {
  /** Size in bytes; may exceed 2 GiB. */
  readonly size: number;
  /** Bytes of `[start, end)`, clipped to the source. The result must not be written to. */
  read(start: number, end: number): Uint8Array;
  /** Fills the target with the bytes from `start` on. Returns how many there were. For bulk work without garbage. */
  readInto(target: Uint8Array, start: number): number;
  /** What the bytes from this offset on are made of, when they are not this source's own. */
  origin?(at: number): Origin | undefined;
}

/** The bytes from an offset up to `end`, in the coordinates of the source that was asked. */
export type Origin = { end: number } &
  /** Those of another source, from `from` on. */
  (
    | { kind: 'copy'; source: ByteSource; from: number }
    /** These. */
    | { kind: 'bytes'; bytes: Uint8Array }
    /** One value, over and over. */
    | { kind: 'fill'; byte: number }
  );

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
    readInto(target, start) {
      const range = clip(start, start + target.length, bytes.length);
      target.set(bytes.subarray(range.start, range.end));
      return range.end - range.start;
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
  const readInto = (target: Uint8Array, start: number): number => {
    const range = clip(start, start + target.length, size);
    const bytes = range.end - range.start;
    let done = 0;
    while (done < bytes) {
      const got = readSync(fd, target, done, bytes - done, range.start + done);
      if (got === 0) {
        throw new EvidenceError('file-shrank', `${path} became shorter than ${size} bytes while it was read`);
      }
      done += got;
    }
    return bytes;
  };
  return {
    size,
    readInto,
    read(start, end) {
      const range = clip(start, end, size);
      const bytes = new Uint8Array(range.end - range.start);
      readInto(bytes, range.start);
      return bytes;
    },
    close: () => closeSync(fd),
  };
}

function openFile(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw new EvidenceError('no-image', `cannot read ${path}`, { cause });
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new EvidenceError('no-image', `${path} is not a file`);
}

/** A part of a source as a source of its own; clipped. */
export function slice(source: ByteSource, start: number, end: number): ByteSource {
  const range = clip(start, end, source.size);
  const size = range.end - range.start;
  return {
    size,
    read(from, to) {
      const part = clip(from, to, size);
      return source.read(range.start + part.start, range.start + part.end);
    },
    readInto(target, from) {
      const part = clip(from, from + target.length, size);
      return source.readInto(target.subarray(0, part.end - part.start), range.start + part.start);
    },
    origin: (at) => (at < size ? { kind: 'copy', source, from: range.start + at, end: size } : undefined),
  };
}

/** Several sources one behind the other. */
export function joined(parts: readonly ByteSource[]): ByteSource {
  const starts: number[] = [];
  let size = 0;
  for (const part of parts) {
    starts.push(size);
    size += part.size;
  }
  const readInto = (target: Uint8Array, start: number): number => {
    const range = clip(start, start + target.length, size);
    for (const [index, part] of parts.entries()) {
      const at = starts[index] ?? 0;
      const from = Math.max(range.start, at);
      const to = Math.min(range.end, at + part.size);
      if (from < to) part.readInto(target.subarray(from - range.start, to - range.start), from - at);
    }
    return range.end - range.start;
  };
  return {
    size,
    readInto,
    read(start, end) {
      const range = clip(start, end, size);
      const bytes = new Uint8Array(range.end - range.start);
      readInto(bytes, range.start);
      return bytes;
    },
    origin(at) {
      const index = parts.findIndex((part, i) => at >= (starts[i] ?? 0) && at < (starts[i] ?? 0) + part.size);
      const source = parts[index];
      const start = starts[index];
      if (source === undefined || start === undefined) return undefined;
      return { kind: 'copy', source, from: at - start, end: start + source.size };
    },
  };
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

/** Like {@link chunks} through one buffer, which is overwritten by the next piece: no garbage. */
export function* pieces(
  source: ByteSource,
  range: { start?: number; end?: number } = {},
  buffer = new Uint8Array(256 * 1024),
): Generator<Uint8Array> {
  const { start, end } = clip(range.start ?? 0, range.end ?? source.size, source.size);
  for (let at = start; at < end; at += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, end - at));
    source.readInto(piece, at);
    yield piece;
  }
}

/** The whole source in memory. */
export function materialise(source: ByteSource): Uint8Array {
  return source.read(0, source.size);
}

/** True when both hold the same bytes. Stops at the first difference; runs of the same origin are not read. */
export function sameBytes(a: ByteSource, b: ByteSource): boolean {
  if (a.size !== b.size) return false;
  const left = new Uint8Array(64 * 1024);
  const right = new Uint8Array(64 * 1024);
  for (let at = 0; at < a.size;) {
    const shared = sharedEnd(a, b, at);
    if (shared > at) {
      at = shared;
      continue;
    }
    const bytes = Math.min(left.length, a.size - at);
    a.readInto(left.subarray(0, bytes), at);
    b.readInto(right.subarray(0, bytes), at);
    if (Buffer.compare(left.subarray(0, bytes), right.subarray(0, bytes)) !== 0) return false;
    at += bytes;
  }
  return true;
}

/** Up to where both are the same run of one source; `at` when they are not. */
function sharedEnd(a: ByteSource, b: ByteSource, at: number): number {
  const one = rootOf(a, at);
  const other = rootOf(b, at);
  if (one.kind !== 'copy' || other.kind !== 'copy') return at;
  return one.source === other.source && one.from === other.from ? Math.min(one.end, other.end) : at;
}

/** What the bytes from an offset on are made of in the end, through all sources that only pass them on. */
export function rootOf(source: ByteSource, at: number): Origin {
  let found: Origin = { kind: 'copy', source, from: at, end: source.size };
  for (;;) {
    if (found.kind !== 'copy') return found;
    const next: Origin | undefined = found.source.origin?.(found.from);
    if (next === undefined) return found;
    const end: number = Math.min(found.end, at + (next.end - found.from));
    found =
      next.kind === 'bytes' ? { ...next, bytes: next.bytes.subarray(0, end - at), end } : { ...next, end };
  }
}
