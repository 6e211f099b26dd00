/** Follows the message boundaries of an OPC UA TCP byte stream without interpreting (or decrypting) anything else. */

/** Status code and text of an ERR message: the server's last word before it closes a connection. */
export interface ErrorMessage {
  statusCode: number;
  reason: string;
}

/**
 * Byte offsets from the start of a message; integers little-endian.
 *
 * Source: OPC 10000-6 v1.05, 7.1.2.2 (header: type, chunk type, size) and 7.1.2.5 (ERR: error, reason).
 */
const offsets = {
  type: 0,
  chunkType: 3,
  messageSize: 4,
  headerEnd: 8,
  error: 8,
  reasonLength: 12,
  reason: 16,
} as const;
/** What a server may send (7.1.2.2 and 6.7.2.2); RHE opens reverse connections and has no place here. */
const serverTypes = new Set(['ACK', 'ERR', 'OPN', 'MSG', 'CLO']);
/** An ERR message holds a status code and at most 4096 bytes of text (7.1.2.5). */
const longestErrorBytes = offsets.reason + 4096;

/** Feed it what a server sends; it counts messages by type and keeps the ERR message. */
export class MessageScanner {
  /** Messages that began, in order of arrival, by type. */
  readonly types: string[] = [];
  errorMessage: ErrorMessage | undefined;
  /** True once a message began with bytes that no server may send; nothing is followed from there on. */
  garbage = false;
  #header = Buffer.alloc(0);
  #bodyBytesLeft = 0;
  #error: Buffer[] | undefined;

  feed(bytes: Uint8Array): void {
    let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    while (rest.length > 0 && !this.garbage) {
      rest = this.#bodyBytesLeft > 0 ? this.#feedBody(rest) : this.#feedHeader(rest);
    }
  }

  #feedHeader(bytes: Buffer): Buffer {
    const missing = offsets.headerEnd - this.#header.length;
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
    if (this.#header.length < offsets.headerEnd) return Buffer.alloc(0);
    const type = this.#header.toString('latin1', offsets.type, offsets.chunkType);
    const size = this.#header.readUInt32LE(offsets.messageSize);
    if (!serverTypes.has(type) || size < offsets.headerEnd) {
      this.garbage = true;
      return Buffer.alloc(0);
    }
    this.types.push(type);
    this.#bodyBytesLeft = size - offsets.headerEnd;
    this.#error = type === 'ERR' && size <= longestErrorBytes ? [this.#header] : undefined;
    this.#header = Buffer.alloc(0);
    return bytes.subarray(missing);
  }

  #feedBody(bytes: Buffer): Buffer {
    const body = bytes.subarray(0, this.#bodyBytesLeft);
    this.#bodyBytesLeft -= body.length;
    this.#error?.push(body);
    if (this.#bodyBytesLeft === 0 && this.#error !== undefined) {
      this.errorMessage ??= readErrorMessage(Buffer.concat(this.#error));
    }
    return bytes.subarray(body.length);
  }
}

function readErrorMessage(message: Buffer): ErrorMessage | undefined {
  if (message.length < offsets.reason) return undefined;
  const reasonBytes = Math.max(0, message.readInt32LE(offsets.reasonLength)); // −1 is a null string
  return {
    statusCode: message.readUInt32LE(offsets.error),
    reason: message.toString('utf8', offsets.reason, offsets.reason + reasonBytes),
  };
}

/** A scanner that has seen the given bytes, which must begin with a message. */
export function scan(bytes: Uint8Array): MessageScanner {
  const scanner = new MessageScanner();
  scanner.feed(bytes);
  return scanner;
}
