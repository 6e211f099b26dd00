/** Unit 17: the data of TR-1 as Modbus RTU sees it. */

import { answerPdu, EXCEPTION, ModbusException, type DataBlocks } from '../modbus-pdu.ts';
import { FileRecords } from './file-records.ts';
import { REFUSALS } from './image.ts';
import { type Store } from './store.ts';
import { type Transmitter } from './transmitter.ts';
import { type UpdateState } from './updater.ts';

/** Read and write registers, read and write file records; the device has no bits, no queue and no identification. */
const FUNCTIONS: readonly number[] = [3, 4, 6, 16, 20, 21, 22, 23];
const HOLDING = { dampingMs: 0, update: 120 } as const;

const UPDATE_STATE: Readonly<Record<UpdateState, number>> = {
  idle: 0,
  receiving: 1,
  verified: 2,
  refused: 3,
  verifying: 4,
};

export class TransmitterUnit implements DataBlocks {
  readonly #device: Transmitter;
  readonly #file: FileRecords;

  constructor(device: Transmitter, store: Store) {
    this.#device = device;
    this.#file = new FileRecords(device, store);
  }

  /** True once a restart was ordered. */
  get stopped(): boolean {
    return this.#device.resetting;
  }

  answer(pdu: Buffer): Buffer {
    const code = pdu[0] ?? 0;
    return FUNCTIONS.includes(code) ? answerPdu(pdu, this) : Buffer.of(code | 0x80, EXCEPTION.function);
  }

  /** To be called when an answer has left: a restart that was ordered happens now. */
  answered(): void {
    this.#file.answered();
  }

  coils = noBits;
  discreteInputs = noBits;
  writeCoils = noBits;
  fifo = noBits;

  input(address: number, count: number): number[] {
    const registers = this.#inputRegisters();
    return Array.from({ length: count }, (_unused, index) => known(registers.get(address + index)));
  }

  holding(address: number, count: number): number[] {
    return Array.from({ length: count }, (_unused, index) => known(this.#holdingRegister(address + index)));
  }

  /** All or nothing: every address is looked at before the first is written. */
  writeHolding(address: number, values: readonly number[]): void {
    values.forEach((_value, index) => known(this.#holdingRegister(address + index)));
    values.forEach((value, index) => {
      if (address + index === HOLDING.dampingMs) this.#device.configuration.dampingMs = value;
      else this.#file.writeRegister(address + index - HOLDING.update, value);
    });
  }

  fileRecord(file: number, record: number, count: number): number[] {
    return this.#file.read(file, record, count);
  }

  writeFileRecord(file: number, record: number, data: Buffer): void {
    this.#file.write(file, record, data);
  }

  #holdingRegister(address: number): number | undefined {
    if (address === HOLDING.dampingMs) return this.#device.configuration.dampingMs;
    return this.#file.register(address - HOLDING.update);
  }

  /** As the datasheet's table has them. */
  #inputRegisters(): ReadonlyMap<number, number> {
    const { running, updater, floor, process, log, uptimeMs } = this.#device;
    const registers = new Map<number, number>();
    const put = (address: number, ...values: number[]): void =>
      values.forEach((value, index) => registers.set(address + index, value));
    const [major = 0, minor = 0, revision = 0] = (running?.version ?? '').split('.').map(Number);
    put(0, major, minor, revision);
    put(5, ...u32(floor.value));
    put(8, ...words(Buffer.from(running?.digest ?? '', 'hex')));
    put(24, ...u32(process.milliBar), ...u32(Math.floor(uptimeMs / 1000)));
    put(32, ...u32(log.latest));
    const reason = updater.reason === undefined ? 0 : REFUSALS.indexOf(updater.reason) + 1;
    put(50, UPDATE_STATE[updater.state], reason, ...u32(updater.received));
    return registers;
  }
}

function noBits(): never {
  throw new ModbusException(EXCEPTION.function);
}

function known(value: number | undefined): number {
  if (value === undefined) throw new ModbusException(EXCEPTION.address);
  return value;
}

function u32(value: number): [number, number] {
  return [(value >>> 16) & 0xffff, value & 0xffff];
}

function words(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 2 }, (_unused, index) => bytes.readUInt16BE(2 * index));
}
