/**
 * Modbus requests: one table of functions over a set of data blocks.
 *
 * Big-endian. Source: MODBUS Application Protocol Specification V1.1b3, chapter 6.
 */

import { deviceIdentification } from './modbus-identification.ts';

export const EXCEPTION = { function: 1, address: 2, value: 3, busy: 6, gatewayTarget: 0x0b } as const;

/** Thrown by anything behind a request; answered with its code. */
export class ModbusException extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`Modbus exception ${code}`);
    this.code = code;
  }
}

/** What the functions act upon. A method throws ModbusException for an address or a value that there is not. */
export interface DataBlocks {
  coils(address: number, count: number): boolean[];
  discreteInputs(address: number, count: number): boolean[];
  holding(address: number, count: number): number[];
  input(address: number, count: number): number[];
  writeCoils(address: number, values: readonly boolean[]): void;
  /** @param viaFunction the function code of the request: some registers accept only one */
  writeHolding(address: number, values: readonly number[], viaFunction: number): void;
  fifo(address: number): number[];
  fileRecord(file: number, record: number, count: number): number[];
  writeFileRecord(file: number, record: number, data: Buffer): void;
}

type Handler = (data: Buffer, blocks: DataBlocks, code: number) => Buffer;

const MAX = {
  bits: 2000,
  registers: 125,
  writeBits: 1968,
  writeRegisters: 123,
  readWriteWrites: 121,
} as const;
const ON = 0xff00;
const FILE_REFERENCE = 6;
const SUB_REQUEST_BYTES = 7;

/** @param pdu function code and data @returns the response PDU, an exception among them */
export function answerPdu(pdu: Buffer, blocks: DataBlocks): Buffer {
  const code = pdu[0] ?? 0;
  try {
    const handler = HANDLERS[code];
    if (handler === undefined) throw new ModbusException(EXCEPTION.function);
    return Buffer.concat([Buffer.of(code), handler(pdu.subarray(1), blocks, code)]);
  } catch (error) {
    if (error instanceof ModbusException) return Buffer.of(code | 0x80, error.code);
    throw error;
  }
}

const HANDLERS: Readonly<Record<number, Handler>> = {
  1: (data, blocks) => readBits(data, (address, count) => blocks.coils(address, count)),
  2: (data, blocks) => readBits(data, (address, count) => blocks.discreteInputs(address, count)),
  3: (data, blocks) => readRegisters(data, (address, count) => blocks.holding(address, count)),
  4: (data, blocks) => readRegisters(data, (address, count) => blocks.input(address, count)),
  5: (data, blocks) => {
    const [address, value] = words(data, 2);
    demand(value === 0 || value === ON);
    blocks.writeCoils(address, [value === ON]);
    return data;
  },
  6: (data, blocks, code) => {
    const [address, value] = words(data, 2);
    blocks.writeHolding(address, [value], code);
    return data;
  },
  15: (data, blocks) => {
    const [address, count] = words(data.subarray(0, 4), 2);
    demand(count >= 1 && count <= MAX.writeBits && data[4] === Math.ceil(count / 8));
    demand(data.length === 5 + Math.ceil(count / 8));
    blocks.writeCoils(address, unpackBits(data.subarray(5), count));
    return data.subarray(0, 4);
  },
  16: (data, blocks, code) => {
    const [address, count] = words(data.subarray(0, 4), 2);
    demand(count >= 1 && count <= MAX.writeRegisters);
    blocks.writeHolding(address, countedRegisters(data.subarray(4), count), code);
    return data.subarray(0, 4);
  },
  20: readFile,
  21: writeFile,
  22: (data, blocks, code) => {
    const [address, and, or] = words(data, 3);
    const current = blocks.holding(address, 1)[0] ?? 0;
    blocks.writeHolding(address, [(current & and) | (or & ~and & 0xffff)], code);
    return data;
  },
  23: (data, blocks, code) => {
    const [readFrom, readCount, writeTo, writeCount] = words(data.subarray(0, 8), 4);
    demand(
      readCount >= 1 && readCount <= MAX.registers && writeCount >= 1 && writeCount <= MAX.readWriteWrites,
    );
    blocks.writeHolding(writeTo, countedRegisters(data.subarray(8), writeCount), code);
    return counted(packRegisters(blocks.holding(readFrom, readCount)));
  },
  24: (data, blocks) => {
    const [address] = words(data, 1);
    const values = blocks.fifo(address);
    return Buffer.concat([packRegisters([2 + 2 * values.length, values.length]), packRegisters(values)]);
  },
  43: (data) => deviceIdentification(data),
};

function readBits(data: Buffer, read: (address: number, count: number) => boolean[]): Buffer {
  const [address, count] = words(data, 2);
  demand(count >= 1 && count <= MAX.bits);
  const bytes = Buffer.alloc(Math.ceil(count / 8));
  read(address, count).forEach((bit, index) => {
    if (bit) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return counted(bytes);
}

function readRegisters(data: Buffer, read: (address: number, count: number) => number[]): Buffer {
  const [address, count] = words(data, 2);
  demand(count >= 1 && count <= MAX.registers);
  return counted(packRegisters(read(address, count)));
}

/** Sub-requests: reference type, file, record, length; 6.14. */
function readFile(data: Buffer, blocks: DataBlocks): Buffer {
  demand(data[0] === data.length - 1 && data.length > SUB_REQUEST_BYTES);
  const parts: Buffer[] = [];
  for (let at = 1; at < data.length; at += SUB_REQUEST_BYTES) {
    const [file, record, count] = subRequest(data, at);
    const bytes = packRegisters(blocks.fileRecord(file, record, count));
    parts.push(Buffer.of(bytes.length + 1, FILE_REFERENCE), bytes);
  }
  const body = Buffer.concat(parts);
  demand(body.length <= 0xf5);
  return counted(body);
}

/** 6.15; the response repeats the request. */
function writeFile(data: Buffer, blocks: DataBlocks): Buffer {
  demand(data[0] === data.length - 1 && data.length > SUB_REQUEST_BYTES);
  for (let at = 1; at < data.length;) {
    const [file, record, count] = subRequest(data, at);
    const start = at + SUB_REQUEST_BYTES;
    demand(start + 2 * count <= data.length);
    blocks.writeFileRecord(file, record, data.subarray(start, start + 2 * count));
    at = start + 2 * count;
  }
  return data;
}

function subRequest(data: Buffer, at: number): [number, number, number] {
  demand(at + SUB_REQUEST_BYTES <= data.length && data[at] === FILE_REFERENCE);
  const [file, record, count] = words(data.subarray(at + 1, at + SUB_REQUEST_BYTES), 3);
  return [file, record, count];
}

function words(data: Buffer, count: number): [number, number, number, number] {
  demand(data.length === 2 * count);
  const word = (index: number): number => (index < count ? data.readUInt16BE(2 * index) : 0);
  return [word(0), word(1), word(2), word(3)];
}

function countedRegisters(data: Buffer, count: number): number[] {
  demand(data[0] === 2 * count && data.length === 1 + 2 * count);
  return Array.from({ length: count }, (_unused, index) => data.readUInt16BE(1 + 2 * index));
}

function unpackBits(bytes: Buffer, count: number): boolean[] {
  return Array.from(
    { length: count },
    (_unused, index) => (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1,
  );
}

function packRegisters(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => bytes.writeUInt16BE(value & 0xffff, 2 * index));
  return bytes;
}

function counted(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function demand(condition: boolean): void {
  if (!condition) throw new ModbusException(EXCEPTION.value);
}
