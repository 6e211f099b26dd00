/** The Registers capability: the standard functions through modbus-serial, the rest as PDUs of our own. */

import { type Registers } from '../../harness/capabilities.ts';
import { DriverError, FrameError, type BenchError } from '../../harness/errors.ts';
import { Exchange } from './exchange.ts';
import { deviceException, PDU_MAX_BYTES, UNIT_BYTES } from './frames.ts';
import { EXCEPTION_BIT, FUNCTION } from './functions.ts';
import { type ModbusSerialPort } from './modbus-serial-port.ts';
import { identification, identificationLevels, readFifo, readFile, writeFile } from './raw-requests.ts';
import { type Session } from './session.ts';

/** Most items that one request may carry. Source: Application Protocol V1.1b3, section 6 */
const MOST = {
  readBits: 2000,
  readRegisters: 125,
  writeBits: 1968,
  writeRegisters: 123,
  readWriteWrites: 121,
  readFileRegisters: 121,
  writeFileRegisters: 122,
} as const;
const ADDRESSES = 0x10000;
const REGISTER_MAX = 0xffff;

class RawExchange extends Exchange {
  readonly #resolve: (pdu: Uint8Array) => void;
  readonly #reject: (error: BenchError) => void;

  constructor(
    unit: number,
    pdu: Uint8Array,
    resolve: (pdu: Uint8Array) => void,
    reject: (error: BenchError) => void,
  ) {
    super(unit, pdu);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  answered(unitAndPdu: Buffer): void {
    this.#resolve(Uint8Array.from(unitAndPdu.subarray(UNIT_BYTES)));
  }

  failed(error: BenchError): void {
    this.#reject(error);
  }
}

export class ModbusRegisters implements Registers {
  readonly #port: ModbusSerialPort;
  readonly #session: Session;
  readonly #unit: number;
  readonly #who: string;

  constructor(port: ModbusSerialPort, session: Session, unit: number, who: string) {
    this.#port = port;
    this.#session = session;
    this.#unit = unit;
    this.#who = who;
  }

  async readCoils(address: number, count: number): Promise<boolean[]> {
    this.#range(address, count, MOST.readBits);
    const { data } = await this.#port.request<{ data: boolean[] }>(FUNCTION.readCoils, (client, next) =>
      client.writeFC1(this.#unit, address, count, next),
    );
    return data.slice(0, count); // the library gives the padding bits of the last byte too
  }

  async readDiscreteInputs(address: number, count: number): Promise<boolean[]> {
    this.#range(address, count, MOST.readBits);
    const { data } = await this.#port.request<{ data: boolean[] }>(
      FUNCTION.readDiscreteInputs,
      (client, next) => client.writeFC2(this.#unit, address, count, next),
    );
    return data.slice(0, count);
  }

  async readHolding(address: number, count: number): Promise<number[]> {
    this.#range(address, count, MOST.readRegisters);
    const { data } = await this.#port.request<{ data: number[] }>(FUNCTION.readHolding, (client, next) =>
      client.writeFC3(this.#unit, address, count, next),
    );
    return data;
  }

  async readInput(address: number, count: number): Promise<number[]> {
    this.#range(address, count, MOST.readRegisters);
    const { data } = await this.#port.request<{ data: number[] }>(FUNCTION.readInput, (client, next) =>
      client.writeFC4(this.#unit, address, count, next),
    );
    return data;
  }

  async writeCoil(address: number, value: boolean): Promise<void> {
    this.#range(address, 1, 1);
    await this.#port.request<unknown>(FUNCTION.writeCoil, (client, next) =>
      client.writeFC5(this.#unit, address, value, next),
    );
  }

  async writeCoils(address: number, values: readonly boolean[]): Promise<void> {
    this.#range(address, values.length, MOST.writeBits);
    await this.#port.request<unknown>(FUNCTION.writeCoils, (client, next) =>
      client.writeFC15(this.#unit, address, [...values], next),
    );
  }

  async writeRegister(address: number, value: number): Promise<void> {
    this.#range(address, 1, 1);
    this.#words([value]);
    await this.#port.request<unknown>(FUNCTION.writeRegister, (client, next) =>
      client.writeFC6(this.#unit, address, value, next),
    );
  }

  async writeRegisters(address: number, values: readonly number[]): Promise<void> {
    this.#range(address, values.length, MOST.writeRegisters);
    this.#words(values);
    await this.#port.request<unknown>(FUNCTION.writeRegisters, (client, next) =>
      client.writeFC16(this.#unit, address, [...values], next),
    );
  }

  async maskWrite(address: number, and: number, or: number): Promise<void> {
    this.#range(address, 1, 1);
    this.#words([and, or]);
    await this.#port.request<unknown>(FUNCTION.maskWrite, (client, next) =>
      client.writeFC22(this.#unit, address, and, or, next),
    );
  }

  async readWrite(
    read: { address: number; count: number },
    write: { address: number; values: readonly number[] },
  ): Promise<number[]> {
    this.#range(read.address, read.count, MOST.readRegisters);
    this.#range(write.address, write.values.length, MOST.readWriteWrites);
    this.#words(write.values);
    const values = [...write.values];
    const { data } = await this.#port.request<{ data: number[] }>(FUNCTION.readWrite, (client, next) =>
      client.writeFC23(this.#unit, read.address, read.count, write.address, values.length, values, next),
    );
    return data;
  }

  async readFifo(address: number): Promise<number[]> {
    this.#range(address, 1, 1);
    return readFifo.answer(await this.#granted(readFifo.request(address)));
  }

  async readFileRecord(file: number, record: number, count: number): Promise<number[]> {
    this.#range(record, count, MOST.readFileRegisters);
    this.#words([file]);
    return readFile.answer(await this.#granted(readFile.request(file, record, count)), count);
  }

  async writeFileRecord(file: number, record: number, values: readonly number[]): Promise<void> {
    this.#range(record, values.length, MOST.writeFileRegisters);
    this.#words([file, ...values]);
    await this.#granted(writeFile.request(file, record, values)); // the session has compared the echo
  }

  async readDeviceIdentification(level: 'basic' | 'regular' | 'extended'): Promise<Map<number, string>> {
    const all = new Map<number, string>();
    for (let first: number | undefined = 0; first !== undefined;) {
      const asked: number = first;
      const part = identification.answer(
        await this.#granted(identification.request(identificationLevels[level], asked)),
      );
      for (const [id, value] of part.objects) all.set(id, value);
      if (part.next !== undefined && part.next <= asked) {
        throw new FrameError(
          'endless-identification',
          `${this.#who}: more objects follow from ${part.next}, but ${asked} was asked already`,
          { data: { asked, next: part.next }, hint: 'Read a lower level; the device never ends this list.' },
        );
      }
      first = part.next;
    }
    return all;
  }

  raw(pdu: Uint8Array): Promise<Uint8Array> {
    if (pdu.length < 1 || pdu.length > PDU_MAX_BYTES) {
      return Promise.reject(
        new DriverError(
          'bad-request',
          `${this.#who}: a PDU has 1 to ${PDU_MAX_BYTES} bytes, not ${pdu.length}`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#session.submit(new RawExchange(this.#unit, Uint8Array.from(pdu), resolve, reject));
    });
  }

  /** A raw request whose exception answer is an error. */
  async #granted(pdu: Uint8Array): Promise<Uint8Array> {
    const answer = await this.raw(pdu);
    if (answer[0]! & EXCEPTION_BIT) throw deviceException(this.#who, pdu[0]!, answer[1]!);
    return answer;
  }

  #range(address: number, count: number, most: number): void {
    const fits =
      Number.isInteger(address) &&
      Number.isInteger(count) &&
      address >= 0 &&
      count >= 1 &&
      count <= most &&
      address + count <= ADDRESSES;
    if (fits) return;
    throw new DriverError(
      'bad-request',
      `${this.#who}: ${count} items from address ${address} cannot be asked at once`,
      {
        data: { address, count, most },
        hint: `Addresses are zero-based, 0 to ${ADDRESSES - 1}; this function takes 1 to ${most} items.`,
      },
    );
  }

  #words(values: readonly number[]): void {
    const wrong = values.find((value) => !Number.isInteger(value) || value < 0 || value > REGISTER_MAX);
    if (wrong === undefined) return;
    throw new DriverError('bad-request', `${this.#who}: ${wrong} is not a value of 16 bits`, {
      data: { value: wrong },
      hint: 'Split wider numbers into registers; write negative ones as two’s complement.',
    });
  }
}
