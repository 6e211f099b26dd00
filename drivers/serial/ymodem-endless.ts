/**
 * YMODEM transfers that do not come to their end: the sender falls silent, or goes on for ever.
 *
 * Source: C. Forsberg, XMODEM/YMODEM Protocol Reference, 14 October 1988: a length in block 0 is optional (section 5),
 * and a receiver that hears nothing asks again every ten seconds, ten times in all (7.3.1, 7.3.2).
 */

import type { Answer, EndlessTransfer } from '../../harness/capabilities.ts';
import { Deadline, monotonicMs } from '../../harness/clock.ts';
import { block, headerBlock, LONG_BLOCK_BYTES, spoiltBlock } from './ymodem-frames.ts';
import { endOf, TransferEnd, YmodemSession, type YmodemChannel, type YmodemTimes } from './ymodem-session.ts';

/**
 * Starts a transfer that does not end.
 *
 * The answer is `refused` when the receiver cancelled, `closed` when it was gone without a word once its time was
 * over, or when the transfer was stopped from our side; `silent` when it was still there then, which it has shown;
 * it is cancelled after that. Time counts from the last acknowledgement: behind it, no byte of ours was on its way.
 * Of an end without a word only a lower bound is known, the last sign of the receiver; it is what `elapsedMs` tells.
 *
 * @throws DriverError when the name does not fit; PortError when the wire dies
 */
export async function sendYmodemEndlessly(
  channel: YmodemChannel,
  file: { name: string; bytes: Uint8Array },
  options: YmodemTimes & { endless: EndlessTransfer },
): Promise<Answer> {
  const { endless } = options;
  const stalls = endless.kind === 'stalls';
  const transfer = new Endless(channel, options, stalls ? file.bytes.length : endless.bytes);
  const end = await endOf(() => (stalls ? transfer.stall(file, endless) : transfer.goOn(file, endless)));
  if (end.kind !== 'closed') await transfer.tellReceiver(end);
  return transfer.answer(end);
}

class Endless extends YmodemSession {
  #blocks = 0;

  /** Sends a part, and then nothing more. */
  async stall(
    file: { name: string; bytes: Uint8Array },
    { bytes, withinMs }: EndlessTransfer,
  ): Promise<TransferEnd> {
    await this.begin(headerBlock(file.name, file.bytes.length));
    await this.deliverFile(file.bytes, bytes);
    return this.#awaitEnd(withinMs);
  }

  /** Announces no length, and sends the content again and again. */
  async goOn(
    file: { name: string; bytes: Uint8Array },
    { bytes, withinMs }: EndlessTransfer,
  ): Promise<TransferEnd> {
    await this.begin(headerBlock(file.name));
    while (this.acknowledgedBytes < bytes) {
      const broken = await this.#next(file.bytes);
      if (broken !== undefined) return this.#awaitEnd(withinMs);
    }
    return new TransferEnd('silent', `the receiver took ${this.acknowledgedBytes} bytes, and more`);
  }

  /** @returns why the receiver does not take the block, where it neither acknowledges nor cancels it */
  async #next(content: Uint8Array): Promise<TransferEnd | undefined> {
    const frame = block(this.#blocks + 1, around(content, this.acknowledgedBytes, LONG_BLOCK_BYTES));
    try {
      await this.deliver(frame, `block ${this.#blocks + 1}`, this.#blocks === 0);
    } catch (error) {
      const met = error instanceof TransferEnd && (error.kind === 'silent' || error.kind === 'garbage');
      if (met) return error;
      throw error;
    }
    this.#blocks += 1;
    this.acknowledgedBytes += LONG_BLOCK_BYTES;
    return undefined;
  }

  /** Says nothing until the receiver cancels, or the time is over; then finds out whether it still receives. */
  async #awaitEnd(withinMs: number): Promise<TransferEnd> {
    this.lastSentAtMs = monotonicMs();
    const from = this.lastSentAtMs;
    let lastSignMs = 0;
    for (const deadline = new Deadline(withinMs); (await this.reply(deadline)) !== 'none';) {
      lastSignMs = monotonicMs() - from;
    }
    const waitedMs = monotonicMs() - from;
    if (await this.#stillReceives()) {
      return new TransferEnd('silent', `still receiving after ${waitedMs.toFixed(0)} ms${this.progress()}`);
    }
    this.lastSentAtMs = monotonicMs() - lastSignMs;
    const between = `between ${lastSignMs.toFixed(0)} and ${waitedMs.toFixed(0)} ms`;
    return new TransferEnd('closed', `ended without a word ${between}${this.progress()}`);
  }

  /** A receiver answers a block with a wrong CRC by asking for it again; a command line does not. */
  async #stillReceives(): Promise<boolean> {
    await this.channel.write(spoiltBlock(this.#probeNumber()));
    for (const deadline = new Deadline(this.blockWithinMs); ;) {
      const reply = await this.reply(deadline).catch((error: unknown) => {
        if (error instanceof TransferEnd && error.kind === 'refused') return 'nak'; // only now: it was there
        throw error;
      });
      if (reply === 'ack' || reply === 'nak') return true;
      if (reply === 'none') return false;
    }
  }

  /** The block that comes next, unless its number would end a line where no receiver listens. */
  #probeNumber(): number {
    const next = Math.floor(this.acknowledgedBytes / LONG_BLOCK_BYTES) + 1;
    return [0x0a, 0x0d, 0xf2, 0xf5].includes(next & 0xff) ? next + 1 : next;
  }
}

/** A piece of content that begins again behind its end. */
function around(content: Uint8Array, from: number, length: number): Buffer {
  return Buffer.from(
    Uint8Array.from({ length }, (_unused, index) => content[(from + index) % content.length] ?? 0),
  );
}
