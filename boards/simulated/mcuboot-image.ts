/**
 * The MCUboot image format as this device reads it: strict, one of each, nothing that is not expected.
 *
 * Little-endian. Header (32 bytes, padded to hdr_size) · payload · protected TLVs · unprotected TLVs.
 * Source: MCUboot, docs/design.md, "Image format"; boot/bootutil/include/bootutil/image.h.
 */

export const IMAGE_MAGIC = 0x96f3b83d;
export const HEADER_BYTES = 32;
/** Larger headers are refused: the vendor's tool writes 0x200. */
export const MAX_HEADER_BYTES = 0x1000;
export const TLV_INFO_BYTES = 4;
export const TLV_MAGIC = { protected: 0x6908, unprotected: 0x6907 } as const;
export const TLV = {
  keyHash: 0x01,
  sha256: 0x10,
  ecdsa: 0x22,
  ed25519: 0x24,
  securityCounter: 0x50,
  /** UUID of the hardware class that the image is for. */
  hardwareClass: 0x75,
} as const;

/** Offsets of the header's fields. */
export const HEADER = {
  magic: 0,
  loadAddress: 4,
  headerBytes: 8,
  protectedBytes: 10,
  payloadBytes: 12,
  flags: 16,
  major: 20,
  minor: 21,
  revision: 22,
  build: 24,
} as const;

/** In the order in which Modbus register 51 numbers them, from 1. */
export const REFUSALS = [
  'format',
  'size',
  'truncated',
  'digest',
  'unsigned',
  'signature',
  'unknown-key',
  'counter',
  'no-counter',
  'hardware',
  // Only of the model that takes packages.
  'chain',
  'expired',
  'not-yet-valid',
  'purpose',
  'signer-name',
  'threshold',
  'no-version',
  'version',
  'stale',
  'component',
  'older-firmware',
  'sequence',
  'path',
  'clock-unset',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Thrown by the parser, caught by the verifier: why the bytes are no image. */
export class ImageRefused extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface ImageVersion {
  major: number;
  minor: number;
  revision: number;
  build: number;
}

export interface ImageHeader {
  headerBytes: number;
  payloadBytes: number;
  protectedBytes: number;
  flags: number;
  version: ImageVersion;
}

export interface ParsedImage extends ImageHeader {
  /** Header, payload and protected TLVs: what the digest covers. */
  signedBytes: number;
  /** All of it, to the end of the unprotected TLVs. */
  totalBytes: number;
  protectedTlvs: ReadonlyMap<number, Buffer>;
  unprotectedTlvs: ReadonlyMap<number, Buffer>;
}

/** `1.2.0+0` */
export function versionText(version: ImageVersion): string {
  return `${shortVersion(version)}+${version.build}`;
}

/** `1.2.0` */
export function shortVersion(version: ImageVersion): string {
  return `${version.major}.${version.minor}.${version.revision}`;
}

/** @throws ImageRefused */
export function parseHeader(bytes: Buffer): ImageHeader {
  if (bytes.length < HEADER_BYTES) {
    throw new ImageRefused('truncated', `${bytes.length} of ${HEADER_BYTES} header bytes`);
  }
  if (bytes.readUInt32LE(HEADER.magic) !== IMAGE_MAGIC) throw new ImageRefused('format', 'no image magic');
  const headerBytes = bytes.readUInt16LE(HEADER.headerBytes);
  if (headerBytes < HEADER_BYTES || headerBytes > MAX_HEADER_BYTES) {
    throw new ImageRefused('format', `header of ${headerBytes} bytes`);
  }
  return {
    headerBytes,
    payloadBytes: bytes.readUInt32LE(HEADER.payloadBytes),
    protectedBytes: bytes.readUInt16LE(HEADER.protectedBytes),
    flags: bytes.readUInt32LE(HEADER.flags),
    version: {
      major: bytes.readUInt8(HEADER.major),
      minor: bytes.readUInt8(HEADER.minor),
      revision: bytes.readUInt16LE(HEADER.revision),
      build: bytes.readUInt32LE(HEADER.build),
    },
  };
}

/** What a defect makes the parser overlook. */
export interface Laxity {
  /** Lengths are added in 32 bits, and what lies behind a sum that wrapped is payload. */
  lengthsWrap: boolean;
  /** Unprotected TLVs that are not listed, or come again, are skipped. */
  skipsUnexpected: boolean;
  /** The security counter may stand among the unprotected TLVs where there is no protected one. */
  counterUnprotected: boolean;
  /** More types of signatures that the unprotected area may hold. */
  moreSignatures: readonly number[];
}

const STRICT: Laxity = {
  lengthsWrap: false,
  skipsUnexpected: false,
  counterUnprotected: false,
  moreSignatures: [],
};

/**
 * Reads an image's structure; says nothing about who made it.
 *
 * @param bytes exactly what was received or stored
 * @param limitBytes size of the slot
 * @throws ImageRefused `format`, `size` or `truncated`
 */
export function parseImage(bytes: Buffer, limitBytes: number, laxity: Laxity = STRICT): ParsedImage {
  const header = parseHeader(bytes);
  if (header.flags !== 0) throw new ImageRefused('format', `flags 0x${header.flags.toString(16)}`);
  const sum = laxity.lengthsWrap ? sumIn32Bits : exactSum;
  const bodyEnd = sum(header.headerBytes, header.payloadBytes);
  const signedBytes = sum(bodyEnd, header.protectedBytes);
  if (signedBytes > limitBytes)
    throw new ImageRefused('size', `${signedBytes} bytes in a slot of ${limitBytes}`);
  const protectedTlvs =
    header.protectedBytes === 0
      ? { end: bodyEnd, entries: new Map<number, Buffer>() }
      : parseTlvs(bytes, bodyEnd, { magic: TLV_MAGIC.protected, allowed: PROTECTED_TLVS });
  if (protectedTlvs.end !== signedBytes) {
    throw new ImageRefused('format', 'protected TLVs do not fill the room that the header gives them');
  }
  const unprotected = parseTlvs(bytes, signedBytes, {
    magic: TLV_MAGIC.unprotected,
    allowed: unprotectedTypes(laxity, protectedTlvs.entries.has(TLV.securityCounter)),
    skipsUnexpected: laxity.skipsUnexpected,
  });
  if (unprotected.end > limitBytes) throw new ImageRefused('size', `${unprotected.end} bytes`);
  const wrapped = bodyEnd < header.headerBytes;
  return {
    ...header,
    signedBytes,
    totalBytes: wrapped ? bytes.length : unprotected.end,
    protectedTlvs: protectedTlvs.entries,
    unprotectedTlvs: unprotected.entries,
  };
}

const exactSum = (left: number, right: number): number => left + right;
const sumIn32Bits = (left: number, right: number): number => (left + right) >>> 0;

/** Allowed types with their lengths; 0 for any. Whatever is not listed is refused, not skipped. */
const PROTECTED_TLVS: ReadonlyMap<number, number> = new Map([
  [TLV.securityCounter, 4],
  [TLV.hardwareClass, 16],
]);
const UNPROTECTED_TLVS: ReadonlyMap<number, number> = new Map([
  [TLV.sha256, 32],
  [TLV.keyHash, 32],
  [TLV.ecdsa, 0],
  [TLV.ed25519, 64],
]);

function unprotectedTypes(laxity: Laxity, hasCounter: boolean): ReadonlyMap<number, number> {
  const types = new Map(UNPROTECTED_TLVS);
  if (laxity.counterUnprotected && !hasCounter) types.set(TLV.securityCounter, 4);
  for (const type of laxity.moreSignatures) types.set(type, 0);
  return types;
}

interface AreaRules {
  magic: number;
  /** Types with their lengths; 0 for any. */
  allowed: ReadonlyMap<number, number>;
  skipsUnexpected?: boolean;
}

function parseTlvs(
  bytes: Buffer,
  start: number,
  { magic, allowed, skipsUnexpected = false }: AreaRules,
): { end: number; entries: Map<number, Buffer> } {
  demand(bytes, start + TLV_INFO_BYTES);
  if (bytes.readUInt16LE(start) !== magic) throw new ImageRefused('format', `no TLV area at ${start}`);
  const end = start + bytes.readUInt16LE(start + 2);
  if (end < start + TLV_INFO_BYTES) throw new ImageRefused('format', 'TLV area shorter than its own header');
  demand(bytes, end);
  const entries = new Map<number, Buffer>();
  for (let at = start + TLV_INFO_BYTES; at < end;) {
    if (at + TLV_INFO_BYTES > end) throw new ImageRefused('format', `half a TLV at ${at}`);
    const type = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    const value = bytes.subarray(at + TLV_INFO_BYTES, at + TLV_INFO_BYTES + length);
    at += TLV_INFO_BYTES + length;
    if (at > end) throw new ImageRefused('format', `TLV 0x${type.toString(16)} overruns its area`);
    const wanted = allowed.get(type);
    if (skipsUnexpected && (wanted === undefined || entries.has(type))) continue;
    if (wanted === undefined || entries.has(type) || (wanted !== 0 && wanted !== length)) {
      throw new ImageRefused('format', `TLV 0x${type.toString(16)} of ${length} bytes is not expected here`);
    }
    entries.set(type, value);
  }
  return { end, entries };
}

function demand(bytes: Buffer, end: number): void {
  if (bytes.length < end) throw new ImageRefused('truncated', `${bytes.length} of at least ${end} bytes`);
}
