/**
 * The port on which modbus-serial runs: it takes RTU frames from the library and gives it RTU frames, while the
 * session below decides what reaches the wire and what is an answer.
 *
 * The library asks of a port: `isOpen`, `open`, `close`, `write`, events `data`, `error` and `close`, and the two
 * numbers `_transactionIdWrite` and `_transactionIdRead` under which it files and finds a request (index.js, 8.0.25).
 * Its own faults stay outside: it never sees an answer that does not belong to the request filed under that number,
 * never waits on a timer of its own, and a number is used again only when its request is settled.
 */

import { EventEmitter } from 'node:events';
import modbusSerial from 'modbus-serial';
import { FrameError, type BenchError } from '../../harness/errors.ts';
import { crc16Modbus } from '../../harness/wire/crc.ts';
import { Exchange } from './exchange.ts';
import { CRC_BYTES, UNIT_BYTES, deviceException } from './frames.ts';
import { type Session } from './session.ts';

/** The library's client class; its default export lies one level down under NodeNext. */
const Client = modbusSerial.default;
export type Client = InstanceType<typeof Client>;

type Reject = (error: BenchError) => void;
/** How the library gives a result: an error, or null and the result. */
export type Next<T> = (error: unknown, result: T) => void;

/** A request that modbus-serial has written and whose answer it will parse. */
class ClientExchange extends Exchange {
  readonly #port: ModbusSerialPort;
  readonly #slot: number;
  readonly #reject: Reject;

  constructor(unit: number, pdu: Uint8Array, port: ModbusSerialPort, slot: number, reject: Reject) {
    super(unit, pdu);
    this.#port = port;
    this.#slot = slot;
    this.#reject = reject;
  }

  answered(unitAndPdu: Buffer): void {
    if (this.#port.deliver(this.#slot, unitAndPdu)) return;
    this.#reject(new FrameError('unparsed', `modbus-serial made nothing of ${unitAndPdu.toString('hex')}`));
  }

  failed(error: BenchError): void {
    this.#port.release(this.#slot);
    this.#reject(error);
  }
}

export class ModbusSerialPort extends EventEmitter {
  readonly isOpen = true;
  _transactionIdWrite = 0;
  _transactionIdRead = 0;
  readonly client: Client;
  readonly #session: Session;
  readonly #who: string;
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #rejectNext: Reject | undefined;
  /** Set when the library has called back for the answer being delivered. */
  #parsed = false;

  constructor(session: Session, who: string) {
    super();
    this.#session = session;
    this.#who = who;
    this.client = new Client(this);
    this.client.open(); // calls back at once; the link itself is the session's affair
  }

  /**
   * One request through modbus-serial.
   *
   * @param issue calls one `writeFC…` method, which must write exactly once, at once
   * @throws DeviceException for an exception answer; FrameError, TimeoutError, PortError, DriverError from the session
   */
  request<T>(functionCode: number, issue: (client: Client, next: Next<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this._transactionIdWrite = this.#freeSlots.pop() ?? (this.#slots += 1);
      this.#rejectNext = reject;
      issue(this.client, (error: unknown, result) => {
        this.#parsed = true;
        if (error) reject(this.#translated(error, functionCode));
        else resolve(result);
      });
    });
  }

  /** Gives an answer to the library; false when the library made nothing of it. */
  deliver(slot: number, unitAndPdu: Buffer): boolean {
    const covered = unitAndPdu.length;
    const frame = Buffer.allocUnsafe(covered + CRC_BYTES);
    unitAndPdu.copy(frame);
    frame.writeUInt16LE(crc16Modbus(frame, 0, covered), covered);
    this._transactionIdRead = slot;
    this.#parsed = false;
    this.emit('data', frame); // the library calls back from within
    this.release(slot);
    return this.#parsed;
  }

  release(slot: number): void {
    this.#freeSlots.push(slot);
  }

  // What the library calls.

  open(callback: (error?: Error) => void): void {
    callback();
  }

  close(callback?: () => void): void {
    callback?.();
  }

  write(frame: Buffer): void {
    const pdu = frame.subarray(UNIT_BYTES, frame.length - CRC_BYTES);
    this.#session.submit(
      new ClientExchange(
        frame[0]!,
        pdu,
        this,
        this._transactionIdWrite,
        this.#rejectNext ?? (() => undefined),
      ),
    );
  }

  #translated(error: unknown, functionCode: number): BenchError {
    const { modbusCode, message } = error as { modbusCode?: number; message: string };
    return modbusCode === undefined
      ? new FrameError('unparsed', `${this.#who}: modbus-serial: ${message}`, { cause: error })
      : deviceException(this.#who, functionCode, modbusCode);
  }
}
