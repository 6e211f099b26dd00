/** Where a protocol message ends: the only thing that the tap knows of what runs over it. */

export type Framing = 'none' | 'opcua' | 'modbus-tcp';

/** How a header tells the length of its message. */
interface LengthRule {
  /** Bytes needed before the length can be read. */
  headerBytes: number;
  /** Length of the whole message, header included. */
  messageBytes(header: Buffer): number;
  leastBytes: number;
  mostBytes: number;
}

const rules: Readonly<Record<Exclude<Framing, 'none'>, LengthRule>> = {
  // OPC 10000-6 (1.05) 7.1.2.2: MessageType 3 bytes, chunk type 1 byte, MessageSize u32 little-endian, header included.
  opcua: {
    headerBytes: 8,
    messageBytes: (header) => header.readUInt32LE(4),
    leastBytes: 8,
    mostBytes: 16 * 1024 * 1024,
  },
  // Modbus Messaging on TCP/IP V1.0b 3.1.3: length u16 big-endian at 4 counts what follows it: unit id and PDU.
  'modbus-tcp': {
    headerBytes: 6,
    messageBytes: (header) => 6 + header.readUInt16BE(4),
    leastBytes: 8,
    mostBytes: 6 + 65_535,
  },
};

/**
 * Cuts one direction of a connection into messages, beside the bytes' way, never in it.
 * A length that the protocol cannot have ends the cutting: `broken` is set and the rest is given as it comes.
 */
export class MessageCutter {
  readonly #rule: LengthRule;
  #pending = Buffer.alloc(0);
  /** What was wrong with the length, once it was. */
  broken: string | undefined;

  constructor(framing: Exclude<Framing, 'none'>) {
    this.#rule = rules[framing];
  }

  /** True when all bytes so far are whole messages: here, and only here, another message may be put in. */
  get atBoundary(): boolean {
    return this.#pending.length === 0;
  }

  /** Whole messages that these bytes complete, in order. */
  push(bytes: Uint8Array): Buffer[] {
    if (this.broken !== undefined) return [Buffer.from(bytes)];
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const messages: Buffer[] = [];
    while (this.#pending.length >= this.#rule.headerBytes) {
      const messageBytes = this.#rule.messageBytes(this.#pending);
      if (messageBytes < this.#rule.leastBytes || messageBytes > this.#rule.mostBytes) {
        this.broken = `a message length of ${messageBytes} bytes (${this.#rule.leastBytes} to ${this.#rule.mostBytes} are possible)`;
        return [...messages, ...this.rest()];
      }
      if (this.#pending.length < messageBytes) break;
      messages.push(this.#pending.subarray(0, messageBytes));
      this.#pending = this.#pending.subarray(messageBytes);
    }
    return messages;
  }

  /** What is left of an unfinished message, at the connection's end. */
  rest(): Buffer[] {
    const left = this.#pending;
    this.#pending = Buffer.alloc(0);
    return left.length === 0 ? [] : [left];
  }
}
