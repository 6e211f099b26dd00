/**
 * The functions that do not go through modbus-serial 8.0.25, as request PDU and answer:
 * - 20 read file record: the library asks for 100 registers whatever is wanted, and leaves CRC bytes in the data;
 * - 21 write file record and 24 read FIFO queue: it has none;
 * - 43/14 device identification: when the second of several parts fails it throws inside its data handler, and it
 *   asks for ever when a device always says that more follows.
 *
 * Source: MODBUS Application Protocol V1.1b3, sections 6.14, 6.15, 6.18, 6.21
 */

import { FrameError } from '../../harness/errors.ts';
import { Cursor } from '../../harness/wire/cursor.ts';
import { constant, counted, frameTable, lengthOf, u16, u8 } from '../../harness/wire/frame-table.ts';
import { identificationAnswer, identificationObject } from './frames.ts';
import { FUNCTION, MEI_DEVICE_IDENTIFICATION } from './functions.ts';

/** Reference type of every file group. */
const FILE_REFERENCE = 6;
const REGISTER_BYTES = 2;

const readFileRequest = frameTable('read file record request', {
  function: constant(u8(), FUNCTION.readFileRecord),
  groupBytes: constant(u8(), 7),
  reference: constant(u8(), FILE_REFERENCE),
  file: u16(),
  record: u16(),
  registers: u16(),
});
const readFileAnswer = frameTable('read file record answer', {
  function: constant(u8(), FUNCTION.readFileRecord),
  allBytes: u8(),
  groupBytes: u8(),
  reference: constant(u8(), FILE_REFERENCE),
});
const writeFileRequest = frameTable('write file record request', {
  function: constant(u8(), FUNCTION.writeFileRecord),
  groups: lengthOf(u8(), 'group'),
  group: counted('groups'),
});
const writeFileGroup = frameTable('write file record group', {
  reference: constant(u8(), FILE_REFERENCE),
  file: u16(),
  record: u16(),
  registers: lengthOf(u16(), 'values', REGISTER_BYTES),
  values: counted('registers', REGISTER_BYTES),
});
const readFifoRequest = frameTable('read FIFO request', {
  function: constant(u8(), FUNCTION.readFifo),
  address: u16(),
});
const readFifoAnswer = frameTable('read FIFO answer', {
  function: constant(u8(), FUNCTION.readFifo),
  bytes: u16(),
  registers: u16(),
});
const identificationRequest = frameTable('Read Device Identification request', {
  function: constant(u8(), FUNCTION.encapsulated),
  mei: constant(u8(), MEI_DEVICE_IDENTIFICATION),
  readCode: u8(),
  firstObject: u8(),
});

/** Registers as the bytes that go over the wire, high byte first. */
export function bytesOfRegisters(registers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(registers.length * REGISTER_BYTES);
  registers.forEach((value, at) => bytes.writeUInt16BE(value, at * REGISTER_BYTES));
  return bytes;
}

/** Bytes as registers, high byte first; an odd number is padded with one zero byte. */
export function registersOfBytes(bytes: Uint8Array): number[] {
  const count = Math.ceil(bytes.length / REGISTER_BYTES);
  return Array.from({ length: count }, (_, at) => (bytes[2 * at]! << 8) | (bytes[2 * at + 1] ?? 0));
}

export const readFile = {
  request: (file: number, record: number, registers: number): Buffer =>
    readFileRequest.write({ file, record, registers }),
  /** @throws FrameError when counts and content do not agree */
  answer(pdu: Uint8Array, registers: number): number[] {
    const cursor = new Cursor(pdu, readFileAnswer.name);
    const { groupBytes } = readFileAnswer.read(cursor);
    const due = 1 + registers * REGISTER_BYTES;
    if (groupBytes !== due) {
      throw new FrameError('wrong-answer', `file record of ${groupBytes} bytes answered, ${due} were asked`, {
        data: { groupBytes, due },
      });
    }
    const values = registersOfBytes(cursor.take(registers * REGISTER_BYTES, 'registers'));
    cursor.expectEnd();
    return values;
  },
};

export const writeFile = {
  request: (file: number, record: number, values: readonly number[]): Buffer =>
    writeFileRequest.write({
      group: writeFileGroup.write({ file, record, values: bytesOfRegisters(values) }),
    }),
};

export const readFifo = {
  request: (address: number): Buffer => readFifoRequest.write({ address }),
  /** @throws FrameError when counts and content do not agree */
  answer(pdu: Uint8Array): number[] {
    const cursor = new Cursor(pdu, readFifoAnswer.name);
    const { registers } = readFifoAnswer.read(cursor);
    const values = registersOfBytes(cursor.take(registers * REGISTER_BYTES, 'registers'));
    cursor.expectEnd();
    return values;
  },
};

/** Read device id codes. */
export const identificationLevels = { basic: 1, regular: 2, extended: 3 } as const;

export const identification = {
  request: (readCode: number, firstObject: number): Buffer =>
    identificationRequest.write({ readCode, firstObject }),
  /** One part of the list; `next` is the object to go on with, undefined after the last part. @throws FrameError */
  answer(pdu: Uint8Array): { objects: Map<number, string>; next: number | undefined } {
    const cursor = new Cursor(pdu, identificationAnswer.name);
    const header = identificationAnswer.read(cursor);
    const objects = new Map<number, string>();
    // Some devices count the objects of all parts, as the example in section 6.21 does: the bytes decide.
    for (let at = 0; at < header.objects && cursor.left > 0; at += 1) {
      const object = identificationObject.read(cursor);
      objects.set(object.id, Buffer.from(object.value).toString('latin1'));
    }
    cursor.expectEnd();
    return { objects, next: header.moreFollows === 0 ? undefined : header.nextObject };
  },
};
