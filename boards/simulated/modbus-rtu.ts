/** Modbus RTU slave. Source: MODBUS over Serial Line V1.02, 2.5.1. */

import { crc16Modbus } from './crc.ts';
import { type SerialPort } from './line-port.ts';
import { UNIT_ID, type ModbusUnit } from './modbus-unit.ts';

/** The part of a unit that a line needs. */
export type RtuUnit = Pick<ModbusUnit, 'answer' | 'answered' | 'stopped'>;

const MAX_FRAME_BYTES = 256;
const MIN_FRAME_BYTES = 4;
/**
 * Silence that ends a frame. t3.5 at 19200 baud is 2.0 ms (2.5.1.1), but bytes of a pseudo-terminal come through two
 * processes, which may be late: a frame that is complete by its length is therefore answered at once, and only what
 * is not is dropped after this silence.
 */
const SILENCE_MS = 20;
const BROADCAST = 0;

/** Length of a request with unit and CRC: fixed, or by the byte count at this position. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  1: 8,
  2: 8,
  3: 8,
  4: 8,
  5: 8,
  6: 8,
  22: 10,
  24: 6,
  43: 7,
};
const COUNT_POSITION: Readonly<Record<number, number>> = { 15: 6, 16: 6, 20: 2, 21: 2, 23: 10 };

export function serveModbusRtu(port: SerialPort, unit: RtuUnit): void {
  let frame: Buffer = Buffer.alloc(0);
  let silence: NodeJS.Timeout | undefined;
  const take = (): void => {
    const whole = frame;
    frame = Buffer.alloc(0);
    answerFrame(port, whole, unit);
  };
  port.onData((bytes) => {
    clearTimeout(silence);
    frame = Buffer.concat([frame, bytes]).subarray(-MAX_FRAME_BYTES);
    if (frame.length === expectedBytes(frame)) take();
    else silence = setTimeout(take, SILENCE_MS);
  });
}

function expectedBytes(frame: Buffer): number | undefined {
  const code = frame[1] ?? 0;
  const position = COUNT_POSITION[code];
  if (position === undefined) return FIXED_BYTES[code];
  const count = frame[position];
  return count === undefined ? undefined : position + 1 + count + 2;
}

function answerFrame(port: SerialPort, frame: Buffer, unit: RtuUnit): void {
  if (unit.stopped || frame.length < MIN_FRAME_BYTES) return;
  const body = frame.subarray(0, -2);
  if (crc16Modbus(body) !== frame.readUInt16LE(body.length)) return;
  const address = body[0] ?? 0;
  if (address !== UNIT_ID && address !== BROADCAST) return;
  const answer = unit.answer(body.subarray(1));
  if (unit.stopped) return;
  if (address === BROADCAST) return unit.answered();
  const reply = Buffer.concat([Buffer.of(UNIT_ID), answer]);
  const crc = crc16Modbus(reply);
  port.write(Buffer.concat([reply, Buffer.of(crc & 0xff, crc >> 8)]));
  port.drained(() => unit.answered());
}
