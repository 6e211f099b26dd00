/**
 * YMODEM blocks as bytes.
 *
 * Source: C. Forsberg, XMODEM/YMODEM Protocol Reference, 14 October 1988: blocks in section 7.2 and 8.1 (CRC-16), 1K
 * blocks in 4.2, block 0 and the end of a batch in section 5.
 */

import { DriverError } from '../../harness/errors.ts';

/** Control characters (reference, section 7.1; C in 8.2). */
export const CONTROL = {
  /** Starts a block of 128 bytes. */
  SOH: 0x01,
  /** Starts a block of 1024 bytes. */
  STX: 0x02,
  EOT: 0x04,
  ACK: 0x06,
  NAK: 0x15,
  /** Two in a row end the transfer, from either side. */
  CAN: 0x18,
  /** The receiver asks for blocks with CRC-16. */
  C: 0x43,
} as const;

/** Fills the last block (CPMEOF). */
const PADDING = 0x1a;
export const SHORT_BLOCK_BYTES = 128;
export const LONG_BLOCK_BYTES = 1024;
/** Start, number, complement of the number; then data; then CRC. */
export const FRAMING_BYTES = 5;

/**
 * CRC-16 of XMODEM and YMODEM: polynomial 0x1021, initial value 0, no reflection, sent high byte first.
 *
 * Source: reference, section 8.1; check value of "123456789" is 0x31C3 (RevEng catalogue, CRC-16/XMODEM).
 */
export function crc16(data: Uint8Array): number {
  let crc = 0;
  for (const byte of data) crc = ((crc << 8) & 0xffff) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] as number);
  return crc;
}

const TABLE = Uint16Array.from({ length: 256 }, (_unused, index) => {
  let crc = index << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  return crc;
});

/**
 * One block: start, number modulo 256, its complement, data, CRC-16 big-endian.
 *
 * @param data 128 or 1024 bytes
 */
export function block(number: number, data: Uint8Array): Buffer {
  const start = data.length === LONG_BLOCK_BYTES ? CONTROL.STX : CONTROL.SOH;
  const low = number & 0xff;
  const crc = crc16(data);
  return Buffer.concat([Uint8Array.of(start, low, 0xff - low), data, Uint8Array.of(crc >> 8, crc & 0xff)]);
}

/**
 * Block 0: name, NUL, length in decimal, NULs. 1024 bytes long when 128 do not hold it (section 5).
 *
 * @param fileBytes length of the file; absent: none is told, as the reference allows, and only EOT ends the file
 * @throws DriverError when the name holds NUL or does not fit
 */
export function headerBlock(name: string, fileBytes?: number): Buffer {
  const text = Buffer.from(`${name}\0${fileBytes ?? ''}`, 'utf8');
  if (name === '' || name.includes('\0') || text.length >= LONG_BLOCK_BYTES) {
    throw new DriverError('file-name', `YMODEM cannot carry the file name (${name.length} characters)`, {
      hint: 'Set fileName to a short name without control characters.',
    });
  }
  const data = Buffer.alloc(text.length < SHORT_BLOCK_BYTES ? SHORT_BLOCK_BYTES : LONG_BLOCK_BYTES);
  text.copy(data);
  return block(0, data);
}

/**
 * A short block whose CRC is wrong: no receiver keeps it, and one that still receives asks for it again. Its content
 * is filler, so that it can do no harm where a command line reads it.
 */
export function spoiltBlock(number: number): Buffer {
  const frame = block(number, Buffer.alloc(SHORT_BLOCK_BYTES, PADDING));
  frame.writeUInt16BE(frame.readUInt16BE(frame.length - 2) ^ 0xffff, frame.length - 2);
  return frame;
}

/** The null header that ends a batch: block 0 with 128 NULs. */
export function endOfBatchBlock(): Buffer {
  return block(0, Buffer.alloc(SHORT_BLOCK_BYTES));
}

/** A data block and how many bytes of the file it carries. */
export interface DataBlock {
  frame: Buffer;
  fileBytes: number;
}

/** The file in 1K blocks; a rest of up to 128 bytes goes as a short block (section 4.2). Numbers start at 1. */
export function* dataBlocks(file: Uint8Array): Generator<DataBlock> {
  for (let at = 0, number = 1; at < file.length; number += 1) {
    const size = file.length - at <= SHORT_BLOCK_BYTES ? SHORT_BLOCK_BYTES : LONG_BLOCK_BYTES;
    const part = file.subarray(at, at + size);
    const data = Buffer.alloc(size, PADDING);
    data.set(part);
    yield { frame: block(number, data), fileBytes: part.length };
    at += part.length;
  }
}
