/** Text of a child process, cut into lines, with bounds. */

import { StringDecoder } from 'node:string_decoder';

/** Calls back for every complete line, without its ending. A line beyond the bound is given in pieces. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #maxChars: number;
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(maxChars: number, onLine: (line: string) => void) {
    this.#maxChars = maxChars;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    this.#rest += this.#decoder.write(chunk);
    const lines = this.#rest.split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
    if (this.#rest.length > this.#maxChars) {
      this.#onLine(this.#rest);
      this.#rest = '';
    }
  }
}
