/**
 * ESP application images with their signature sector: header, segments, XOR checksum, appended SHA-256, padding to a
 * flash sector, up to three signature blocks.
 *
 * Source: ESP-IDF, components/bootloader_support/src/esp_image_format.c (image_load, process_segments, process_checksum,
 * process_appended_hash); docs/en/security/secure-boot-v2.rst.
 */

import type { ByteSource } from '../../byte-source.ts';
import { RegionTiler, type Issue, type ParsedImage } from '../../image.ts';
import {
  appBytes,
  appFields,
  appMagic,
  blockBytes,
  blockMagic,
  blockUsedBytes,
  crcAt,
  headerBytes,
  headerFields,
  imageMagic,
  layoutOf,
  mostBlocks,
  mostSegments,
  sectorBytes,
  sectorEnd,
  segmentHeaderBytes,
  segmentLimitBytes,
  type AppField,
  type BlockLayout,
  type HeaderField,
} from './layout.ts';
import { crc32 } from './sums.ts';

export type EspHeader = Readonly<Record<HeaderField, number>>;

/** `start` at its header, `[dataStart, end)` its data, clipped to the file. */
export interface EspSegment {
  index: number;
  loadAddr: number;
  claimedBytes: number;
  start: number;
  dataStart: number;
  end: number;
}

export interface AppDescriptor {
  start: number;
  secureVersion: number;
  version: string;
  projectName: string;
  idfVersion: string;
  /** Lower-case hex. */
  elfSha256: string;
}

/** A place for a signature block in which there is something else than erased flash. */
export interface EspBlock {
  /** 0, 1 or 2. */
  slot: number;
  start: number;
  /** The block's bytes, 1216 or as many as the file has. */
  bytes: Buffer;
  version: number;
  /** Undefined for an unknown version. */
  layout: BlockLayout | undefined;
  crcFits: boolean;
}

export interface EspImage extends ParsedImage {
  format: 'esp';
  header: EspHeader | undefined;
  segments: readonly EspSegment[];
  app: AppDescriptor | undefined;
  /** Offset of the checksum byte; undefined when the file ends before. */
  checksumAt: number | undefined;
  /** Offset of the appended SHA-256, where the header says that there is one and the file has it. */
  sha256At: number | undefined;
  /** Where the image ends by its own word, without the padding. */
  imageEnd: number;
  /** End of what the signatures cover: `imageEnd` at the next sector. May lie beyond the file. */
  signedEnd: number;
  blocks: readonly EspBlock[];
  /** End of the signature sector. */
  sectorEnd: number;
}

/** Never throws; reads headers and the signature sector only. */
export function parseEsp(source: ByteSource): EspImage {
  return new Parser(source).run();
}

class Parser {
  readonly #source: ByteSource;
  readonly #tiler: RegionTiler;
  readonly #issues: Issue[] = [];

  constructor(source: ByteSource) {
    this.#source = source;
    this.#tiler = new RegionTiler(source.size);
  }

  run(): EspImage {
    const header = this.#header();
    const segments = header === undefined ? [] : this.#segments(header.segment_count);
    const app = this.#app;
    const complete = header !== undefined && segments.length === header.segment_count && !this.#stopped;
    const sums = complete ? this.#sums(header.hash_appended === 1) : undefined;
    const imageEnd = sums?.imageEnd ?? this.#tiler.at;
    const signedEnd = sectorEnd(imageEnd);
    let blocks: EspBlock[] = [];
    if (sums !== undefined) {
      this.#signed(signedEnd, 'padding', 'the padding before the signature sector');
      if (!this.#stopped) blocks = this.#sector(signedEnd);
    }
    this.#tiler.rest(complete ? 'trailing' : 'unknown', complete ? 'trailing' : 'signed');
    return {
      format: 'esp',
      size: this.#source.size,
      regions: this.#tiler.regions,
      issues: this.#issues,
      header,
      segments,
      app,
      checksumAt: sums?.checksumAt,
      sha256At: sums?.sha256At,
      imageEnd,
      signedEnd,
      blocks,
      sectorEnd: signedEnd + sectorBytes,
    };
  }

  #app: AppDescriptor | undefined;
  #stopped = false;

  #header(): EspHeader | undefined {
    const bytes = Buffer.from(this.#source.read(0, headerBytes));
    if (bytes.length < headerBytes) {
      this.#issue(
        'truncated',
        bytes.length,
        `${bytes.length} bytes are less than a header of ${headerBytes}`,
      );
      return undefined;
    }
    const header = Object.fromEntries(
      headerFields.map(({ name, at, bytes: width }) => [name, bytes.readUIntLE(at, width)]),
    ) as Record<HeaderField, number>;
    for (const { name, at, bytes: width } of headerFields) {
      this.#tiler.upTo(at + width, `header.${name}`, 'signed');
    }
    if (header.magic !== imageMagic)
      this.#issue('magic', 0, `magic is 0x${header.magic.toString(16)}, not 0xe9`);
    if (header.segment_count === 0 || header.segment_count > mostSegments) {
      this.#issue('segment-count', 1, `${header.segment_count} segments, not 1 to ${mostSegments}`);
      return undefined;
    }
    return header;
  }

  #segments(count: number): EspSegment[] {
    const segments: EspSegment[] = [];
    for (let index = 0; index < count && !this.#stopped; index += 1) {
      const start = this.#tiler.at;
      const head = Buffer.from(this.#source.read(start, start + segmentHeaderBytes));
      if (head.length < segmentHeaderBytes) {
        this.#stop('truncated', start, `the header of segment ${index} is not all there`);
        break;
      }
      segments.push(this.#segment(index, start, head.readUInt32LE(0), head.readUInt32LE(4)));
    }
    return segments;
  }

  #segment(index: number, start: number, loadAddr: number, claimedBytes: number): EspSegment {
    const dataStart = start + segmentHeaderBytes;
    const claimedEnd = dataStart + claimedBytes;
    this.#tiler.upTo(start + 4, `segment${index}.load_addr`, 'signed');
    this.#tiler.upTo(dataStart, `segment${index}.length`, 'signed');
    if (claimedBytes % 4 !== 0 || claimedBytes >= segmentLimitBytes) {
      this.#stop('segment-length', start + 4, `segment ${index} says ${claimedBytes} bytes`);
    } else if (claimedEnd > this.#source.size) {
      this.#stop(
        'truncated',
        this.#source.size,
        `segment ${index} ends at ${claimedEnd}, the file at ${this.#source.size}`,
      );
    }
    const end = Math.min(claimedEnd, this.#source.size);
    if (index === 0 && !this.#stopped) this.#descriptor(dataStart, end);
    this.#tiler.upTo(end, `segment${index}.data`, 'signed');
    return { index, loadAddr, claimedBytes, start, dataStart, end };
  }

  /** The application descriptor lies at the beginning of the first segment; boot loaders have none. */
  #descriptor(start: number, segmentEnd: number): void {
    const bytes = Buffer.from(this.#source.read(start, Math.min(start + appBytes, segmentEnd)));
    if (bytes.length < appBytes || bytes.readUInt32LE(0) !== appMagic) return;
    const at: Partial<Record<AppField, Buffer>> = {};
    let offset = 0;
    for (const { name, bytes: width } of appFields) {
      at[name] = bytes.subarray(offset, offset + width);
      offset += width;
      this.#tiler.upTo(start + offset, `app.${name}`, 'signed');
    }
    this.#app = {
      start,
      secureVersion: bytes.readUInt32LE(4),
      version: text(at.version),
      projectName: text(at.project_name),
      idfVersion: text(at.idf_version),
      elfSha256: at.elf_sha256?.toString('hex') ?? '',
    };
  }

  /** The checksum is the last byte of a block of 16; the SHA-256 follows. */
  #sums(hashAppended: boolean): {
    checksumAt: number | undefined;
    sha256At: number | undefined;
    imageEnd: number;
  } {
    const { size } = this.#source;
    const checksumAt = Math.ceil((this.#tiler.at + 1) / 16) * 16 - 1;
    this.#tiler.upTo(checksumAt, 'checksum.padding', 'signed');
    this.#signed(checksumAt + 1, 'checksum', 'the checksum');
    if (!hashAppended) {
      return {
        checksumAt: checksumAt < size ? checksumAt : undefined,
        sha256At: undefined,
        imageEnd: checksumAt + 1,
      };
    }
    const sha256At = checksumAt + 1;
    const imageEnd = sha256At + 32;
    if (!this.#stopped) this.#signed(imageEnd, 'sha256', 'the appended SHA-256');
    return {
      checksumAt: checksumAt < size ? checksumAt : undefined,
      sha256At: imageEnd <= size ? sha256At : undefined,
      imageEnd,
    };
  }

  #signed(end: number, name: string, words: string): void {
    this.#tiler.upTo(end, name, 'signed');
    if (end > this.#source.size) {
      this.#stop('truncated', this.#source.size, `${words} ends at ${end}, the file at ${this.#source.size}`);
    }
  }

  #sector(start: number): EspBlock[] {
    if (start >= this.#source.size) {
      this.#issue('truncated', this.#source.size, `no signature sector: it would start at ${start}`);
      return [];
    }
    const blocks: EspBlock[] = [];
    for (let slot = 0; slot < mostBlocks; slot += 1) {
      const at = start + slot * blockBytes;
      const bytes = Buffer.from(this.#source.read(at, at + blockBytes));
      if (bytes[0] === blockMagic) blocks.push(this.#block(slot, at, bytes));
      else this.#tiler.upTo(at + blockBytes, `slot${slot}.empty`, 'unsigned');
    }
    this.#tiler.upTo(start + sectorBytes, 'sector.slack', 'unsigned');
    return blocks;
  }

  #block(slot: number, start: number, bytes: Buffer): EspBlock {
    const version = bytes[1] ?? 0;
    const layout = layoutOf(version, bytes[2] ?? 0);
    if (layout === undefined) {
      this.#issue('block-version', start + 1, `signature block ${slot} has version ${version}, not 2 or 3`);
      this.#tiler.upTo(start + blockBytes, `block${slot}.unknown`, 'unsigned');
    }
    for (const { name, at, bytes: width } of layout?.fields ?? []) {
      const coverage = name === 'signature' ? 'signature' : 'unsigned';
      this.#tiler.upTo(start + at + width, `block${slot}.${name}`, coverage);
    }
    const whole = bytes.length >= blockUsedBytes;
    if (!whole) {
      this.#issue(
        'truncated-block',
        start + bytes.length,
        `signature block ${slot} has ${bytes.length} bytes`,
      );
    }
    const crcFits = whole && crc32(bytes.subarray(0, crcAt)) === bytes.readUInt32LE(crcAt);
    if (whole && !crcFits) {
      this.#issue('block-crc', start + crcAt, `the CRC of signature block ${slot} does not fit`);
    }
    return { slot, start, bytes, version, layout, crcFits };
  }

  #stop(code: string, at: number, message: string): void {
    this.#issue(code, at, message);
    this.#stopped = true;
  }

  #issue(code: string, at: number, message: string): void {
    this.#issues.push({ code, at, message });
  }
}

function text(bytes: Buffer | undefined): string {
  return (bytes ?? Buffer.alloc(0)).toString('latin1').split('\0', 1)[0] ?? '';
}

/** A field of the block. */
export function blockField(block: EspBlock, name: string): Buffer {
  const field = block.layout?.fields.find((candidate) => candidate.name === name);
  return field === undefined ? Buffer.alloc(0) : block.bytes.subarray(field.at, field.at + field.bytes);
}
