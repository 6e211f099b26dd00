/** How frames lie in the byte stream: MBAP or RTU. */

import { type FrameError } from '../../../harness/errors.ts';
import { type Exchange } from '../exchange.ts';

/** Where a framing delivers what it found. */
export interface FrameSink {
  /**
   * A whole frame. `id` is undefined where the framing carries none. The bytes are a view, valid during the call.
   *
   * @returns whether an answer is still waited for behind it
   */
  frame(id: number | undefined, unitAndPdu: Buffer): boolean;
  /** The stream cannot be read on from here. */
  broken(error: FrameError): void;
  /** Bytes that belong to nothing were thrown away: a sentence for the record. */
  discarded(what: string): void;
}

export interface Framing {
  /** True where an answer names its request, so that several may be on their way. */
  readonly matchesById: boolean;
  /** Bytes of a frame beside its PDU. */
  readonly overheadBytes: number;
  /** Bytes of a frame that has begun and not ended. */
  readonly partialBytes: number;
  /** Bytes that the begun frame itself announces, once that can be told. */
  readonly announcedBytes: number | undefined;
  encode(exchange: Exchange): Buffer;
  /** Takes bytes from the wire; `asked` is the request in flight where there can be only one. */
  receive(chunk: Buffer, asked: Exchange | undefined): void;
  /** Forgets a frame that has begun: the link is new, or the line was found out of step. */
  reset(): void;
}
