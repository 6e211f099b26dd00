/**
 * The sending side of YMODEM: batch of one file, 1K blocks, CRC-16.
 *
 * Source: C. Forsberg, XMODEM/YMODEM Protocol Reference, 14 October 1988, sections 4, 5 and 7.
 */

import type { Answer } from '../../harness/capabilities.ts';
import { CONTROL, endOfBatchBlock, headerBlock } from './ymodem-frames.ts';
import { endOf, TransferEnd, YmodemSession, type YmodemChannel, type YmodemTimes } from './ymodem-session.ts';

/** How long to wait for the request of the next file of the batch, and for its last word, where receivers differ. */
const LAST_WORDS_WITHIN_MS = 3000;

/**
 * Sends one file. The answer is `accepted` when the receiver acknowledged the end, `refused` when it cancelled,
 * `silent` at a deadline, `garbage` when what came was no YMODEM, `closed` when the transfer was stopped from our side.
 *
 * @throws DriverError when the name does not fit; PortError when the wire dies
 */
export async function sendYmodem(
  channel: YmodemChannel,
  file: { name: string; bytes: Uint8Array },
  times: YmodemTimes,
): Promise<Answer> {
  const header = headerBlock(file.name, file.bytes.length);
  const transfer = new Transfer(channel, times, file.bytes.length);
  const end = await endOf(() => transfer.run(header, file.bytes));
  await transfer.tellReceiver(end);
  return transfer.answer(end);
}

/** A whole file, and the end of the batch. */
class Transfer extends YmodemSession {
  async run(header: Buffer, file: Uint8Array): Promise<TransferEnd> {
    await this.begin(header);
    await this.deliverFile(file);
    await this.deliver(Uint8Array.of(CONTROL.EOT), 'EOT', false);
    this.complete = true;
    await this.#endBatch();
    return new TransferEnd('accepted', '');
  }

  /**
   * Offers the null header that ends the batch. A receiver that took one file and went back to its command line
   * asks for none; what it says instead is left to be read.
   */
  async #endBatch(): Promise<void> {
    const position = this.channel.position();
    const withinMs = Math.min(LAST_WORDS_WITHIN_MS, this.blockWithinMs);
    try {
      await this.awaitRequest('to ask for the next file', withinMs);
      await this.deliverLast(endOfBatchBlock(), withinMs);
    } catch (error) {
      if (!(error instanceof TransferEnd) || error.kind === 'refused' || error.kind === 'closed') throw error;
      this.channel.rewind(position);
    }
  }
}
