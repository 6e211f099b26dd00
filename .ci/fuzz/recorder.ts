/**
 * The input that is being run, in a file: whoever watches the process reads it there when the process hangs or dies.
 *
 * Layout: u32 count of inputs, u32 1 while one is being run, u32 judge, u32 length, bytes; little-endian.
 */

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { FuzzInput } from './job.ts';

const headBytes = 16;

export class Recorder {
  readonly #fd: number;
  #buffer = Buffer.alloc(headBytes + 64 * 1024);
  #count = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  begin({ bytes, judge }: FuzzInput): void {
    this.#count = (this.#count + 1) >>> 0;
    if (this.#buffer.length < headBytes + bytes.length) this.#buffer = Buffer.alloc(headBytes + bytes.length);
    this.#head(1, judge, bytes.length);
    this.#buffer.set(bytes, headBytes);
    writeSync(this.#fd, this.#buffer, 0, headBytes + bytes.length, 0);
  }

  end(): void {
    this.#head(0, 0, 0);
    writeSync(this.#fd, this.#buffer, 0, headBytes, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #head(running: number, judge: number, length: number): void {
    for (const [index, value] of [this.#count, running, judge, length].entries()) {
      this.#buffer.writeUInt32LE(value, index * 4);
    }
  }
}

/** Undefined while none is being run. */
export function recorded(path: string): { count: number; input: FuzzInput } | undefined {
  const file = readFileSync(path, { flag: 'a+' });
  if (file.length < headBytes || file.readUInt32LE(4) === 0) return undefined;
  const length = file.readUInt32LE(12);
  const bytes = Uint8Array.from(file.subarray(headBytes, headBytes + length));
  return { count: file.readUInt32LE(0), input: { bytes, judge: file.readUInt32LE(8) } };
}
