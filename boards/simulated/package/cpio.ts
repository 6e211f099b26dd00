/**
 * The archive around a package, read strictly: cpio "new CRC" (`070702`), regular files only, right byte sums, nothing
 * behind the trailer.
 *
 * Header: magic and 13 numbers of 8 hexadecimal digits; name and data are padded with zeros to a multiple of 4.
 * Source: GNU cpio 2.14, cpio(5), "New CRC Format".
 */

import { ImageRefused } from '../mcuboot-image.ts';

export interface ArchivedFile {
  name: string;
  data: Buffer;
}

const MAGIC = '070702';
const TRAILER = 'TRAILER!!!';
const HEADER_BYTES = 110;
/** Position of a number among the 13 of the header. */
const FIELD = { mode: 1, fileBytes: 6, nameBytes: 11, sum: 12 } as const;
const REGULAR_FILE = 0o100000;
const FILE_TYPE = 0o170000;
const MOST_NAME_BYTES = 64;
const MOST_FILES = 8;

/** @throws ImageRefused `format`, `truncated`, or `size` for bytes behind the archive */
export function readArchive(bytes: Buffer): ArchivedFile[] {
  const files: ArchivedFile[] = [];
  let entry = readEntry(bytes, 0);
  for (; entry.name !== TRAILER; entry = readEntry(bytes, entry.end)) {
    if ((entry.mode & FILE_TYPE) !== REGULAR_FILE) {
      throw new ImageRefused('format', `mode 0${entry.mode.toString(8)} is that of no regular file`);
    }
    files.push({ name: entry.name, data: entry.data });
    if (files.length > MOST_FILES) throw new ImageRefused('format', `more than ${MOST_FILES} files`);
  }
  if (entry.end === bytes.length) return files;
  throw new ImageRefused('size', `${bytes.length} bytes, of which ${entry.end} are the package`);
}

interface Entry extends ArchivedFile {
  mode: number;
  end: number;
}

function readEntry(bytes: Buffer, start: number): Entry {
  const field = (index: number): number => number(bytes, start + MAGIC.length + 8 * index);
  demand(bytes, start + HEADER_BYTES);
  if (bytes.toString('latin1', start, start + MAGIC.length) !== MAGIC) {
    throw new ImageRefused('format', `no entry of cpio ${MAGIC} at ${start}`);
  }
  const nameBytes = field(FIELD.nameBytes);
  if (nameBytes < 2 || nameBytes > MOST_NAME_BYTES) {
    throw new ImageRefused('format', `file name of ${nameBytes} bytes`);
  }
  const dataStart = start + padded(HEADER_BYTES + nameBytes);
  const dataEnd = dataStart + field(FIELD.fileBytes);
  const end = dataStart + padded(field(FIELD.fileBytes));
  demand(bytes, end);
  const data = bytes.subarray(dataStart, dataEnd);
  checkZeros(bytes, start + HEADER_BYTES + nameBytes, dataStart);
  checkZeros(bytes, dataEnd, end);
  const sum = data.reduce((total, byte) => (total + byte) >>> 0, 0);
  if (sum !== field(FIELD.sum)) throw new ImageRefused('format', `byte sum at ${start} is not ${sum}`);
  return { name: nameIn(bytes, start + HEADER_BYTES, nameBytes), data, mode: field(FIELD.mode), end };
}

function nameIn(bytes: Buffer, start: number, nameBytes: number): string {
  const name = bytes.toString('latin1', start, start + nameBytes);
  if (name.indexOf('\0') !== nameBytes - 1) throw new ImageRefused('format', 'file name without its end');
  return name.slice(0, -1);
}

function number(bytes: Buffer, at: number): number {
  const digits = bytes.toString('latin1', at, at + 8);
  if (!/^[0-9a-fA-F]{8}$/.test(digits))
    throw new ImageRefused('format', `"${digits}" is no hexadecimal number`);
  return Number.parseInt(digits, 16);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function checkZeros(bytes: Buffer, start: number, end: number): void {
  if (bytes.subarray(start, end).some((byte) => byte !== 0)) {
    throw new ImageRefused('format', `padding at ${start} is not zero`);
  }
}

function demand(bytes: Buffer, end: number): void {
  if (bytes.length < end) throw new ImageRefused('truncated', `${bytes.length} of at least ${end} bytes`);
}
