/**
 * Modbus frames: MBAP header and RTU frame, the length of any answer, and whether an answer fits its request.
 *
 * All numbers are big-endian, except the CRC of RTU, whose low byte goes first.
 * Source: MODBUS Application Protocol V1.1b3 section 4.1 (PDU at most 253 bytes); MODBUS Messaging on TCP/IP
 * Implementation Guide V1.0b section 3.1.3 (MBAP); MODBUS over Serial Line V1.02 section 2.5.1 (RTU).
 */

import { DeviceException } from '../../harness/errors.ts';
import { crc16Modbus } from '../../harness/wire/crc.ts';
import { constant, counted, frameTable, lengthOf, u16, u8 } from '../../harness/wire/frame-table.ts';
import {
  EXCEPTION_BIT,
  EXCEPTION_PDU_BYTES,
  FUNCTION,
  MEI_DEVICE_IDENTIFICATION,
  exceptionNames,
  functionName,
  functionTable,
  hexByte,
} from './functions.ts';

export const PDU_MAX_BYTES = 253;
/** Unit address, PDU, CRC. */
export const RTU_MAX_BYTES = 256;
export const UNIT_BYTES = 1;
export const CRC_BYTES = 2;

/** The header of Modbus TCP. `length` counts unit and PDU. */
export const mbap = frameTable('MBAP header', {
  transaction: u16(),
  protocol: constant(u16(), 0),
  length: u16(),
  unit: u8(),
});
/** Header bytes before what `length` counts. */
export const MBAP_PREFIX_BYTES = mbap.offsets.unit;
/** Unit and a function code: the least that `length` may say. */
export const MBAP_MIN_LENGTH = UNIT_BYTES + 1;
export const MBAP_MAX_LENGTH = UNIT_BYTES + PDU_MAX_BYTES;

/** One Modbus TCP frame. Written by offset, not through the table's writer: this runs for every request. */
export function encodeTcp(transaction: number, unit: number, pdu: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(MBAP_PREFIX_BYTES + UNIT_BYTES + pdu.length);
  frame.writeUInt16BE(transaction, mbap.offsets.transaction);
  frame.writeUInt16BE(0, mbap.offsets.protocol);
  frame.writeUInt16BE(UNIT_BYTES + pdu.length, mbap.offsets.length);
  frame[mbap.offsets.unit] = unit;
  frame.set(pdu, mbap.offsets.unit + UNIT_BYTES);
  return frame;
}

/** Unit address, PDU and CRC: one RTU frame. */
export function encodeRtu(unit: number, pdu: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(UNIT_BYTES + pdu.length + CRC_BYTES);
  frame[0] = unit;
  frame.set(pdu, UNIT_BYTES);
  const covered = UNIT_BYTES + pdu.length;
  frame.writeUInt16LE(crc16Modbus(frame, 0, covered), covered);
  return frame;
}

/** True when the last two of `length` bytes are the CRC of those before. */
export function crcFits(frame: Buffer, length: number): boolean {
  const covered = length - CRC_BYTES;
  return covered > 0 && frame.readUInt16LE(covered) === crc16Modbus(frame, 0, covered);
}

/** What can be said of an answer's length from its first bytes. */
export type Length =
  /** The whole PDU has so many bytes. */
  | number
  /** Too few bytes to tell. */
  | 'more'
  /** The function does not say; only a fitting CRC and silence end it. */
  | 'open';

/**
 * Length of an answer PDU, from as many of its bytes as have come and the request it answers.
 *
 * @param answer bytes with the PDU, from `start` to `end`
 * @param request the PDU that was asked, for functions that loop their data back
 */
export function answerLength(
  answer: Uint8Array,
  start: number,
  end: number,
  request: Uint8Array | undefined,
): Length {
  if (end <= start) return 'more';
  const code = answer[start]!;
  if (code & EXCEPTION_BIT) return EXCEPTION_PDU_BYTES;
  const length = functionTable[code]?.answer;
  switch (length?.kind) {
    case undefined:
      return 'open';
    case 'fixed':
      return length.bytes;
    case 'as-request':
      return request === undefined ? 'open' : request.length;
    case 'counted':
      if (end - start < 1 + length.countBytes) return 'more';
      return length.countBytes === 1
        ? 2 + answer[start + 1]!
        : 3 + ((answer[start + 1]! << 8) | answer[start + 2]!);
    case 'objects':
      return objectsLength(answer, start, end);
  }
}

/** Read Device Identification, before its objects of id, length, value. Source: V1.1b3 section 6.21 */
export const identificationAnswer = frameTable('Read Device Identification answer', {
  function: constant(u8(), FUNCTION.encapsulated),
  mei: constant(u8(), MEI_DEVICE_IDENTIFICATION),
  readCode: u8(),
  conformity: u8(),
  moreFollows: u8(),
  nextObject: u8(),
  objects: u8(),
});
export const identificationObject = frameTable('identification object', {
  id: u8(),
  bytes: lengthOf(u8(), 'value'),
  value: counted('bytes'),
});

function objectsLength(answer: Uint8Array, start: number, end: number): Length {
  const at = identificationAnswer.offsets;
  if (end - start <= at.mei) return 'more';
  if (answer[start + at.mei] !== MEI_DEVICE_IDENTIFICATION) return 'open';
  if (end - start <= at.objects) return 'more';
  let length = at.objects + 1;
  for (let object = 0; object < answer[start + at.objects]!; object += 1) {
    if (start + length + identificationObject.offsets.value > end) return 'more';
    length +=
      identificationObject.offsets.value + answer[start + length + identificationObject.offsets.bytes]!;
  }
  return length;
}

/** Length of the answer PDU that a request must get when it is granted; undefined where the answer decides. */
export function expectedAnswerBytes(request: Uint8Array): number | undefined {
  const row = functionTable[request[0]!];
  if (row?.expected !== undefined) return row.expected(request);
  return row?.answer.kind === 'fixed' ? row.answer.bytes : undefined;
}

/**
 * Why an answer cannot belong to a request, or undefined when it fits. Exceptions to the same function fit.
 *
 * @param request PDU that was sent
 * @param answer bytes with the answer PDU from `start` to the end
 */
export function misfit(request: Uint8Array, answer: Uint8Array, start: number): string | undefined {
  const asked = request[0]!;
  const code = answer[start]!;
  const bytes = answer.length - start;
  if (code === (asked | EXCEPTION_BIT)) {
    return bytes === EXCEPTION_PDU_BYTES ? undefined : `an exception of ${bytes} bytes came, it must have 2`;
  }
  if (code !== asked) return `${functionName(code)} answered, ${functionName(asked)} was asked`;
  const row = functionTable[asked];
  if (row === undefined) return undefined;
  const wanted = row.expected?.(request);
  if (wanted !== undefined && wanted !== bytes) {
    return `${bytes} bytes answered, ${wanted} were due to ${functionName(asked)}`;
  }
  const own = answerLength(answer, start, answer.length, request);
  if (own !== 'open' && own !== bytes && row.answer.kind !== 'objects') {
    return `the answer's own count means ${own} bytes, ${bytes} came`;
  }
  return row.repeats === undefined ? undefined : unrepeated(request, answer, start, row.repeats);
}

function unrepeated(
  request: Uint8Array,
  answer: Uint8Array,
  start: number,
  repeats: number | 'all',
): string | undefined {
  const count = repeats === 'all' ? request.length : repeats;
  for (let at = 1; at < count; at += 1) {
    if (request[at] === answer[start + at]) continue;
    const got = answer[start + at];
    return (
      `byte ${at} of the answer must repeat the request's ${hexByte(request[at]!)} ` +
      `and is ${got === undefined ? 'missing' : hexByte(got)}`
    );
  }
  return undefined;
}

/**
 * The device's exception as an error.
 *
 * @param who names wire and unit: `modbus-tcp gateway unit 17`
 */
export function deviceException(who: string, request: number, exception: number): DeviceException {
  const name = exceptionNames[exception] ?? 'unknown exception';
  return new DeviceException(
    `modbus-exception-${exception.toString(16).padStart(2, '0')}`,
    `${who}: exception ${exception.toString(16).padStart(2, '0')} (${name}) to ${functionName(request)}`,
    { data: { exception, name, function: request } },
  );
}
