/** Lines out of a byte stream: ReadlineParser of serialport, with the bound that it lacks. */

import { ReadlineParser } from '@serialport/parser-readline';

/** One line as it came. */
export interface RawLine {
  /** The line without its ending; bytes that are not UTF-8 appear as U+FFFD. */
  text: string;
  /** Byte positions in the stream: first byte of the line, and behind its ending. */
  start: number;
  end: number;
  /** True for a piece of a line that was longer than the bound; its rest follows as the next line. */
  cut: boolean;
}

/**
 * Splits at LF (CRLF leaves no CR behind) or at CR.
 *
 * ReadlineParser buffers without limit until a delimiter comes, and copies what it holds at every chunk: a
 * device that sends noise without a line end would take all memory and quadratic time. Here a line that reaches
 * `maxLineBytes` is handed on in pieces, each marked as cut: nothing is lost, and nothing grows.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #delimiter: Buffer;
  readonly #parser: ReadlineParser;
  /** Bytes of the line that has not ended. */
  #pending = 0;
  #position: number;

  constructor(options: { maxLineBytes: number; delimiter: '\n' | '\r'; position?: number }) {
    this.#maxLineBytes = options.maxLineBytes;
    this.#delimiter = Buffer.from(options.delimiter);
    this.#position = options.position ?? 0;
    // Without includeDelimiter the parser swallows empty lines; latin1 keeps one character per byte, so that
    // positions can be counted; object mode gives one line per read.
    this.#parser = new ReadlineParser({
      delimiter: this.#delimiter,
      includeDelimiter: true,
      encoding: 'latin1',
      readableObjectMode: true,
      readableHighWaterMark: 1 << 20,
    });
  }

  /** Position at which the unfinished line starts. */
  get lineStart(): number {
    return this.#position;
  }

  /** Lines that these bytes complete, in order. */
  push(chunk: Uint8Array): RawLine[] {
    const lines: RawLine[] = [];
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    while (rest.length > 0) {
      const room = this.#maxLineBytes - this.#pending;
      const end = rest.subarray(0, room + 1).indexOf(this.#delimiter);
      const take = end >= 0 ? end + 1 : Math.min(room, rest.length);
      const cut = end < 0 && take === room;
      this.#parser.write(rest.subarray(0, take));
      this.#pending = end >= 0 ? 0 : this.#pending + take;
      if (cut) this.#parser.write(this.#delimiter); // ends the piece; not a byte of the stream
      rest = rest.subarray(take);
      this.#drain(cut, lines);
    }
    return lines;
  }

  /** Ends the unfinished line as a cut piece: nothing more of it will come. */
  end(): RawLine[] {
    const lines: RawLine[] = [];
    if (this.#pending > 0) {
      this.#parser.write(this.#delimiter);
      this.#drain(true, lines);
    }
    return lines;
  }

  #drain(cut: boolean, lines: RawLine[]): void {
    for (let line = this.#read(); line !== null; line = this.#read()) {
      const bytes = Buffer.from(cut ? line.slice(0, -1) : line, 'latin1');
      const start = this.#position;
      this.#position += bytes.length;
      if (cut) this.#pending = 0;
      const text = bytes.toString('utf8');
      lines.push({ text: cut ? text : text.replace(/[\r\n]+$/, ''), start, end: this.#position, cut });
    }
  }

  #read(): string | null {
    return this.#parser.read() as string | null;
  }
}
