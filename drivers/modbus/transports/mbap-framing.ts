/** Modbus TCP: frames after their MBAP header. Source: Messaging Implementation Guide V1.0b, section 3.1.3 */

import { FrameError } from '../../../harness/errors.ts';
import { type Exchange } from '../exchange.ts';
import {
  encodeTcp,
  mbap,
  MBAP_MAX_LENGTH,
  MBAP_MIN_LENGTH,
  MBAP_PREFIX_BYTES,
  UNIT_BYTES,
} from '../frames.ts';
import { type FrameSink, type Framing } from './framing.ts';

const nothing = Buffer.alloc(0);

export class MbapFraming implements Framing {
  readonly matchesById = true;
  readonly overheadBytes = MBAP_PREFIX_BYTES + UNIT_BYTES;
  readonly #sink: FrameSink;
  #begun: Buffer = nothing;
  /** Raised by `reset`, so that a loop over a chunk notices that the link went while it delivered. */
  #age = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  get partialBytes(): number {
    return this.#begun.length;
  }

  get announcedBytes(): number | undefined {
    if (this.#begun.length < MBAP_PREFIX_BYTES) return undefined;
    return MBAP_PREFIX_BYTES + this.#begun.readUInt16BE(mbap.offsets.length);
  }

  encode(exchange: Exchange): Buffer {
    return encodeTcp(exchange.id, exchange.unit, exchange.pdu);
  }

  receive(chunk: Buffer): void {
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = nothing;
    const age = this.#age;
    let at = 0;
    while (bytes.length - at >= MBAP_PREFIX_BYTES) {
      const length = bytes.readUInt16BE(at + mbap.offsets.length);
      const protocol = bytes.readUInt16BE(at + mbap.offsets.protocol);
      if (protocol !== 0 || length < MBAP_MIN_LENGTH || length > MBAP_MAX_LENGTH) {
        this.#sink.broken(badHeader(bytes.readUInt16BE(at), protocol, length));
        return;
      }
      const end = at + MBAP_PREFIX_BYTES + length;
      if (end > bytes.length) break;
      this.#sink.frame(bytes.readUInt16BE(at), bytes.subarray(at + MBAP_PREFIX_BYTES, end));
      if (age !== this.#age) return;
      at = end;
    }
    if (at < bytes.length) this.#begun = bytes.subarray(at);
  }

  reset(): void {
    this.#begun = nothing;
    this.#age += 1;
  }
}

function badHeader(transaction: number, protocol: number, length: number): FrameError {
  const why =
    protocol !== 0
      ? `protocol id ${protocol}, must be 0`
      : `length ${length}, allowed ${MBAP_MIN_LENGTH} to ${MBAP_MAX_LENGTH}`;
  return new FrameError('bad-mbap-header', `MBAP header of transaction ${transaction} has ${why}`, {
    data: { transaction, protocol, length },
    hint: 'Is this port Modbus TCP, or RTU over TCP? The connection is given up, because its frames are out of step.',
  });
}
