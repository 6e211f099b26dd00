/**
 * YMODEM receiver: one file, CRC-16, blocks of 128 and 1024 bytes, cancel.
 *
 * Source: C. Forsberg, XMODEM/YMODEM Protocol Reference, 1988, chapters 4 to 7.
 */

import { crc16Xmodem } from './crc.ts';

const SOH = 0x01;
const STX = 0x02;
const EOT = 0x04;
const ACK = 0x06;
const NAK = 0x15;
const CAN = 0x18;
const CRC_REQUEST = 0x43;

/** Byte positions in a block: type, number, complement, data …, CRC high and low. */
const BLOCK = { number: 1, complement: 2, data: 3 } as const;
const OVERHEAD_BYTES = 5;
const ASK_EVERY_MS = 1000;
const SILENCE_MS = 3000;
const MAX_FAULTS = 10;

export interface YmodemSink {
  send(bytes: Uint8Array): void;
  /** @returns false to cancel the transfer */
  begin(file: { name: string; bytes: number | undefined }): boolean;
  /** @returns false to cancel the transfer */
  data(bytes: Buffer): boolean;
  end(how: 'complete' | 'cancelled-by-sender' | 'cancelled-by-receiver' | 'timeout'): void;
}

export class YmodemReceiver {
  readonly #sink: YmodemSink;
  readonly #maxFaults: number;
  #pending: Buffer = Buffer.alloc(0);
  #phase: 'header' | 'data' | 'second-eot' | 'closing' | 'over' = 'header';
  #expected = 0;
  #left: number | undefined;
  #faults = 0;
  #cancels = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param maxFaults bad blocks and silences in a row that are borne */
  constructor(sink: YmodemSink, maxFaults = MAX_FAULTS) {
    this.#sink = sink;
    this.#maxFaults = maxFaults;
  }

  /** Asks for the first block at once. */
  start(): void {
    this.#send(CRC_REQUEST);
    this.#rearm();
  }

  receive(bytes: Buffer): void {
    if (this.#phase === 'over') return;
    this.#pending = Buffer.concat([this.#pending, bytes]);
    this.#rearm();
    while (!this.#isOver() && this.#takeOne());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#phase = 'over';
  }

  /** Ends the transfer for a sender that has fallen silent. */
  giveUp(): void {
    this.#send(CAN, CAN);
    this.#finish('timeout');
  }

  /** @returns true when something was consumed */
  #takeOne(): boolean {
    const type = this.#pending[0];
    if (type === undefined) return false;
    if (type === SOH || type === STX) return this.#takeBlock(type === STX ? 1024 : 128);
    this.#pending = this.#pending.subarray(1);
    this.#cancels = type === CAN ? this.#cancels + 1 : 0;
    // One CAN may be noise; two in a row are meant.
    if (this.#cancels >= 2) this.#finish('cancelled-by-sender');
    else if (type === EOT) this.#endOfFile();
    return true;
  }

  #takeBlock(dataBytes: number): boolean {
    if (this.#pending.length < dataBytes + OVERHEAD_BYTES) return false;
    const block = this.#pending.subarray(0, dataBytes + OVERHEAD_BYTES);
    this.#pending = this.#pending.subarray(block.length);
    this.#cancels = 0;
    const number = block.readUInt8(BLOCK.number);
    const data = Buffer.from(block.subarray(BLOCK.data, BLOCK.data + dataBytes));
    const whole = number + block.readUInt8(BLOCK.complement) === 0xff;
    if (!whole || crc16Xmodem(data) !== block.readUInt16BE(BLOCK.data + dataBytes)) this.#fault();
    else this.#accept(number, data);
    return true;
  }

  #accept(number: number, data: Buffer): void {
    if (this.#phase === 'header' || this.#phase === 'closing') {
      if (number === 0) this.#header(data);
      else this.#fault();
      return;
    }
    if (number === ((this.#expected + 255) & 0xff)) {
      this.#send(ACK); // our acknowledgement was lost; the block is known
      if (this.#expected === 1) this.#send(CRC_REQUEST);
      return;
    }
    if (number !== this.#expected) return this.#cancel();
    const useful = data.subarray(0, Math.min(data.length, this.#left ?? data.length));
    if (this.#left !== undefined) this.#left -= useful.length;
    if (!this.#sink.data(useful)) return this.#cancel();
    this.#phase = 'data';
    this.#expected = (this.#expected + 1) & 0xff;
    this.#faults = 0;
    this.#send(ACK);
  }

  #header(data: Buffer): void {
    const name = data.toString('latin1', 0, data.indexOf(0));
    if (this.#phase === 'closing' || name === '') {
      this.#send(ACK);
      return this.#finish(this.#phase === 'closing' ? 'complete' : 'cancelled-by-sender');
    }
    const size = /^\d+/.exec(data.toString('latin1', name.length + 1));
    this.#left = size === null ? undefined : Number(size[0]);
    if (!this.#sink.begin({ name, bytes: this.#left })) return this.#cancel();
    this.#phase = 'data';
    this.#expected = 1;
    this.#send(ACK, CRC_REQUEST);
  }

  /** The first EOT is refused once, since a damaged byte may look like one. */
  #endOfFile(): void {
    if (this.#phase === 'data') {
      this.#phase = 'second-eot';
      this.#send(NAK);
    } else if (this.#phase === 'second-eot') {
      this.#phase = 'closing';
      this.#send(ACK, CRC_REQUEST);
    }
  }

  #fault(): void {
    this.#faults += 1;
    if (this.#faults > this.#maxFaults) return this.#cancel();
    this.#pending = Buffer.alloc(0);
    this.#send(this.#phase === 'header' ? CRC_REQUEST : NAK);
  }

  #cancel(): void {
    this.#send(CAN, CAN, CAN, CAN, CAN);
    this.#finish('cancelled-by-receiver');
  }

  #silence(): void {
    // A sender that omits the closing block has sent the whole file all the same.
    if (this.#phase === 'closing') return this.#finish('complete');
    this.#faults += 1;
    if (this.#faults > this.#maxFaults) return this.giveUp();
    this.#pending = Buffer.alloc(0);
    this.#send(this.#phase === 'header' ? CRC_REQUEST : NAK);
    this.#rearm();
  }

  #finish(how: Parameters<YmodemSink['end']>[0]): void {
    this.stop();
    this.#sink.end(how);
  }

  #isOver(): boolean {
    return this.#phase === 'over';
  }

  #rearm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silence(), this.#phase === 'header' ? ASK_EVERY_MS : SILENCE_MS);
  }

  #send(...bytes: number[]): void {
    this.#sink.send(Uint8Array.from(bytes));
  }
}
