/** Write-once bits: a counter that can only rise, one bit per step, never erased. */

import { closeSync, openSync, readSync, writeSync, writeFileSync } from 'node:fs';

export const OTP_BYTES = 128;
/** The highest value that the area can hold. */
export const OTP_CAPACITY = OTP_BYTES * 8;

export class OtpCounter {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** A new part with `value` bits burnt at the factory. */
  static manufacture(path: string, value: number): void {
    writeFileSync(path, Buffer.alloc(OTP_BYTES, 0xff));
    new OtpCounter(path).raiseTo(value);
  }

  /** The number of bits burnt, counted from the first. */
  get value(): number {
    const fd = openSync(this.#path, 'r');
    try {
      const cells = Buffer.alloc(OTP_BYTES, 0xff);
      readSync(fd, cells, 0, OTP_BYTES, 0);
      let count = 0;
      while (count < OTP_CAPACITY && !bitAt(cells, count)) count += 1;
      return count;
    } finally {
      closeSync(fd);
    }
  }

  /** Burns bit after bit up to `value`; a cut between two leaves a lower value, never a higher one. */
  raiseTo(value: number): void {
    if (value > OTP_CAPACITY)
      throw new RangeError(`otp: ${value} is more than the ${OTP_CAPACITY} bits it has`);
    const fd = openSync(this.#path, 'r+');
    try {
      const cells = Buffer.alloc(OTP_BYTES, 0xff);
      readSync(fd, cells, 0, OTP_BYTES, 0);
      for (let bit = 0; bit < value; bit += 1) {
        if (!bitAt(cells, bit)) continue;
        const index = bit >> 3;
        cells[index] = (cells[index] ?? 0xff) & ~(1 << (bit & 7));
        writeSync(fd, cells, index, 1, index);
      }
    } finally {
      closeSync(fd);
    }
  }
}

/** True while the bit is not burnt. */
function bitAt(cells: Buffer, bit: number): boolean {
  return (((cells[bit >> 3] ?? 0xff) >> (bit & 7)) & 1) === 1;
}
