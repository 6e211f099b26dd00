/**
 * The one form of tar that a package has: every header follows from path and size alone, so that a reader who knows
 * those two knows every byte that is not content.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format".
 */

import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { EvidenceError } from '../../harness/errors.ts';

export const blockBytes = 512;
/** Two blocks of zeros, and nothing after them. */
export const trailerBytes = 2 * blockBytes;
/** Eleven octal digits. */
const maxFileBytes = 8 ** 11 - 1;
/** 1980-01-01T00:00:00Z: some tools complain about 1970; the true times stand in the record. */
const mtime = 315_532_800;

export interface TarEntry {
  path: string;
  bytes: number;
  /** `from`: where in the file the content begins; it ends there where `bytes` says. */
  content: { bytes: Uint8Array } | { file: string; from?: number };
}

/**
 * The header of a regular file.
 *
 * @returns 512 bytes
 * @throws EvidenceError for a path that does not fit into 100 bytes after one of its slashes, or a file from 8 GiB
 */
export function tarHeader(path: string, bytes: number): Buffer {
  if (bytes > maxFileBytes) {
    throw new EvidenceError('file-too-large', `${path} has ${bytes} bytes; a package takes ${maxFileBytes}`, {
      hint: 'Withhold it with --redact, and hand it over beside the package: its digest stays in the manifest.',
    });
  }
  const { prefix, name } = splitPath(path);
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100, 'latin1'); // mode
  header.write('0000000\0', 108, 'latin1'); // uid
  header.write('0000000\0', 116, 'latin1'); // gid
  header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write(`${mtime.toString(8).padStart(11, '0')}\0`, 136, 'latin1');
  header.write('        ', 148, 'latin1'); // the checksum counts its own field as spaces
  header.write('0', 156, 'latin1'); // typeflag: a regular file
  header.write('ustar\0' + '00', 257, 'latin1'); // magic and version
  header.write(prefix, 345, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** The leftmost slash after which the rest fits into the name field; none where the whole path fits. */
function splitPath(path: string): { prefix: string; name: string } {
  if (path.length <= 100) return { prefix: '', name: path };
  const at = path.indexOf('/', path.length - 101);
  const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
  if (at > 0 && prefix.length <= 155 && name !== '') return { prefix, name };
  throw new EvidenceError(
    'path-too-long',
    `the path ${path} of ${path.length} bytes does not fit into a tar`,
    {
      hint: 'Name the part with at most 100 bytes after one of its slashes.',
    },
  );
}

/** How many zeros follow a content of this size. */
export function paddingAfter(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes;
}

/**
 * Writes the archive so that it is there whole, or not at all.
 *
 * @throws EvidenceError when the disk fails, or a file has another size than when it was digested
 */
export function writeTar(path: string, entries: Iterable<TarEntry>): void {
  const beside = `${path}.new`;
  try {
    const fd = openSync(beside, 'w');
    try {
      for (const entry of entries) writeEntry(fd, entry);
      writeAll(fd, Buffer.alloc(trailerBytes));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, path);
  } catch (cause) {
    rmSync(beside, { force: true });
    if (cause instanceof EvidenceError) throw cause;
    throw new EvidenceError('cannot-write', `cannot write the package ${path}`, {
      hint: 'Name another file with --out, on a disk with space.',
      cause,
    });
  }
}

function writeEntry(fd: number, { path, bytes, content }: TarEntry): void {
  writeAll(fd, tarHeader(path, bytes));
  let written = 0;
  for (const piece of piecesOf(content, 'from' in content ? bytes : undefined)) {
    writeAll(fd, piece);
    written += piece.length;
  }
  if (written !== bytes) {
    throw new EvidenceError('file-changed', `${path} had ${bytes} bytes, and ${written} when it was packed`, {
      hint: 'Something writes into the run folder: wait until it is done, and pack again.',
    });
  }
  writeAll(fd, Buffer.alloc(paddingAfter(bytes)));
}

/**
 * The content in pieces of at most 1 MiB; each is overwritten by the next.
 *
 * @param bytes how much of a file to read; absent: to its end
 */
export function* piecesOf(content: TarEntry['content'], bytes = Infinity): Generator<Uint8Array> {
  if ('bytes' in content) {
    yield content.bytes;
    return;
  }
  const piece = Buffer.alloc(1024 * 1024);
  const fd = openSync(content.file, 'r');
  try {
    const from = content.from ?? 0;
    for (let done = 0; done < bytes;) {
      const read = readSync(fd, piece, 0, Math.min(piece.length, bytes - done), from + done);
      if (read === 0) return;
      yield piece.subarray(0, read);
      done += read;
    }
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
