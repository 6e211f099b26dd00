/**
 * The sending side of YMODEM: batch of one file, 1K blocks, CRC-16.
 *
 * Source: C. Forsberg, XMODEM/YMODEM Protocol Reference, 14 October 1988, sections 4, 5 and 7.
 */

import type { Answer } from '../../harness/capabilities.ts';
import { CONTROL, endOfBatchBlock, headerBlock } from './ymodem-frames.ts';
import { endOf, TransferEnd, YmodemSession, type YmodemChannel, type YmodemTimes } from './ymodem-session.ts';

/** How long the request for the next file may still come once text has come in its place, such as a line of a log. */
const REQUEST_BEHIND_TEXT_MS = 3000;

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
    try {
      await this.#awaitNextRequest();
      await this.deliverLast(endOfBatchBlock());
    } catch (error) {
      if (!(error instanceof TransferEnd) || error.kind === 'refused' || error.kind === 'closed') throw error;
      this.channel.rewind(position);
    }
  }

  async #awaitNextRequest(): Promise<void> {
    const purpose = 'to ask for the next file';
    try {
      await this.awaitRequest(purpose, this.blockWithinMs, true);
    } catch (error) {
      if (!(error instanceof TransferEnd) || error.kind !== 'garbage') throw error;
      await this.awaitRequest(purpose, Math.min(REQUEST_BEHIND_TEXT_MS, this.blockWithinMs));
    }
  }
}
