/**
 * NOR flash in a file: erased bytes are 0xFF, programming only clears bits, erasing works on whole blocks.
 *
 * Every operation is done in small steps with a tiny pause between them, so that a power cut (SIGKILL of the
 * process) finds it half done, as it would find a chip.
 */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';

export const BLOCK_BYTES = 4096;
export const PAGE_BYTES = 256;
/** A page is programmed in four steps, a block erased in four. */
const PROGRAM_STEP_BYTES = PAGE_BYTES / 4;
const ERASE_STEP_BYTES = BLOCK_BYTES / 4;

/** The chip: start and size of each region, in bytes. */
export const LAYOUT = {
  primary: { start: 0x00000, bytes: 0x10000 },
  secondary: { start: 0x10000, bytes: 0x10000 },
  scratch: { start: 0x20000, bytes: BLOCK_BYTES },
  progress: { start: 0x21000, bytes: BLOCK_BYTES },
  bootRecords: { start: 0x22000, bytes: 2 * BLOCK_BYTES },
  configuration: { start: 0x24000, bytes: 2 * BLOCK_BYTES },
  commandJournal: { start: 0x26000, bytes: 2 * BLOCK_BYTES },
  packageRecords: { start: 0x28000, bytes: 2 * BLOCK_BYTES },
} as const;
export const FLASH_BYTES = 0x2a000;
export const SLOT_BYTES = LAYOUT.primary.bytes;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** About 0.1 ms on an ordinary Linux: swapping two images of 24 KiB takes some 0.15 s. */
function pauseBetweenSteps(): void {
  Atomics.wait(sleeper, 0, 0, 0.02);
}

export class Flash {
  readonly #fd: number;
  readonly #beforeStep: () => void;

  /**
   * @param path the chip's file, FLASH_BYTES long
   * @param beforeStep called before each step; a test that throws here has cut the power
   */
  constructor(path: string, beforeStep: () => void = pauseBetweenSteps) {
    this.#fd = openSync(path, 'r+');
    this.#beforeStep = beforeStep;
  }

  read(address: number, bytes: number): Buffer {
    const result = Buffer.alloc(bytes, 0xff);
    readSync(this.#fd, result, 0, bytes, address);
    return result;
  }

  /** Programmes bytes: each bit becomes old AND new. */
  program(address: number, data: Uint8Array): void {
    for (let done = 0; done < data.length;) {
      const room = PROGRAM_STEP_BYTES - ((address + done) % PROGRAM_STEP_BYTES);
      const part = data.subarray(done, done + Math.min(room, data.length - done));
      const cells = this.read(address + done, part.length);
      part.forEach((byte, index) => (cells[index] = (cells[index] ?? 0xff) & byte));
      this.#step(address + done, cells);
      done += part.length;
    }
  }

  /** Erases the blocks from `address` on; both must be multiples of BLOCK_BYTES. */
  erase(address: number, bytes: number = BLOCK_BYTES): void {
    if (address % BLOCK_BYTES !== 0 || bytes % BLOCK_BYTES !== 0) {
      throw new RangeError(`flash: erase of ${bytes} bytes at ${address} is not block-aligned`);
    }
    for (let done = 0; done < bytes; done += ERASE_STEP_BYTES) {
      this.#step(address + done, Buffer.alloc(ERASE_STEP_BYTES, 0xff));
    }
  }

  /** What radiation or a soldering iron does: a byte changes against all rules. For the maintenance port. */
  corrupt(address: number, mask: number): void {
    const cell = this.read(address, 1);
    cell[0] = (cell[0] ?? 0) ^ mask;
    writeSync(this.#fd, cell, 0, 1, address);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #step(address: number, cells: Buffer): void {
    this.#beforeStep();
    writeSync(this.#fd, cells, 0, cells.length, address);
  }
}
