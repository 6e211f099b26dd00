/** A YMODEM receiver for tests, written from the reference and not from our sender; it misbehaves on request. */

import type { FakeDevice } from './fake-device.ts';

/** What to do in place of acknowledging block N (counted from 0 for the header, in order of first arrival). */
export interface Misbehaviour {
  /** Answers NAK this many times before taking the block. */
  nak?: Readonly<Record<number, number>>;
  /** Loses the block, as a dropped byte would, and asks for it again after the receiver's timeout. */
  drop?: Readonly<Record<number, number>>;
  cancelAt?: number;
  silentAt?: number;
  garbageAt?: number;
  /** Says this text in place of an acknowledgement. */
  sayAt?: { block: number; text: string };
  lateMs?: number;
  /** C characters sent at the start. */
  requests?: number;
  /** Acknowledges block 0 without asking for the first block; asks after so many ms without one, or never. */
  secondRequestAfterMs?: number;
  /** Its request for the first block was on its way when that block came. */
  requestCrosses?: boolean;
  /** Says this behind the acknowledgement of block 0. */
  thenSays?: string;
  nakFirstEot?: boolean;
  /** Goes back to its command line after EOT, without the batch's end. */
  oneFileOnly?: boolean;
  /** Says this before it asks for the next file. */
  saysBeforeNext?: string;
  /** Asks for the next file only so long after EOT. */
  nextRequestAfterMs?: number;
  /** Throws the batch's end away so many times, and asks for it again after so many ms. */
  losesBatchEnd?: { times: number; asksAgainAfterMs: number };
  /** Goes back to its command line without acknowledging the batch's end. */
  losesLastAck?: boolean;
  /**
   * Ends the transfer when so many ms have passed since the last byte: by CAN CAN, in words, or without any. With
   * `atBytes` only once so much of the file has come, so that a sender that is slow before is not ended.
   */
  endsStall?: { afterMs: number; by: 'cancel' | 'words' | 'nothing'; atBytes?: number };
  /** Text after the transfer. */
  verdict?: string;
  /** Only so long after it, in milliseconds. */
  verdictAfterMs?: number;
}

const [SOH, STX, EOT, ACK, NAK, CAN] = [1, 2, 4, 6, 21, 24];

export class YmodemReceiver {
  readonly #device: FakeDevice;
  readonly #how: Misbehaviour;
  #bytes: Buffer = Buffer.alloc(0);
  #expected = 0;
  #fileDone = false;
  #eots = 0;
  #batchEndsLost = 0;
  #stall: NodeJS.Timeout | undefined;
  readonly #tries = new Map<string, number>();
  /** Every whole block that came, repeated ones too. */
  readonly blocks: Buffer[] = [];
  name = '';
  length = -1;
  data: Buffer = Buffer.alloc(0);
  ended = false;
  cancelled = false;
  /** Bytes that came behind the transfer: at a command line they would be taken for a command. */
  afterwards = 0;

  constructor(device: FakeDevice, how: Misbehaviour = {}) {
    this.#device = device;
    this.#how = how;
    device.onBytes = (bytes) => this.#received(bytes);
    device.say('C'.repeat(how.requests ?? 1));
  }

  #received(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#takeOne());
    this.#watchForStall();
  }

  #watchForStall(): void {
    const { endsStall, verdict = '' } = this.#how;
    clearTimeout(this.#stall);
    if (endsStall === undefined || this.data.length < (endsStall.atBytes ?? 0)) return;
    this.#stall = setTimeout(() => {
      this.#device.onBytes = undefined;
      if (endsStall.by === 'cancel') this.#device.say(Buffer.of(CAN, CAN));
      if (endsStall.by !== 'nothing') this.#device.say(verdict);
    }, endsStall.afterMs).unref();
  }

  /** Takes one unit from the bytes; false when none is complete. */
  #takeOne(): boolean {
    const start = this.#bytes[0];
    if (start === undefined) return false;
    const size = start === SOH ? 128 : start === STX ? 1024 : 0;
    if (size === 0) {
      if (start === CAN && this.#bytes[1] === CAN) {
        this.cancelled = true;
        this.#device.onBytes = undefined;
      }
      this.#bytes = this.#bytes.subarray(1);
      if (start === EOT) this.#endOfFile();
      return true;
    }
    if (this.#bytes.length < size + 5) return false;
    const block = this.#bytes.subarray(0, size + 5);
    this.#bytes = this.#bytes.subarray(size + 5);
    this.blocks.push(Buffer.from(block));
    this.#block(block, size);
    return true;
  }

  #block(block: Buffer, size: number): void {
    const data = block.subarray(3, 3 + size);
    const sound = block[1] === this.#expected % 256 && block[2] === 255 - (block[1] ?? 0);
    const at = this.#expected;
    if (!sound || block.readUInt16BE(3 + size) !== bitwiseCrc(data)) return this.#reply(Buffer.of(NAK));
    if (this.#misbehaves(at)) return;
    if (this.#fileDone) return this.#endBatch(data);
    if (at === 0) this.#header(data);
    else this.data = Buffer.concat([this.data, data]);
    this.#expected += 1;
    const { secondRequestAfterMs } = this.#how;
    if (at === 0 && secondRequestAfterMs !== undefined) this.#askLate(secondRequestAfterMs);
    if (at === 1 && this.#how.requestCrosses === true) this.#reply(Buffer.of(0x43));
    const words = Buffer.from(at === 0 ? (this.#how.thenSays ?? '') : '');
    this.#reply(
      at === 0 && secondRequestAfterMs === undefined ? Buffer.of(ACK, 0x43) : Buffer.of(ACK, ...words),
    );
  }

  #askLate(afterMs: number): void {
    setTimeout(() => {
      if (this.blocks.length === 1) this.#device.say('C');
    }, afterMs).unref();
  }

  #misbehaves(at: number): boolean {
    const how = this.#how;
    if (this.#fileDone) return false;
    if (how.silentAt === at) return true;
    if (how.cancelAt === at) this.#device.say(Buffer.of(CAN, CAN, CAN, 8, 8, 8));
    if (how.garbageAt === at) this.#device.say('?????\r\n');
    if (how.sayAt?.block === at) this.#device.say(how.sayAt.text);
    if (how.cancelAt === at || how.garbageAt === at || how.sayAt?.block === at) {
      this.#device.onBytes = how.cancelAt === at ? undefined : () => undefined;
      if (how.cancelAt === at && how.verdict !== undefined) this.#device.say(how.verdict);
      return true;
    }
    if (this.#again('nak', at)) {
      this.#reply(Buffer.of(NAK));
      return true;
    }
    if (!this.#again('drop', at)) return false;
    setTimeout(() => this.#device.say(at === 0 ? 'C' : Buffer.of(NAK)), 20);
    return true;
  }

  #again(what: 'nak' | 'drop', at: number): boolean {
    const key = `${what}${at}`;
    const tries = (this.#tries.get(key) ?? 0) + 1;
    this.#tries.set(key, tries);
    return tries <= (this.#how[what]?.[at] ?? 0);
  }

  #header(data: Buffer): void {
    const end = data.indexOf(0);
    this.name = data.toString('utf8', 0, end);
    this.length = Number.parseInt(data.toString('latin1', end + 1), 10); // NaN where none is told
  }

  #endOfFile(): void {
    this.#eots += 1;
    if (this.#how.nakFirstEot === true && this.#eots === 1) return this.#reply(Buffer.of(NAK));
    this.#fileDone = true;
    this.#expected = 0;
    this.data = this.data.subarray(0, this.length);
    const { oneFileOnly, nextRequestAfterMs, saysBeforeNext = '' } = this.#how;
    if (oneFileOnly === true) return this.#finish();
    if (nextRequestAfterMs === undefined)
      return this.#reply(Buffer.of(ACK, ...Buffer.from(`${saysBeforeNext}C`)));
    this.#reply(Buffer.of(ACK));
    setTimeout(() => this.#device.say('C'), nextRequestAfterMs).unref();
  }

  #endBatch(data: Buffer): void {
    const { losesBatchEnd } = this.#how;
    if (losesBatchEnd !== undefined && this.#batchEndsLost < losesBatchEnd.times) {
      this.#batchEndsLost += 1;
      setTimeout(() => this.#device.say('C'), losesBatchEnd.asksAgainAfterMs).unref();
      return;
    }
    this.ended = data.every((byte) => byte === 0);
    this.#finish();
  }

  #finish(): void {
    this.#device.onBytes = (bytes) => void (this.afterwards += bytes.length);
    const last = Buffer.from(this.#how.losesLastAck === true ? [] : [ACK]);
    const { verdict = '', verdictAfterMs } = this.#how;
    if (verdictAfterMs === undefined) return this.#reply(Buffer.concat([last, Buffer.from(verdict)]));
    this.#reply(last);
    setTimeout(() => this.#device.say(verdict), verdictAfterMs).unref();
  }

  #reply(bytes: Buffer): void {
    if (this.#how.lateMs === undefined) this.#device.say(bytes);
    else setTimeout(() => this.#device.say(bytes), this.#how.lateMs);
  }
}

/** Bit by bit, as calcrc in the reference (section 8.1) has it; our sender uses a table. */
export function bitwiseCrc(data: Uint8Array): number {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0xffff;
}
