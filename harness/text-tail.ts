import { StringDecoder } from 'node:string_decoder';

/** The end of a text, kept for error messages. */
export class TextTail {
  readonly #maxChars: number;
  readonly #decoder = new StringDecoder('utf8');
  text = '';

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  push(chunk: Buffer): void {
    this.text = (this.text + this.#decoder.write(chunk)).slice(-this.#maxChars);
  }

  /** The last line that is not empty. */
  lastLine(): string {
    const lines = this.text.split(/\r?\n/).filter((line) => line.trim() !== '');
    return lines.at(-1) ?? '';
  }
}
