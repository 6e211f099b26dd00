/**
 * Portable executables: headers, sections, overlay, and the attribute certificate table with its signatures.
 *
 * What Authenticode hashes is what lies outside checksum, security directory entry and certificate table: headers, sections
 * in the order of their data, and what follows them up to the table.
 *
 * Source: Microsoft, Windows Authenticode Portable Executable Signature Format 1.0, "Calculating the PE Image Hash".
 */

import type { ByteSource } from '../../byte-source.ts';
import type { CmsSignedData } from '../../crypto/cms.ts';
import { RegionTiler, type Issue, type ParsedImage } from '../../image.ts';
import { readCertificateTable, type PeCertificate } from './certificates.ts';
import {
  coffBytes,
  coffFields,
  directoriesAt,
  dosHeaderBytes,
  mostDirectories,
  mostSections,
  newHeaderAt,
  optionalFields,
  sectionHeaderBytes,
  securityDirectory,
  type CoffField,
  type OptionalField,
} from './layout.ts';

export interface PeSection {
  /** Place in the section table. */
  index: number;
  name: string;
  headerAt: number;
  /** Data in the file. */
  start: number;
  end: number;
}

export interface PeHeaders {
  coffAt: number;
  coff: Readonly<Record<CoffField, number>>;
  optionalAt: number;
  optional: Readonly<Record<OptionalField, number>>;
  checksumAt: number;
  /** Of the security directory entry; undefined when there are fewer directories. */
  securityAt: number | undefined;
  /** What the entry says: an offset in the file, not an address. */
  table: { start: number; bytes: number } | undefined;
}

export interface PeImage extends ParsedImage {
  format: 'pe';
  headers: PeHeaders | undefined;
  /** In the order of their data. */
  sections: readonly PeSection[];
  /** Ranges that Authenticode hashes, in order; empty when headers or sections make no sense. */
  hashed: readonly { start: number; end: number }[];
  certificates: readonly PeCertificate[];
  /** End of the certificate table, clipped to the file; undefined without one. */
  tableEnd: number | undefined;
}

export type { CmsSignedData };

/** Never throws. */
export function parsePe(source: ByteSource): PeImage {
  return new Parser(source).run();
}

class Parser {
  readonly #source: ByteSource;
  readonly #tiler: RegionTiler;
  readonly #issues: Issue[] = [];
  #broken = false;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#tiler = new RegionTiler(source.size);
  }

  run(): PeImage {
    const headers = this.#headers();
    const sections = headers === undefined || this.#broken ? [] : this.#sections(headers);
    const complete = headers !== undefined && !this.#broken;
    let certificates: readonly PeCertificate[] = [];
    let hashed: PeImage['hashed'] = [];
    let tableEnd: number | undefined;
    if (complete) {
      const dataEnd = this.#tileSections(headers, sections);
      const table = this.#table(headers, dataEnd);
      hashed = hashedRanges(headers, sections, table?.start ?? this.#source.size);
      this.#tiler.upTo(table?.start ?? this.#source.size, 'overlay', 'signed');
      if (table !== undefined) {
        certificates = readCertificateTable(this.#source, this.#tiler, table, this.#issues);
        tableEnd = Math.min(table.end, this.#source.size);
        this.#tiler.upTo(table.end, 'table.rest', 'unsigned');
      }
    }
    this.#tiler.rest(complete ? 'trailing' : 'unknown', complete ? 'trailing' : 'signed');
    return {
      format: 'pe',
      size: this.#source.size,
      regions: this.#tiler.regions,
      issues: this.#issues,
      headers,
      sections,
      hashed,
      certificates,
      tableEnd,
    };
  }

  #headers(): PeHeaders | undefined {
    const dos = Buffer.from(this.#source.read(0, dosHeaderBytes));
    if (dos.length < dosHeaderBytes) return this.#stop('truncated', dos.length, 'less than a DOS header');
    if (dos.toString('latin1', 0, 2) !== 'MZ') return this.#stop('dos-magic', 0, 'it does not begin with MZ');
    const peAt = dos.readUInt32LE(newHeaderAt);
    if (peAt < dosHeaderBytes)
      return this.#stop('header-at', newHeaderAt, `the PE header at ${peAt} overlaps the DOS header`);
    const optionalAt = peAt + 4 + coffBytes;
    const head = Buffer.from(this.#source.read(peAt, optionalAt));
    if (head.length < 4 + coffBytes)
      return this.#stop('truncated', this.#source.size, `no PE header at ${peAt}`);
    if (head.readUInt32BE(0) !== 0x50450000) return this.#stop('pe-magic', peAt, 'there is no PE signature');
    this.#tiler.upTo(newHeaderAt, 'dos.header', 'signed');
    this.#tiler.upTo(dosHeaderBytes, 'dos.new_header_at', 'signed');
    this.#tiler.upTo(peAt, 'dos.stub', 'signed');
    this.#tiler.upTo(peAt + 4, 'pe.signature', 'signed');
    const coff = fieldsOf(head.subarray(4), coffFields);
    for (const { name, at, bytes } of coffFields)
      this.#tiler.upTo(peAt + 4 + at + bytes, `coff.${name}`, 'signed');
    return this.#optional(peAt + 4, coff, optionalAt);
  }

  #optional(coffAt: number, coff: PeHeaders['coff'], optionalAt: number): PeHeaders | undefined {
    const bytes = Buffer.from(this.#source.read(optionalAt, optionalAt + coff.optional_size));
    const last = optionalFields.at(-1);
    if (bytes.length < coff.optional_size)
      return this.#stop('truncated', this.#source.size, 'the optional header is cut off');
    if (last === undefined || bytes.length < last.at + last.bytes) {
      return this.#stop('optional-size', coffAt + 16, `an optional header of ${bytes.length} bytes`);
    }
    const optional = fieldsOf(bytes, optionalFields);
    const start = directoriesAt.get(optional.magic);
    if (start === undefined)
      return this.#stop('optional-magic', optionalAt, `magic 0x${optional.magic.toString(16)}`);
    for (const { name, at, bytes: width } of optionalFields) {
      this.#tiler.upTo(optionalAt + at, 'optional.other', 'signed');
      this.#tiler.upTo(
        optionalAt + at + width,
        `optional.${name}`,
        name === 'checksum' ? 'unsigned' : 'signed',
      );
    }
    this.#tiler.upTo(optionalAt + start, 'optional.other', 'signed');
    const room = Math.floor(Math.max(0, bytes.length - start) / 8);
    const count = Math.min(bytes.length >= start ? bytes.readUInt32LE(start - 4) : 0, room, mostDirectories);
    for (let index = 0; index < count; index += 1) {
      const coverage = index === securityDirectory ? 'unsigned' : 'signed';
      this.#tiler.upTo(optionalAt + start + 8 * (index + 1), `directory${index}`, coverage);
    }
    this.#tiler.upTo(optionalAt + coff.optional_size, 'optional.other', 'signed');
    const entryAt = start + 8 * securityDirectory;
    const known = count > securityDirectory;
    const table = known
      ? { start: bytes.readUInt32LE(entryAt), bytes: bytes.readUInt32LE(entryAt + 4) }
      : undefined;
    return {
      coffAt,
      coff,
      optionalAt,
      optional,
      checksumAt: optionalAt + 64,
      securityAt: known ? optionalAt + entryAt : undefined,
      table: table?.start === 0 && table.bytes === 0 ? undefined : table,
    };
  }

  #sections({ coff, optional, optionalAt }: PeHeaders): PeSection[] {
    const at = optionalAt + coff.optional_size;
    const end = at + coff.sections * sectionHeaderBytes;
    if (coff.sections > mostSections)
      this.#stop('section-count', at, `${coff.sections} sections, more than ${mostSections}`);
    else if (end > optional.headers_size)
      this.#stop(
        'headers-size',
        at,
        `the section table ends at ${end}, the headers at ${optional.headers_size}`,
      );
    else if (optional.headers_size > this.#source.size)
      this.#stop('truncated', this.#source.size, `the headers end at ${optional.headers_size}`);
    if (this.#broken) return [];
    const sections: PeSection[] = [];
    for (let index = 0; index < coff.sections; index += 1) {
      const headerAt = at + index * sectionHeaderBytes;
      const head = Buffer.from(this.#source.read(headerAt, headerAt + sectionHeaderBytes));
      const start = head.readUInt32LE(20);
      const name = head.toString('latin1', 0, 8).split('\0', 1)[0] ?? '';
      for (const [field, width] of sectionFields)
        this.#tiler.upTo(this.#tiler.at + width, `section${index}.${field}`, 'signed');
      sections.push({ index, name, headerAt, start, end: start + head.readUInt32LE(16) });
    }
    return sections.filter((section) => section.end > section.start).sort((a, b) => a.start - b.start);
  }

  /** Where headers and sections end. */
  #tileSections({ optional }: PeHeaders, sections: readonly PeSection[]): number {
    this.#tiler.upTo(optional.headers_size, 'headers.padding', 'signed');
    for (const { index, start, end, headerAt } of sections) {
      if (start < this.#tiler.at) {
        this.#stop(
          'section-overlap',
          headerAt,
          `section ${index} at ${start} overlaps what ends at ${this.#tiler.at}`,
        );
      } else if (end > this.#source.size) {
        this.#stop(
          'truncated',
          this.#source.size,
          `section ${index} ends at ${end}, the file at ${this.#source.size}`,
        );
      }
      this.#tiler.upTo(start, 'gap', 'unsigned');
      this.#tiler.upTo(end, `section${index}.data`, 'signed');
    }
    return this.#tiler.at;
  }

  #table({ table, securityAt }: PeHeaders, dataEnd: number): { start: number; end: number } | undefined {
    if (table === undefined || securityAt === undefined || this.#broken) return undefined;
    const { start, bytes } = table;
    const end = start + bytes;
    if (end > this.#source.size) {
      this.#stop(
        'table-outside',
        securityAt,
        `the certificate table [${start}, ${end}) reaches out of ${this.#source.size} bytes`,
      );
    } else if (start < dataEnd) {
      this.#stop(
        'table-overlap',
        securityAt,
        `the certificate table at ${start} overlaps what ends at ${dataEnd}`,
      );
    } else if (start % 8 !== 0) {
      this.#issue(
        'table-alignment',
        securityAt,
        `the certificate table at ${start} is not aligned to 8 bytes`,
      );
    }
    return this.#broken ? undefined : { start, end };
  }

  #stop(code: string, at: number, message: string): undefined {
    this.#issue(code, at, message);
    this.#broken = true;
    return undefined;
  }

  #issue(code: string, at: number, message: string): void {
    this.#issues.push({ code, at, message });
  }
}

const sectionFields = [
  ['name', 8],
  ['virtual_size', 4],
  ['address', 4],
  ['raw_size', 4],
  ['raw_at', 4],
  ['other', 12],
  ['characteristics', 4],
] as const;

function fieldsOf<Name extends string>(
  bytes: Buffer,
  fields: readonly { name: Name; at: number; bytes: number }[],
): Readonly<Record<Name, number>> {
  return Object.fromEntries(
    fields.map(({ name, at, bytes: width }) => [name, bytes.readUIntLE(at, width)]),
  ) as Record<Name, number>;
}

function hashedRanges(
  { checksumAt, securityAt, optional }: PeHeaders,
  sections: readonly PeSection[],
  end: number,
): PeImage['hashed'] {
  const headersEnd = optional.headers_size;
  const dataEnd = sections.at(-1)?.end ?? headersEnd;
  const second = securityAt === undefined ? [] : [{ start: securityAt + 8, end: headersEnd }];
  return [
    { start: 0, end: checksumAt },
    { start: checksumAt + 4, end: securityAt ?? headersEnd },
    ...second,
    ...sections.map(({ start, end: sectionEnd }) => ({ start, end: sectionEnd })),
    { start: dataEnd, end: Math.max(dataEnd, end) },
  ];
}
