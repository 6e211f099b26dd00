/**
 * The MCUboot image format in either byte order: header, payload, protected and unprotected TLV areas, and the trailer
 * of an image that is padded to its slot.
 *
 * Source: MCUboot, docs/design.md "Image format"; boot/bootutil/include/bootutil/image.h.
 */

import type { ByteSource } from '../../byte-source.ts';
import {
  decodeTlvType,
  decodeUint,
  headerBytes,
  headerFields,
  imageFlags,
  mcubootMagic,
  signatureTypes,
  tlvHeaderBytes,
  tlvInfoBytes,
  tlvMagic,
  tlvName,
  type Endian,
  type HeaderField,
} from './layout.ts';
import { findTrailer, type Trailer } from './trailer.ts';
import { RegionTiler, type Coverage, type Issue, type ParsedImage } from '../../image.ts';

/** One entry; `start` at its type field, `[valueStart, end)` the value, clipped to the file. */
export interface Tlv {
  type: number;
  name: string;
  area: 'protected' | 'unprotected';
  /** Region name of its value. */
  region: string;
  start: number;
  valueStart: number;
  end: number;
  /** Length that the entry claims, in bytes. */
  claimedBytes: number;
}

/** One TLV area; `start` at its info header, `end` where it claims to end, clipped to the file. */
export interface TlvArea {
  kind: 'protected' | 'unprotected';
  start: number;
  end: number;
  claimedBytes: number;
}

export interface McubootHeader {
  fields: Readonly<Record<HeaderField, number>>;
  /** `1.2.0+7`, as imgtool writes it. */
  version: string;
}

export interface McubootImage extends ParsedImage {
  format: 'mcuboot';
  /** By the magic number; little where it is neither. */
  endian: Endian;
  /** The payload is said to be encrypted: digest and signature are those of the plain one. */
  encrypted: boolean;
  /** Absent when the file is shorter than a header. */
  header: McubootHeader | undefined;
  protectedArea: TlvArea | undefined;
  unprotectedArea: TlvArea | undefined;
  tlvs: readonly Tlv[];
  /** End of what the digest and the signature cover, by the header's word; may lie beyond the file. */
  signedEnd: number;
  /** Where the described image ends: behind the last TLV. */
  imageEnd: number;
  /** Of an image padded to its slot. */
  trailer: Trailer | undefined;
}

/**
 * Reads an image of whatever quality: what is wrong becomes an issue. Work is linear in the number of TLVs, of which
 * an area cannot hold more than 16 383.
 */
export function parseMcuboot(source: ByteSource): McubootImage {
  return new Parser(source).run();
}

class Parser {
  readonly #source: ByteSource;
  readonly #tiler: RegionTiler;
  readonly #issues: Issue[] = [];
  readonly #tlvs: Tlv[] = [];
  readonly #endian: Endian;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#tiler = new RegionTiler(source.size);
    this.#endian = endianOf(source) ?? 'little';
  }

  run(): McubootImage {
    const header = this.#header();
    const fields = header?.fields;
    const hdrSize = fields?.hdr_size ?? 0;
    const payloadEnd = hdrSize + (fields?.img_size ?? 0);
    const signedEnd = payloadEnd + (fields?.protect_tlv_size ?? 0);
    let protectedArea: TlvArea | undefined;
    let unprotectedArea: TlvArea | undefined;
    if (fields !== undefined) {
      this.#tiler.upTo(hdrSize, 'header.padding', 'signed');
      this.#tiler.upTo(payloadEnd, 'payload', 'signed');
      if (payloadEnd > this.#source.size) {
        this.#issue(
          'truncated',
          this.#source.size,
          `the payload ends at ${payloadEnd}, the file at ${this.#source.size}`,
        );
      } else {
        if (fields.protect_tlv_size > 0) protectedArea = this.#protected(fields.protect_tlv_size);
        this.#tiler.upTo(signedEnd, 'protected.gap', 'signed');
        unprotectedArea = this.#area('unprotected', signedEnd, this.#source.size);
      }
    }
    const imageEnd = this.#tiler.at;
    const trailer = this.#trailing();
    return {
      format: 'mcuboot',
      endian: this.#endian,
      encrypted: ((fields?.flags ?? 0) & (imageFlags.ENCRYPTED_AES128 + imageFlags.ENCRYPTED_AES256)) !== 0,
      size: this.#source.size,
      regions: this.#tiler.regions,
      issues: this.#issues,
      header,
      protectedArea,
      unprotectedArea,
      tlvs: this.#tlvs,
      signedEnd,
      imageEnd,
      trailer,
    };
  }

  /** What lies behind the image: anything, or padding and the trailer of a slot. */
  #trailing(): Trailer | undefined {
    const trailer = findTrailer(this.#source, this.#tiler.at);
    if (trailer !== undefined) {
      this.#tiler.upTo(trailer.fields[0]?.start ?? trailer.magicAt, 'padding', 'trailing');
      for (const { name, end } of trailer.fields) this.#tiler.upTo(end, `trailer.${name}`, 'trailing');
    }
    this.#tiler.rest(trailer === undefined ? 'trailing' : 'trailer.magic', 'trailing');
    return trailer;
  }

  #uint(bytes: Buffer, at: number, width: number): number {
    return decodeUint(bytes, at, width, this.#endian);
  }

  #header(): McubootHeader | undefined {
    if (this.#source.size < headerBytes) {
      this.#issue('truncated', this.#source.size, `${this.#source.size} bytes are less than a header of 32`);
      return undefined;
    }
    const bytes = Buffer.from(this.#source.read(0, headerBytes));
    const fields = Object.fromEntries(
      headerFields.map(({ name, at, bytes: width }) => [name, this.#uint(bytes, at, width)]),
    ) as Record<HeaderField, number>;
    if (fields.magic !== mcubootMagic) {
      this.#issue('magic', 0, `magic is 0x${fields.magic.toString(16)}, not 0x96f3b83d`);
    }
    if (fields.hdr_size < headerBytes) {
      this.#issue('header-size', 8, `hdr_size ${fields.hdr_size} is less than 32`);
    }
    for (const field of headerFields) {
      this.#tiler.upTo(field.at + field.bytes, `header.${field.name}`, 'signed');
    }
    const version = `${fields['version.major']}.${fields['version.minor']}.${fields['version.revision']}+${fields['version.build']}`;
    return { fields, version };
  }

  #protected(declaredBytes: number): TlvArea | undefined {
    // Signed is what the header declares; an area that claims more does not make it longer.
    const area = this.#area('protected', this.#tiler.at, this.#tiler.at + declaredBytes);
    if (area !== undefined && area.claimedBytes !== declaredBytes) {
      this.#issue(
        'protected-size',
        area.start,
        `the protected area says ${area.claimedBytes} bytes, the header ${declaredBytes}`,
      );
    }
    return area;
  }

  #area(kind: TlvArea['kind'], start: number, limit: number): TlvArea | undefined {
    const most = Math.min(limit, this.#source.size);
    // A header that lies about sizes must not make us read one byte twice.
    if (start !== this.#tiler.at) {
      this.#issue('overlap', start, `the ${kind} TLV area would start at ${start}, not at ${this.#tiler.at}`);
      return undefined;
    }
    const info = Buffer.from(this.#source.read(start, start + tlvInfoBytes));
    if (info.length < tlvInfoBytes) {
      this.#issue('truncated', start, `no ${kind} TLV area: the file ends at ${this.#source.size}`);
      return undefined;
    }
    const magic = this.#uint(info, 0, 2);
    const claimedBytes = this.#uint(info, 2, 2);
    if (magic !== tlvMagic[kind]) {
      this.#issue('tlv-magic', start, `the ${kind} TLV area starts with 0x${magic.toString(16)}`);
      return undefined;
    }
    const coverage: Coverage = kind === 'protected' ? 'signed' : 'unsigned';
    const claimedEnd = start + claimedBytes;
    const end = Math.max(Math.min(start + tlvInfoBytes, most), Math.min(claimedEnd, most));
    this.#tiler.upTo(Math.min(start + tlvInfoBytes, end), `${kind}.info`, coverage);
    if (claimedEnd > this.#source.size) {
      this.#issue('truncated', start, `the ${kind} TLV area ends at ${claimedEnd}, the file at ${end}`);
    } else if (claimedBytes < tlvInfoBytes) {
      this.#issue('tlv-length', start + 2, `the ${kind} TLV area says ${claimedBytes} bytes`);
    }
    this.#entries(kind, coverage, end);
    return { kind, start, end, claimedBytes };
  }

  #entries(kind: TlvArea['kind'], coverage: Coverage, areaEnd: number): void {
    while (this.#tiler.at < areaEnd) {
      const start = this.#tiler.at;
      const valueStart = start + tlvHeaderBytes;
      const head = Buffer.from(this.#source.read(start, Math.min(valueStart, areaEnd)));
      if (head.length < tlvHeaderBytes) {
        this.#issue('tlv-length', start, `${head.length} bytes are left in the ${kind} TLV area`);
        this.#tiler.upTo(areaEnd, `${kind}.remainder`, coverage);
        return;
      }
      const type = decodeTlvType(this.#uint(head, 0, 2), this.#endian);
      const claimedBytes = this.#uint(head, 2, 2);
      const end = Math.min(valueStart + claimedBytes, areaEnd);
      if (valueStart + claimedBytes > areaEnd) {
        this.#issue(
          'tlv-length',
          start + 2,
          `TLV ${tlvName(type)} says ${claimedBytes} bytes, its area has ${areaEnd - valueStart}`,
        );
      }
      const name = tlvName(type);
      const isSignature = kind === 'unprotected' && signatureTypes.has(type);
      this.#tiler.upTo(valueStart, `${kind}.${name}.header`, coverage);
      const region = this.#tiler.upTo(end, `${kind}.${name}.value`, isSignature ? 'signature' : coverage);
      this.#tlvs.push({ type, name, area: kind, region, start, valueStart, end, claimedBytes });
    }
  }

  #issue(code: string, at: number, message: string): void {
    this.#issues.push({ code, at, message });
  }
}

/** Byte order by the magic number; undefined when it is in neither order. */
export function endianOf(source: ByteSource): Endian | undefined {
  const magic = Buffer.from(source.read(0, 4));
  if (magic.length < 4) return undefined;
  if (magic.readUInt32LE(0) === mcubootMagic) return 'little';
  return magic.readUInt32BE(0) === mcubootMagic ? 'big' : undefined;
}

/** Value of an entry, clipped to the file. */
export function valueOf(source: ByteSource, tlv: Tlv): Buffer {
  return Buffer.from(source.read(tlv.valueStart, tlv.end));
}

/** Entries of one type, in file order. */
export function tlvsOf(image: McubootImage, type: number, area?: Tlv['area']): Tlv[] {
  return image.tlvs.filter((tlv) => tlv.type === type && (area === undefined || tlv.area === area));
}
