/**
 * RTU: unit, PDU and CRC, with nothing to mark the end but silence, which neither a USB adapter nor a TCP connection
 * keeps. So the end is derived from the function code. Only where the function does not tell (a maker's own) a
 * fitting CRC followed by a gap is taken for the end.
 *
 * Source: MODBUS over Serial Line V1.02, section 2.5.1
 */

import { FrameError } from '../../../harness/errors.ts';
import { type Exchange } from '../exchange.ts';
import { answerLength, crcFits, CRC_BYTES, encodeRtu, RTU_MAX_BYTES, UNIT_BYTES } from '../frames.ts';
import { FUNCTION } from '../functions.ts';
import { type FrameSink, type Framing } from './framing.ts';

const MIN_FRAME_BYTES = UNIT_BYTES + 1 + CRC_BYTES;

export class RtuFraming implements Framing {
  readonly matchesById = false;
  readonly overheadBytes = UNIT_BYTES + CRC_BYTES;
  readonly #sink: FrameSink;
  readonly #gapMs: number;
  readonly #buffer = Buffer.alloc(2 * RTU_MAX_BYTES);
  #length = 0;
  #announced: number | undefined;
  #gap: NodeJS.Timeout | undefined;

  /** @param gapMs silence that ends a frame of a function whose length is not known */
  constructor(sink: FrameSink, gapMs: number) {
    this.#sink = sink;
    this.#gapMs = gapMs;
  }

  get partialBytes(): number {
    return this.#length;
  }

  get announcedBytes(): number | undefined {
    return this.#announced;
  }

  encode(exchange: Exchange): Buffer {
    return encodeRtu(exchange.unit, exchange.pdu);
  }

  receive(chunk: Buffer, asked: Exchange | undefined): void {
    clearTimeout(this.#gap);
    if (asked === undefined) {
      this.#drop(chunk.length, 'without a request');
      return;
    }
    const room = this.#buffer.length - this.#length;
    chunk.copy(this.#buffer, this.#length, 0, Math.min(room, chunk.length));
    this.#length += Math.min(room, chunk.length);
    if (chunk.length > room)
      this.#break('overlong', `more than ${this.#buffer.length} bytes without a frame`);
    else this.#scan(asked);
  }

  reset(): void {
    clearTimeout(this.#gap);
    this.#length = 0;
    this.#announced = undefined;
  }

  #scan(asked: Exchange): void {
    const length = answerLength(this.#buffer, UNIT_BYTES, this.#length, asked.pdu);
    if (typeof length === 'number') {
      this.#announced = UNIT_BYTES + length + CRC_BYTES;
      if (this.#length >= this.#announced) {
        this.#end(this.#announced, asked);
        return;
      }
      if (!this.#mayAnnounceTooMuch()) {
        if (this.#announced > RTU_MAX_BYTES) {
          this.#break(
            'overlong',
            `a count that means ${this.#announced} bytes, at most ${RTU_MAX_BYTES} are allowed`,
          );
        }
        return;
      }
    }
    if (this.#length >= MIN_FRAME_BYTES && crcFits(this.#buffer, this.#length)) {
      this.#gap = setTimeout(() => this.#end(this.#length, asked), this.#gapMs);
    }
  }

  /**
   * Some devices count the identification objects of all parts in each part, as the example of V1.1b3 section 6.21
   * does: there, too, a fitting CRC and a gap decide.
   */
  #mayAnnounceTooMuch(): boolean {
    return this.#buffer[UNIT_BYTES] === FUNCTION.encapsulated;
  }

  #end(frameBytes: number, asked: Exchange): void {
    if (!crcFits(this.#buffer, frameBytes)) {
      const covered = frameBytes - CRC_BYTES;
      const came = this.#buffer.readUInt16LE(covered).toString(16).padStart(4, '0');
      this.#break('wrong-crc', `wrong CRC ${came} over ${covered} bytes`);
      return;
    }
    // A copy: the rest of the buffer moves to the front before anybody reads the frame.
    const frame = Buffer.from(this.#buffer.subarray(0, frameBytes - CRC_BYTES));
    this.#buffer.copy(this.#buffer, 0, frameBytes, this.#length);
    this.#length -= frameBytes;
    this.#announced = undefined;
    const more = this.#sink.frame(undefined, frame);
    if (this.#length === 0) return;
    // Behind a foreign unit's frame, or a late one, the answer may follow at once; behind the answer nothing may.
    if (more) this.#scan(asked);
    else this.#drop(this.#length, 'after the answer');
  }

  #drop(bytes: number, when: string): void {
    this.reset();
    this.#sink.discarded(`${bytes} bytes ${when} discarded`);
  }

  #break(code: string, why: string): void {
    const came = this.#buffer.toString('hex', 0, Math.min(this.#length, 32));
    const bytes = this.#length;
    this.reset();
    this.#sink.broken(
      new FrameError(code, `RTU answer has ${why}`, {
        data: { bytes, startsWith: came },
        hint: 'Check baud rate and parity, termination of the line, and that no second master is on it.',
      }),
    );
  }
}
