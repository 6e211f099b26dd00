/**
 * A scanner of cpio archives in the "new ASCII" formats that keeps offsets: `070701`, and `070702` with a byte sum.
 * Numbers are eight hexadecimal digits; names and data are padded with zeros to a multiple of four.
 *
 * Source: GNU cpio 2.14, cpio(5) "New ASCII Format" and "New CRC Format".
 */

import type { ByteSource } from '../byte-source.ts';
import type { Issue } from '../image.ts';

/** Numbers of the header in their order, behind the six bytes of magic. */
export const cpioFields = [
  'ino',
  'mode',
  'uid',
  'gid',
  'nlink',
  'mtime',
  'filesize',
  'devmajor',
  'devminor',
  'rdevmajor',
  'rdevminor',
  'namesize',
  'check',
] as const;
export type CpioField = (typeof cpioFields)[number];

export const cpioHeaderBytes = 110;
export const cpioMagics = ['070701', '070702'] as const;
export const cpioTrailer = 'TRAILER!!!';

export interface CpioEntry {
  magic: (typeof cpioMagics)[number];
  fields: Readonly<Record<CpioField, number>>;
  /** Up to the first zero byte; bytes beyond ASCII as Latin-1. */
  name: string;
  start: number;
  /** Behind the name with its zero byte, without padding. */
  nameEnd: number;
  dataStart: number;
  /** End of the data, clipped to the file. */
  dataEnd: number;
  /** Behind the padding, clipped to the file. */
  end: number;
}

export interface CpioArchive {
  /** Without the trailer. */
  entries: readonly CpioEntry[];
  trailer: CpioEntry | undefined;
  /** Behind the trailer, or behind the last entry that could be read. */
  end: number;
  issues: readonly Issue[];
}

/** Longer names are not read. */
const mostNameBytes = 4096;
const mostEntries = 4096;

/** Reads headers and names only. Never throws. */
export function scanCpio(source: ByteSource, start = 0): CpioArchive {
  const entries: CpioEntry[] = [];
  const issues: Issue[] = [];
  let at = start;
  while (entries.length < mostEntries) {
    const entry = readEntry(source, at, issues);
    if (entry === undefined) return { entries, trailer: undefined, end: at, issues };
    if (entry.name === cpioTrailer) return { entries, trailer: entry, end: entry.end, issues };
    entries.push(entry);
    at = entry.end;
  }
  issues.push({ code: 'cpio-many', at, message: `more than ${mostEntries} entries` });
  return { entries, trailer: undefined, end: at, issues };
}

function readEntry(source: ByteSource, start: number, issues: Issue[]): CpioEntry | undefined {
  const stop = (code: string, message: string): undefined => void issues.push({ code, at: start, message });
  const header = Buffer.from(source.read(start, start + cpioHeaderBytes)).toString('latin1');
  if (header.length < cpioHeaderBytes) return stop('truncated', 'the archive ends without a trailer');
  const magic = cpioMagics.find((candidate) => header.startsWith(candidate));
  if (magic === undefined) return stop('magic', `no cpio entry of the new ASCII formats at ${start}`);
  if (!/^[0-9a-fA-F]{104}$/.test(header.slice(6)))
    return stop('cpio-number', 'a number that is not hexadecimal');
  const fields = Object.fromEntries(
    cpioFields.map((field, index) => [
      field,
      Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16),
    ]),
  ) as Record<CpioField, number>;
  const { namesize, filesize } = fields;
  if (namesize === 0 || namesize > mostNameBytes) return stop('cpio-name', `a name of ${namesize} bytes`);
  const nameStart = start + cpioHeaderBytes;
  const name = Buffer.from(source.read(nameStart, nameStart + namesize)).toString('latin1');
  if (name.length < namesize) return stop('truncated', 'the archive ends inside a name');
  const zero = name.indexOf('\0');
  if (zero !== namesize - 1) {
    issues.push({
      code: 'cpio-name',
      at: nameStart,
      message: `a name of ${namesize} bytes with its end at ${zero}`,
    });
  }
  const nameEnd = nameStart + namesize;
  const dataStart = Math.min(start + padded(nameEnd - start), source.size);
  const dataEnd = dataStart + filesize;
  if (dataEnd > source.size) {
    issues.push({
      code: 'truncated',
      at: dataStart,
      message: `${filesize} bytes of data where ${source.size - dataStart} are left`,
    });
  }
  return {
    magic,
    fields,
    name: zero < 0 ? name : name.slice(0, zero),
    start,
    nameEnd,
    dataStart,
    dataEnd: Math.min(dataEnd, source.size),
    end: Math.min(dataStart + padded(filesize), source.size),
  };
}

/** The next multiple of four. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

/** Sum of all bytes modulo 2^32: what `070702` calls a checksum. */
export function cpioSum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum % 0x1_0000_0000;
}

/** Eight hexadecimal digits, as most tools write them. */
export function cpioNumber(value: number): Buffer {
  return Buffer.from((value >>> 0).toString(16).toUpperCase().padStart(8, '0'), 'latin1');
}

/** Offset of a field in the file. */
export function cpioFieldAt(entry: Pick<CpioEntry, 'start'>, field: CpioField): number {
  return entry.start + 6 + 8 * cpioFields.indexOf(field);
}

/** A whole entry, with padding. Fields that are not given are zero, but for a regular file's mode and one link. */
export function encodeCpioEntry(
  name: string,
  data: Uint8Array,
  options: { magic?: CpioEntry['magic']; fields?: Partial<Record<CpioField, number>> } = {},
): Buffer {
  const { magic = '070702', fields = {} } = options;
  const nameBytes = Buffer.from(`${name}\0`, 'latin1');
  const values: Partial<Record<CpioField, number>> = {
    mode: 0o100644,
    nlink: 1,
    filesize: data.length,
    namesize: nameBytes.length,
    check: magic === '070702' ? cpioSum(data) : 0,
    ...fields,
  };
  const header = Buffer.concat([
    Buffer.from(magic),
    ...cpioFields.map((field) => cpioNumber(values[field] ?? 0)),
    nameBytes,
  ]);
  return Buffer.concat([withPadding(header), withPadding(data)]);
}

function withPadding(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
}
