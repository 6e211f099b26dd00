/**
 * Sequence numbers of the secure channel: the one place where the module looks below node-opcua's public interface.
 *
 * A receiver shall close the channel when a chunk's number is not its predecessor's plus one, so that a repeated
 * chunk is never acted on. Source: OPC 10000-6, 1.05, 6.7.2.4 (Sequence Header).
 *
 * node-opcua 2.182.2 does close it (node-opcua-secure-channel, dist/source/message_builder.js:273
 * `#validateSequenceNumber`, then server/server_secure_channel_layer.js:670). The guard reports it, and for the
 * defect `opcua-accepts-repeated-sequence` gives a repeated chunk the next number before it is looked at.
 */

import { type MessageBuilder, type SecureChannelParts, type SequenceHeader } from './node-opcua.ts';

export interface SequenceGuard {
  /** The defect: a repeated chunk is taken for a new one. */
  acceptRepeated: boolean;
  /** A channel is being closed over this number. */
  onRefused: (text: string, expected: number, got: number) => void;
}

/** Watches every secure channel that this process opens from now on. */
export function guardSequenceNumbers(parts: SecureChannelParts, guard: SequenceGuard): void {
  const watched = new WeakMap<MessageBuilder, Renumbering>();
  const builder = parts.MessageBuilder.prototype;
  const header = parts.SequenceHeader.prototype;
  const readHeaders = Reflect.get<MessageBuilder, '_read_headersEx'>(builder, '_read_headersEx');
  const decode = Reflect.get<SequenceHeader, 'decode'>(header, 'decode');
  let current: Renumbering | null = null;

  builder._read_headersEx = function (stream) {
    let renumbering = watched.get(this);
    if (renumbering === undefined) {
      renumbering = new Renumbering();
      watched.set(this, renumbering);
      this.on('invalid_sequence_number', (expected, got) =>
        guard.onRefused(describe(expected, got), expected, got),
      );
    }
    current = renumbering;
    try {
      // Synchronous: only a key held elsewhere (HSM) would make it a promise, and this module's key is a file.
      return Reflect.apply(readHeaders, this, [stream]);
    } finally {
      current = null;
    }
  };

  if (!guard.acceptRepeated) return;
  header.decode = function (stream) {
    Reflect.apply(decode, this, [stream]);
    if (current !== null) this.sequenceNumber = current.next(this.sequenceNumber);
  };
}

function describe(expected: number, got: number): string {
  return got < expected ? 'repeated sequence number' : 'sequence number out of order';
}

/** Numbers as the faulty device counts them: a repeated chunk gets the next one, a gap stays a gap. */
export class Renumbering {
  #wire: number | null = null;
  #counted = 0;

  /** @param wire The number in the chunk. */
  next(wire: number): number {
    if (this.#wire === null) this.#counted = wire;
    else if (wire <= this.#wire) return (this.#counted += 1);
    else this.#counted += wire - this.#wire;
    this.#wire = wire;
    return this.#counted;
  }
}
