/** Firmware through Modbus file records, by the convention of SG-1: registers 120 to 122 steer it, function 21 carries the bytes. */

import { EXCEPTION, ModbusException } from '../modbus-pdu.ts';
import { LAYOUT, SLOT_BYTES } from './layout.ts';
import { type Store } from './store.ts';
import { type Transmitter } from './transmitter.ts';

const RECORDS_PER_FILE = 10_000;
/** Registers relative to 120. */
const REGISTER = { sizeHigh: 0, sizeLow: 1, command: 2 } as const;
const COMMAND = { begin: 1, end: 2, activate: 3, discard: 5 } as const;
/** Verification is done apart from the request that asks for it, so that the answer does not wait. */
const VERIFY_AFTER_MS = 5;

export class FileRecords {
  readonly #device: Transmitter;
  readonly #store: Store;
  #sizeBytes = 0;
  /** Size with which the transfer began; the registers may be written meanwhile. */
  #announcedBytes = 0;
  #lastCommand = 0;
  #activated = false;

  constructor(device: Transmitter, store: Store) {
    this.#device = device;
    this.#store = store;
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
    const { updater } = this.#device;
    if (updater.ingress === 'ymodem') throw new ModbusException(EXCEPTION.busy);
    demand(updater.ingress === 'file-records');
    const offset = offsetOf(file, record);
    if (offset + data.length <= updater.received) return;
    // An odd file ends with one byte of padding.
    const useful = data.subarray(0, Math.max(0, this.#announcedBytes - offset));
    demand(offset === updater.received && data.length - useful.length <= 1);
    demand(updater.write(useful));
  }

  /** What has been received, read back. */
  read(file: number, record: number, count: number): number[] {
    const end = offsetOf(file, record) + 2 * count;
    if (end > this.#device.updater.received + 1 || end > SLOT_BYTES) {
      throw new ModbusException(EXCEPTION.address);
    }
    const bytes = this.#store.flash.read(LAYOUT.staging.start + end - 2 * count, 2 * count);
    return Array.from({ length: count }, (_unused, index) => bytes.readUInt16BE(2 * index));
  }

  /** The answer to the activation has left: now the device restarts. */
  answered(): void {
    if (!this.#activated) return;
    this.#device.orderReset();
    this.#device.resetIfOrdered();
  }

  #command(value: number): void {
    const { updater } = this.#device;
    if (value === COMMAND.begin) this.#begin();
    else if (value === COMMAND.end) this.#end();
    else if (value === COMMAND.discard) demand(updater.discard());
    else {
      demand(value === COMMAND.activate && updater.activate());
      this.#activated = true;
    }
    this.#lastCommand = value;
  }

  /** A new beginning ends an unfinished transfer of the same kind. */
  #begin(): void {
    const { updater } = this.#device;
    demand(this.#sizeBytes > 0);
    if (updater.ingress === 'file-records') updater.abort();
    this.#announcedBytes = this.#sizeBytes;
    const begun = updater.begin({
      ingress: 'file-records',
      announcedBytes: this.#sizeBytes,
      onStall: () => undefined, // the status register says it
    });
    if (begun === 'busy') throw new ModbusException(EXCEPTION.busy);
  }

  #end(): void {
    const { updater } = this.#device;
    demand(updater.ingress === 'file-records');
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

function demand(condition: boolean): void {
  if (!condition) throw new ModbusException(EXCEPTION.value);
}
