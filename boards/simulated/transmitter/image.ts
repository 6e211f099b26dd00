/**
 * The image of TR-1: header, payload, and behind them two signatures over both. Big-endian.
 *
 * Source: the datasheet (README.md), "Image".
 */

import { SLOT_BYTES } from './layout.ts';

export const HEADER_BYTES = 32;
export const ED25519_BYTES = 64;
/** Source: FIPS 204, table 2. */
export const ML_DSA_44_BYTES = 2420;
export const SIGNATURES_BYTES = ED25519_BYTES + ML_DSA_44_BYTES;

const MAGIC = Buffer.from('TR1F');
const FIELD = { payloadBytes: 4, counter: 8, hardware: 12, reserved: 14, version: 16 } as const;
/** Three numbers and zeros up to the end of the field. */
const VERSION = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\0+$/;

/** Why an image is refused, in the order of the reason register's values, from 1. */
export const REFUSALS = [
  'format',
  'size',
  'truncated',
  'hardware',
  'ed25519',
  'ml-dsa',
  'no-counter',
  'counter',
  'stalled',
] as const;
export type Refusal = (typeof REFUSALS)[number];

export class ImageRefused extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export interface Header {
  /** `2.1.0` */
  version: string;
  /** Security counter; 0 stands for none. */
  counter: number;
  hardware: number;
  payloadBytes: number;
  /** Of the whole image, by its own account. */
  totalBytes: number;
}

/** @throws ImageRefused when the first bytes are no header of TR-1, or speak of more than a slot holds */
export function parseHeader(bytes: Buffer): Header {
  if (bytes.length < HEADER_BYTES) {
    throw new ImageRefused('truncated', `${bytes.length} bytes of a header of ${HEADER_BYTES}`);
  }
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new ImageRefused('format', 'no image of TR-1');
  if (bytes.readUInt16BE(FIELD.reserved) !== 0) throw new ImageRefused('format', 'reserved bytes are set');
  const [, version] = VERSION.exec(bytes.toString('latin1', FIELD.version, HEADER_BYTES)) ?? [];
  if (version === undefined) throw new ImageRefused('format', 'the version is no version');
  const payloadBytes = bytes.readUInt32BE(FIELD.payloadBytes);
  const totalBytes = HEADER_BYTES + payloadBytes + SIGNATURES_BYTES;
  if (payloadBytes === 0 || totalBytes > SLOT_BYTES) {
    throw new ImageRefused('size', `a payload of ${payloadBytes} bytes; a slot has ${SLOT_BYTES}`);
  }
  const [counter, hardware] = [bytes.readUInt32BE(FIELD.counter), bytes.readUInt16BE(FIELD.hardware)];
  return { version, counter, hardware, payloadBytes, totalBytes };
}

export interface Parts extends Header {
  signed: Buffer;
  ed25519: Buffer;
  mlDsa: Buffer;
}

/**
 * @param bytes exactly what was received, or what a slot holds
 * @param lenient takes bytes behind the image for nothing; only a defect asks for it
 * @throws ImageRefused when they are not one whole image
 */
export function parseImage(bytes: Buffer, lenient = false): Parts {
  const header = parseHeader(bytes);
  const { totalBytes } = header;
  if (bytes.length < totalBytes) {
    throw new ImageRefused('truncated', `${bytes.length} of ${totalBytes} bytes`);
  }
  if (bytes.length > totalBytes && !lenient) {
    throw new ImageRefused('size', `${bytes.length} bytes, of which ${totalBytes} are the image`);
  }
  const signedBytes = HEADER_BYTES + header.payloadBytes;
  return {
    ...header,
    signed: bytes.subarray(0, signedBytes),
    ed25519: bytes.subarray(signedBytes, signedBytes + ED25519_BYTES),
    mlDsa: bytes.subarray(signedBytes + ED25519_BYTES, totalBytes),
  };
}
