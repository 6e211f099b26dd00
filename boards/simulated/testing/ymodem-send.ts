/** A small YMODEM sender for the tests, after the same document as the receiver but sharing only the CRC. */

import { crc16Xmodem } from '../crc.ts';

const [SOH, STX, EOT, ACK, NAK, CAN, ASK] = [0x01, 0x02, 0x04, 0x06, 0x15, 0x18, 0x43];

interface Wire {
  send(bytes: Uint8Array): void;
  bytes(count: number): Promise<Buffer>;
}

export interface YmodemOptions {
  /** Damages the CRC of the first sending of each block in this set (numbers from 0). */
  damage?: ReadonlySet<number>;
  /** Ends the file after this many bytes although more were announced. */
  stopAfter?: number;
  /** Sends nothing more after this many bytes, and does not even end the file. */
  fallSilentAfter?: number;
  blockBytes?: 128 | 1024;
  /** Leaves the size out of block 0. */
  withoutSize?: true;
}

/** Resolves when the transfer is over or the receiver has cancelled. */
export async function sendYmodem(wire: Wire, file: Uint8Array, options: YmodemOptions = {}): Promise<void> {
  await until(wire, ASK);
  const name = `image.bin\0${options.withoutSize === true ? '' : `${file.length} `}`;
  if (!(await sendBlock(wire, 0, padded(Buffer.from(name), 128, 0), options))) return;
  if ((await until(wire, ASK, CAN)) === CAN) return;
  const size = options.blockBytes ?? 1024;
  const content = file.subarray(0, options.fallSilentAfter ?? options.stopAfter ?? file.length);
  for (let offset = 0, number = 1; offset < content.length; offset += size, number += 1) {
    const block = padded(content.subarray(offset, offset + size), size, 0x1a);
    if (!(await sendBlock(wire, number, block, options))) return;
  }
  if (options.fallSilentAfter !== undefined) return;
  wire.send(Uint8Array.of(EOT));
  await until(wire, NAK);
  wire.send(Uint8Array.of(EOT));
  await until(wire, ACK);
  await until(wire, ASK);
  await sendBlock(wire, 0, Buffer.alloc(128), {});
}

/** @returns false when the receiver cancelled */
async function sendBlock(wire: Wire, number: number, data: Buffer, options: YmodemOptions): Promise<boolean> {
  let damage = options.damage?.has(number) === true;
  for (;;) {
    const crc = crc16Xmodem(data) ^ (damage ? 1 : 0);
    const head = [data.length === 1024 ? STX : SOH, number & 0xff, 255 - (number & 0xff)];
    wire.send(Buffer.concat([Buffer.from(head), data, Buffer.of(crc >> 8, crc & 0xff)]));
    const answer = await until(wire, ACK, NAK, CAN, ...(damage && number === 0 ? [ASK] : []));
    if (answer === CAN) return false;
    if (answer === ACK) return true;
    damage = false;
  }
}

async function until(wire: Wire, ...wanted: number[]): Promise<number> {
  for (;;) {
    const byte = (await wire.bytes(1))[0] ?? -1;
    if (wanted.includes(byte)) return byte;
  }
}

function padded(bytes: Uint8Array, size: number, fill: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length, fill)]);
}
