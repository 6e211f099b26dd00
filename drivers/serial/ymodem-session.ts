/**
 * The talk of a YMODEM sender with its receiver: frames and their acknowledgements, requests, the receiver's cancel.
 *
 * The receiver drives: it asks for the file (C), for a lost block (NAK) and ends it (CAN CAN). The sender never
 * repeats a block unasked, because an ACK carries no number: a late ACK of the first copy and the ACK of the second
 * would then be taken for two blocks.
 *
 * Source: C. Forsberg, XMODEM/YMODEM Protocol Reference, 14 October 1988, sections 4, 5 and 7.
 */

import type { Answer, AnswerKind } from '../../harness/capabilities.ts';
import { Deadline, monotonicMs } from '../../harness/clock.ts';
import { TimeoutError } from '../../harness/errors.ts';
import { CONTROL, dataBlocks } from './ymodem-frames.ts';

/** The wire as the sender sees it. */
export interface YmodemChannel {
  write(bytes: Uint8Array): Promise<void>;
  /** The next byte from the receiver; undefined at the deadline or once stopped. Rejects when the wire dies. */
  read(withinMs: number): Promise<number | undefined>;
  transmitMs(bytes: number): number;
  /** True once whoever asked for the transfer has ended it. */
  stopped(): boolean;
  /** Position of the next byte to read, and the way back to it. */
  position(): number;
  rewind(position: number): void;
}

/** How often one block is sent in all; the reference (7.3.1) names ten errors as the bound. */
const MAX_SENDINGS = 10;
/** A lone C is a request; a C with text behind it is text. One character at 1200 baud takes 8 ms. */
const REQUEST_QUIET_MS = 30;
/** A C that crossed block 0 or 1 on the wire is followed by the ACK; one that asks for it again is not. */
const CROSSING_MS = 500;
/** What is left of a line that said "ready": no sign of anything. */
const LINE_ENDINGS: ReadonlySet<number> = new Set([0x0a, 0x0d]);

export type Reply = 'ack' | 'nak' | 'request' | 'cancel' | 'none';

/** What ends a transfer before its end. */
export class TransferEnd extends Error {
  readonly kind: AnswerKind;

  /** @param reason for the answer; empty when the kind says it all */
  constructor(kind: AnswerKind, reason: string) {
    super(reason);
    this.kind = kind;
  }
}

/** What a transfer came to, where it can end before its end. @throws PortError when the wire dies */
export async function endOf(work: () => Promise<TransferEnd>): Promise<TransferEnd> {
  return work().catch((error: unknown) => {
    if (error instanceof TransferEnd) return error;
    // A port that takes no bytes is a device that reads none, not a bench that lost its port.
    if (error instanceof TimeoutError) return new TransferEnd('silent', error.message);
    throw error;
  });
}

/** How long the receiver may take. */
export interface YmodemTimes {
  /** To answer one block, beside the time on the wire. */
  blockWithinMs: number;
  /**
   * To ask for the first block, once it has acknowledged block 0; then that block is sent unasked. Absent: it must ask.
   *
   * The reference shows the request behind the acknowledgement (section 5), and the sender waits for it. Receivers
   * exist that acknowledge, and ask only after a time-out of their own (U-Boot, common/xyzModem.c: the stream's first
   * read sends the ACK and looks for a block at once).
   */
  secondRequestWithinMs?: number | undefined;
}

/** One transfer, from the request for the file on. Subclasses say what is sent. */
export class YmodemSession {
  protected readonly channel: YmodemChannel;
  protected readonly blockWithinMs: number;
  readonly #secondRequestWithinMs: number | undefined;
  readonly #totalBytes: number;
  /** Bytes of the file that the receiver has acknowledged. */
  acknowledgedBytes = 0;
  /** True once the receiver has acknowledged the end of the file. */
  complete = false;
  /** True once the receiver has shown that it speaks YMODEM; before, a CAN would land in a command line. */
  #receiverSeen = false;
  /** Bytes since the last frame that are no answer to it. */
  #strayBytes = 0;
  /** From here on time is counted. */
  protected lastSentAtMs = monotonicMs();

  constructor(channel: YmodemChannel, times: YmodemTimes, totalBytes: number) {
    this.channel = channel;
    this.blockWithinMs = times.blockWithinMs;
    this.#secondRequestWithinMs = times.secondRequestWithinMs;
    this.#totalBytes = totalBytes;
  }

  /** Block 0, at the receiver's request, up to its request for the first block. */
  async begin(header: Uint8Array): Promise<void> {
    await this.awaitRequest('to ask for the file', this.blockWithinMs);
    this.#receiverSeen = true;
    await this.deliver(header, 'block 0', true);
    await this.#awaitSecondRequest();
  }

  async #awaitSecondRequest(): Promise<void> {
    const withinMs = this.#secondRequestWithinMs;
    this.#strayBytes = 0;
    try {
      await this.awaitRequest('to ask for the first block', withinMs ?? this.blockWithinMs);
    } catch (error) {
      // Text in its place is no silence: the receiver may have given up, and a block would land in its command line.
      const unasked = withinMs !== undefined && error instanceof TransferEnd && error.kind === 'silent';
      if (!unasked) throw error;
    }
  }

  /**
   * Data blocks of a file, each when the one before was acknowledged.
   *
   * @param enoughBytes the first block behind so many acknowledged bytes is not sent
   */
  protected async deliverFile(file: Uint8Array, enoughBytes = file.length): Promise<void> {
    let number = 1;
    for (const { frame, fileBytes } of dataBlocks(file)) {
      if (this.acknowledgedBytes >= enoughBytes) return;
      await this.deliver(frame, `block ${number}`, number === 1);
      this.acknowledgedBytes += fileBytes;
      number += 1;
    }
  }

  answer(end: TransferEnd): Answer {
    return {
      kind: end.kind,
      stage: 'transfer',
      delivery: {
        totalBytes: this.#totalBytes,
        acknowledgedBytes: this.acknowledgedBytes,
        complete: this.complete,
      },
      ...(end.message === '' ? {} : { reason: end.message }),
      elapsedMs: monotonicMs() - this.lastSentAtMs,
    };
  }

  /** Gives up so that the receiver knows: exactly two CAN, since more would land in its command line. */
  async tellReceiver(end: TransferEnd): Promise<void> {
    const pointless = end.kind === 'accepted' || end.kind === 'refused' || this.channel.stopped();
    if (pointless || !this.#receiverSeen || this.complete) return;
    await this.channel.write(Uint8Array.of(CONTROL.CAN, CONTROL.CAN)).catch((error: unknown) => {
      if (!(error instanceof TimeoutError)) throw error; // it takes no bytes: nothing to tell
    });
  }

  /** Sends a frame until it is acknowledged. */
  protected async deliver(frame: Uint8Array, what: string, requestMeansLost: boolean): Promise<void> {
    for (let sending = 1; sending <= MAX_SENDINGS; sending += 1) {
      this.#strayBytes = 0;
      await this.channel.write(frame);
      this.lastSentAtMs = monotonicMs();
      if (await this.#acknowledged(frame.length, what, requestMeansLost)) return;
    }
    throw new TransferEnd(
      'garbage',
      `the receiver asked for ${what} ${MAX_SENDINGS} times${this.progress()}`,
    );
  }

  /**
   * Sends the frame after which the receiver goes back to what it did before, and again as often as it asks for it: it may
   * throw away what comes right behind its request (rb of lrzsz 0.12 does, and asks once more after 10 s). Its
   * acknowledgement may be lost on the way out (rb leaves so now and then), and what comes then is text: a C in it asks
   * for nothing.
   *
   * @throws TransferEnd `garbage` at the first text, for the caller to leave it unread
   */
  protected async deliverLast(frame: Uint8Array): Promise<void> {
    for (let sending = 1; sending <= MAX_SENDINGS; sending += 1) {
      const deadline = new Deadline(this.blockWithinMs + this.channel.transmitMs(frame.length));
      this.#strayBytes = 0;
      await this.channel.write(frame);
      this.lastSentAtMs = monotonicMs();
      let reply: Reply;
      do reply = await this.reply(deadline, true);
      while (reply === 'request' && !(await this.#quietBehindRequest()));
      if (reply === 'ack' || reply === 'none') return;
    }
  }

  /** True for ACK, false when the frame must be sent again. */
  async #acknowledged(frameBytes: number, what: string, requestMeansLost: boolean): Promise<boolean> {
    let deadline = new Deadline(this.blockWithinMs + this.channel.transmitMs(frameBytes));
    for (let asked = false; ;) {
      const reply = await this.reply(deadline);
      if (reply === 'ack') return true;
      if (reply === 'nak') return false;
      if (reply === 'none' && asked) return false;
      if (reply === 'none') throw this.silence(`to acknowledge ${what}`);
      if (reply === 'request' && requestMeansLost && !asked) {
        asked = true;
        deadline = new Deadline(Math.min(CROSSING_MS, deadline.leftMs));
      }
    }
  }

  /** The next reply; bytes that are none are counted and passed over, or end the transfer. */
  protected async reply(deadline: Deadline, endsAtText = false): Promise<Reply> {
    for (let cancels = 0; ;) {
      const byte = await this.channel.read(deadline.leftMs);
      if (byte === undefined) {
        this.#checkStopped(); // only now: what had come before the stop still counts
        return 'none';
      }
      cancels = byte === CONTROL.CAN ? cancels + 1 : 0;
      if (cancels === 2)
        throw new TransferEnd('refused', `cancelled by the receiver (CAN CAN)${this.progress()}`);
      if (byte === CONTROL.ACK) return 'ack';
      if (byte === CONTROL.NAK) return 'nak';
      if (byte === CONTROL.C) return 'request';
      if (byte === CONTROL.CAN || LINE_ENDINGS.has(byte)) continue;
      this.#strayBytes += 1;
      if (endsAtText) throw new TransferEnd('garbage', `text came${this.progress()}`);
    }
  }

  /**
   * Waits for C with silence behind it, so that a C in the device's text does not start a transfer.
   *
   * @throws TransferEnd `silent` or `garbage` at the deadline; with `endsAtText` `garbage` at the first text
   */
  protected async awaitRequest(purpose: string, withinMs: number, endsAtText = false): Promise<void> {
    const deadline = new Deadline(withinMs);
    for (;;) {
      const reply = await this.reply(deadline, endsAtText);
      if (reply === 'none') throw this.silence(purpose);
      if (reply === 'request' && (await this.#quietBehindRequest())) return;
    }
  }

  /** True when nothing but more C follows within a moment. */
  async #quietBehindRequest(): Promise<boolean> {
    for (;;) {
      const position = this.channel.position();
      const byte = await this.channel.read(REQUEST_QUIET_MS);
      if (byte === undefined) {
        this.#checkStopped();
        return true;
      }
      if (byte === CONTROL.C) continue;
      this.channel.rewind(position);
      return false;
    }
  }

  #checkStopped(): void {
    if (this.channel.stopped()) throw new TransferEnd('closed', `stopped${this.progress()}`);
  }

  protected silence(purpose: string): TransferEnd {
    const withinMs = this.blockWithinMs;
    if (this.#strayBytes > 0) {
      const what = `${this.#strayBytes} bytes came that are no YMODEM`;
      return new TransferEnd(
        'garbage',
        `${what} in place of the receiver ${purpose} within ${withinMs} ms${this.progress()}`,
      );
    }
    return new TransferEnd(
      'silent',
      `nothing from the receiver ${purpose} within ${withinMs} ms${this.progress()}`,
    );
  }

  protected progress(): string {
    return ` after ${this.acknowledgedBytes} of ${this.#totalBytes} bytes`;
  }
}
