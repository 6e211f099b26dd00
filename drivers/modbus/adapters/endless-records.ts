/** Transfers by file records that do not come to their end. */

import { type Answer, type EndlessKind, type EndlessTransfer } from '../../../harness/capabilities.ts';
import { Deadline, monotonicMs, pause } from '../../../harness/clock.ts';
import { BenchError, DeviceException, TimeoutError } from '../../../harness/errors.ts';
import { awaitOutcome, isBusy, readOne, readReason, statusFailed } from './common.ts';
import { pieces, RecordTransfer, type Piece } from './record-transfer.ts';
import { type FileRecordsSettings } from './settings.ts';

/** A transfer whose size is announced has an end; behind it nothing is sent. */
export function endlessBy({ sizeRegister }: FileRecordsSettings): readonly EndlessKind[] {
  return sizeRegister === undefined ? ['stalls', 'never-ends'] : ['stalls'];
}

/**
 * `silent` means that the device has shown, by taking one more record, that the transfer was still open when its time
 * was over; it is then ended by writing the end value. Of an end without a word no time is known: `elapsedMs` is then
 * the lower bound, 0.
 */
export class EndlessRecords extends RecordTransfer {
  /** @throws TimeoutError when the device does not say whether it still takes records */
  async run(transfer: EndlessTransfer): Promise<Answer> {
    const stalls = transfer.kind === 'stalls';
    const answer = await (stalls ? this.#stall(transfer) : this.#goOn(transfer));
    if (answer.kind === 'silent') await this.#giveUp();
    return this.delivered(answer, stalls ? this.image.bytes.length : transfer.bytes);
  }

  /** Announces the whole image, sends a part, and then only looks at the status. */
  async #stall({ bytes, withinMs }: EndlessTransfer): Promise<Answer> {
    const parts = [...pieces(this.image.bytes, this.settings)];
    const next = parts.find((_piece, index) => (parts[index - 1]?.bytesDone ?? 0) >= bytes) ?? parts.at(-1);
    try {
      await this.begin();
      for (const piece of parts.slice(0, parts.indexOf(next!))) await this.sendPiece(piece);
    } catch (error) {
      return this.#brokenOff(error);
    }
    const sinceMs = monotonicMs();
    const seen = await this.#endSeen(sinceMs, withinMs).catch((error: unknown) =>
      statusFailed(error, sinceMs),
    );
    return seen ?? this.#probe(next!, sinceMs);
  }

  async #goOn({ bytes }: EndlessTransfer): Promise<Answer> {
    const startMs = monotonicMs();
    try {
      await this.begin();
      for (const piece of pieces(this.image.bytes, this.settings, bytes)) await this.sendPiece(piece);
    } catch (error) {
      return this.#brokenOff(error);
    }
    const reason = `the device took ${this.acknowledgedBytes} bytes, and more`;
    return { kind: 'silent', reason, elapsedMs: monotonicMs() - startMs };
  }

  /** A lost reply shows neither that the device ended the transfer nor that it did not. */
  async #brokenOff(error: unknown): Promise<Answer> {
    if (error instanceof TimeoutError) throw error;
    return this.broken(error);
  }

  #status(): Promise<number> {
    const { statusTable, statusRegister } = this.settings;
    return readOne(this.registers, statusTable, statusRegister);
  }

  /** Looks at the status until it is another one than that of a transfer under way; undefined when it never was. */
  async #endSeen(sinceMs: number, withinMs: number): Promise<Answer | undefined> {
    const underWay = await this.#status();
    for (const deadline = new Deadline(withinMs); !deadline.passed;) {
      await pause(Math.min(this.settings.everyMs, deadline.leftMs));
      const status = await this.#status().catch((error: unknown) => {
        if (error instanceof TimeoutError || isBusy(error)) return underWay; // no news
        throw error;
      });
      if (status === underWay) continue;
      const elapsedMs = monotonicMs() - sinceMs;
      if (status !== this.settings.refusedValue)
        return { kind: 'closed', reason: `the status went from ${underWay} to ${status}`, elapsedMs };
      const reason = (await readReason(this.registers, this.wanted())) ?? `status ${status}`;
      return { kind: 'refused', reason, stage: 'transfer', elapsedMs };
    }
    return undefined;
  }

  /** One more record: taken, the transfer is still open; refused, it has ended, whatever the status said. */
  async #probe(next: Piece, sinceMs: number): Promise<Answer> {
    const waitedMs = monotonicMs() - sinceMs;
    try {
      await this.sendPiece(next);
    } catch (error) {
      if (!(error instanceof DeviceException) || isBusy(error)) throw error;
      const reason = `ended without a word within ${waitedMs.toFixed(0)} ms: ${String(error.data['name'])}`;
      return { kind: 'closed', reason, elapsedMs: 0 };
    }
    return {
      kind: 'silent',
      reason: `took one more record after ${waitedMs.toFixed(0)} ms`,
      elapsedMs: waitedMs,
    };
  }

  /** What has come so far is no image: the device refuses it, and is free for the next. */
  async #giveUp(): Promise<void> {
    try {
      await this.end();
      await awaitOutcome(this.registers, this.wanted(), monotonicMs());
    } catch (error) {
      if (!(error instanceof BenchError)) throw error; // the answer stands; whether the device is free shows later
    } finally {
      this.complete = false;
    }
  }
}
