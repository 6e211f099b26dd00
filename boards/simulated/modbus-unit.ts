/** Unit 17: the gateway's data as Modbus sees it. */

import { ALARM_OBJECTS } from './alarms.ts';
import { MESSAGE_BYTES } from './command-message.ts';
import { type Gateway } from './gateway.ts';
import { inputRegisters, TELEMETRY } from './modbus-input.ts';
import { FileUpdate } from './modbus-file-update.ts';
import { answerPdu, EXCEPTION, ModbusException, type DataBlocks } from './modbus-pdu.ts';

export const UNIT_ID = 17;

const HOLDING = { setpoint: 0, scratch: 1, mailbox: 100, updateSize: 120, updateCommand: 122 } as const;
const MAILBOX_REGISTERS = MESSAGE_BYTES / 2;
const FUNCTION = { writeMultiple: 16 } as const;
const COILS = 8;
/** Address of the queue that function 24 reads: the sequences of the last alarms, oldest first. */
const ALARM_QUEUE = { address: 200, entries: 31 } as const;

export class ModbusUnit implements DataBlocks {
  readonly #gateway: Gateway;
  readonly #file: FileUpdate;
  readonly #coils = Array.from({ length: COILS }, () => false);
  readonly #queue: number[] = [];
  #scratch = 0;
  #mailbox = new Array<number>(MAILBOX_REGISTERS).fill(0);
  #telemetry: Buffer = Buffer.alloc(MESSAGE_BYTES);

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.#file = new FileUpdate(gateway);
    gateway.alarms.onAlarm((alarm) => {
      if (this.#isDeafToAlarms) return;
      this.#queue.push(alarm.sequence & 0xffff);
      this.#queue.splice(0, this.#queue.length - ALARM_QUEUE.entries);
    });
  }

  /** True when the firmware hangs: requests are met with silence. */
  get stopped(): boolean {
    return this.#gateway.hung;
  }

  answer(pdu: Buffer): Buffer {
    return answerPdu(pdu, this);
  }

  /** To be called when an answer has left: a reset that was ordered happens now. */
  answered(): void {
    this.#file.resetIfOrdered();
  }

  coils(address: number, count: number): boolean[] {
    within(address, count, 0, COILS);
    return this.#coils.slice(address, address + count);
  }

  writeCoils(address: number, values: readonly boolean[]): void {
    within(address, values.length, 0, COILS);
    this.#coils.splice(address, values.length, ...values);
  }

  discreteInputs(address: number, count: number): boolean[] {
    within(address, count, 0, ALARM_OBJECTS.length);
    const bits = this.#isDeafToAlarms ? 0 : this.#gateway.alarms.activeBits;
    return Array.from({ length: count }, (_unused, index) => ((bits >> (address + index)) & 1) === 1);
  }

  input(address: number, count: number): number[] {
    if (address <= TELEMETRY.first && TELEMETRY.first < address + count) {
      this.#telemetry = this.#gateway.commands.telemetry(Math.round(this.#gateway.process.milliBar / 100));
    }
    const registers = inputRegisters(this.#gateway, this.#telemetry);
    return Array.from({ length: count }, (_unused, index) => {
      const value = registers.get(address + index);
      if (value === undefined) throw new ModbusException(EXCEPTION.address);
      return value;
    });
  }

  holding(address: number, count: number): number[] {
    return Array.from({ length: count }, (_unused, index) => this.#holdingRegister(address + index));
  }

  /** All or nothing: every address is looked at before the first is written. */
  writeHolding(address: number, values: readonly number[], viaFunction: number): void {
    if (address === HOLDING.mailbox) return this.#command(values, viaFunction);
    values.forEach((_value, index) => this.#demandWritable(address + index));
    values.forEach((value, index) => this.#writeRegister(address + index, value));
  }

  fifo(address: number): number[] {
    if (address !== ALARM_QUEUE.address) throw new ModbusException(EXCEPTION.address);
    return [...this.#queue];
  }

  fileRecord(file: number, record: number, count: number): number[] {
    return this.#file.read(file, record, count);
  }

  writeFileRecord(file: number, record: number, data: Buffer): void {
    this.#file.write(file, record, data);
  }

  get #isDeafToAlarms(): boolean {
    return this.#gateway.defects.has('silent-on-modbus');
  }

  #holdingRegister(address: number): number {
    if (address === HOLDING.setpoint) return this.#gateway.commands.setpoint & 0xffff;
    if (address === HOLDING.scratch) return this.#scratch;
    const inMailbox = this.#mailbox[address - HOLDING.mailbox];
    const value = inMailbox ?? this.#file.register(address - HOLDING.updateSize);
    if (value === undefined) throw new ModbusException(EXCEPTION.address);
    return value;
  }

  #demandWritable(address: number): void {
    const inFile = address >= HOLDING.updateSize && address <= HOLDING.updateCommand;
    const open = address === HOLDING.setpoint && this.#gateway.defects.has('open-writes');
    if (address !== HOLDING.scratch && !inFile && !open) throw new ModbusException(EXCEPTION.address);
  }

  #writeRegister(address: number, value: number): void {
    if (address === HOLDING.scratch) this.#scratch = value;
    else if (address === HOLDING.setpoint) this.#gateway.commands.writeSetpointPlainly((value << 16) >> 16);
    else this.#file.writeRegister(address - HOLDING.updateSize, value);
  }

  #command(values: readonly number[], viaFunction: number): void {
    if (viaFunction !== FUNCTION.writeMultiple || values.length !== MAILBOX_REGISTERS) {
      throw new ModbusException(EXCEPTION.address);
    }
    this.#mailbox = [...values];
    const bytes = Buffer.alloc(MESSAGE_BYTES);
    values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index));
    this.#gateway.commands.receive(bytes);
  }
}

function within(address: number, count: number, first: number, end: number): void {
  if (address < first || address + count > end) throw new ModbusException(EXCEPTION.address);
}
