/** Firmware through Modbus file records: registers 120 to 122 steer it, function 21 carries the bytes. */

import { SLOT_BYTES, LAYOUT } from './flash.ts';
import { type Gateway } from './gateway.ts';
import { EXCEPTION, ModbusException } from './modbus-pdu.ts';
import { type Step } from './trial-steps.ts';

const RECORDS_PER_FILE = 10_000;
/** Registers relative to 120. */
const REGISTER = { sizeHigh: 0, sizeLow: 1, command: 2 } as const;
const COMMAND = { begin: 1, end: 2, activate: 3, confirm: 4, discard: 5 } as const;
/** Verification is done apart from the request that asks for it, so that the answer does not wait. */
const VERIFY_AFTER_MS = 5;

export class FileUpdate {
  readonly #gateway: Gateway;
  #sizeBytes = 0;
  /** Size with which the transfer began; the registers may be written meanwhile. */
  #announcedBytes = 0;
  #lastCommand = 0;
  #resetOrdered = false;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** @returns undefined where there is no such register */
  register(index: number): number | undefined {
    if (index === REGISTER.sizeHigh) return this.#sizeBytes >>> 16;
    if (index === REGISTER.sizeLow) return this.#sizeBytes & 0xffff;
    return index === REGISTER.command ? this.#lastCommand : undefined;
  }

  writeRegister(index: number, value: number): void {
    if (index === REGISTER.sizeHigh) this.#sizeBytes = value * 0x10000 + (this.#sizeBytes & 0xffff);
    else if (index === REGISTER.sizeLow) this.#sizeBytes = (this.#sizeBytes >>> 16) * 0x10000 + value;
    else this.#command(value);
  }

  /** The byte stream in order; a record that has come already may come again. */
  write(file: number, record: number, data: Buffer): void {
    const { updater } = this.#gateway;
    if (updater.ingress !== 'file-records')
      throw new ModbusException(busyOr(updater.ingress, EXCEPTION.value));
    updater.heard();
    const offset = offsetOf(file, record);
    if (offset + data.length <= updater.received) return;
    // An odd file ends with one byte of padding.
    const useful = data.subarray(0, Math.max(0, this.#announcedBytes - offset));
    if (offset !== updater.received || data.length - useful.length > 1)
      throw new ModbusException(EXCEPTION.value);
    if (!updater.write(useful)) throw new ModbusException(EXCEPTION.value);
  }

  /** What has been received, read back. */
  read(file: number, record: number, count: number): number[] {
    const offset = offsetOf(file, record);
    const { updater, slots } = this.#gateway;
    if (offset + 2 * count > updater.received + 1 || offset + 2 * count > SLOT_BYTES) {
      throw new ModbusException(EXCEPTION.address);
    }
    const bytes = slots.flash.read(LAYOUT.secondary.start + offset, 2 * count);
    return Array.from({ length: count }, (_unused, index) => bytes.readUInt16BE(2 * index));
  }

  resetIfOrdered(): void {
    if (this.#resetOrdered) this.#gateway.reset();
  }

  #command(value: number): void {
    const { updater } = this.#gateway;
    if (value === COMMAND.begin) this.#begin();
    else if (value === COMMAND.end) this.#end();
    else if (value === COMMAND.confirm) succeed(updater.confirm());
    else if (value === COMMAND.discard) succeed(updater.discard());
    else if (value === COMMAND.activate) {
      succeed(updater.activate());
      this.#resetOrdered = true;
    } else throw new ModbusException(EXCEPTION.value);
    this.#lastCommand = value;
  }

  /** A new beginning ends an unfinished transfer of the same kind. */
  #begin(): void {
    const { updater } = this.#gateway;
    if (this.#sizeBytes === 0) throw new ModbusException(EXCEPTION.value);
    if (updater.ingress === 'file-records') updater.abort();
    this.#announcedBytes = this.#sizeBytes;
    const begun = updater.begin('file-records', this.#sizeBytes);
    if (!begun.ok && begun.reason === 'busy') throw new ModbusException(EXCEPTION.busy);
  }

  #end(): void {
    const { updater } = this.#gateway;
    if (updater.ingress !== 'file-records') throw new ModbusException(EXCEPTION.value);
    updater.state = 'verifying';
    setTimeout(() => {
      if (updater.ingress === 'file-records') updater.finish();
    }, VERIFY_AFTER_MS);
  }
}

function offsetOf(file: number, record: number): number {
  if (file < 1 || record >= RECORDS_PER_FILE) throw new ModbusException(EXCEPTION.address);
  return 2 * ((file - 1) * RECORDS_PER_FILE + record);
}

function busyOr(ingress: string | undefined, code: number): number {
  return ingress === undefined ? code : EXCEPTION.busy;
}

function succeed(step: Step): void {
  if (!step.ok) throw new ModbusException(EXCEPTION.value);
}
