/** Reading and writing bytes with bounds checks that say what was expected, where, and what came. */

import { FrameError } from '../errors.ts';

/** Byte order of a number on the wire. Network order, the default everywhere, is big-endian. */
export type ByteOrder = 'big' | 'little';

/** Reads numbers and byte strings from front to back; never past the end. */
export class Cursor {
  readonly bytes: Uint8Array;
  /** What is being read, for error messages: `MBAP header`. */
  readonly what: string;
  #position = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, what = 'frame') {
    this.bytes = bytes;
    this.what = what;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.bytes.length - this.#position;
  }

  u8(field = 'u8'): number {
    return this.#view.getUint8(this.#step(1, field));
  }

  u16(field = 'u16', order: ByteOrder = 'big'): number {
    return this.#view.getUint16(this.#step(2, field), order === 'little');
  }

  i16(field = 'i16', order: ByteOrder = 'big'): number {
    return this.#view.getInt16(this.#step(2, field), order === 'little');
  }

  u32(field = 'u32', order: ByteOrder = 'big'): number {
    return this.#view.getUint32(this.#step(4, field), order === 'little');
  }

  i32(field = 'i32', order: ByteOrder = 'big'): number {
    return this.#view.getInt32(this.#step(4, field), order === 'little');
  }

  u64(field = 'u64', order: ByteOrder = 'big'): bigint {
    return this.#view.getBigUint64(this.#step(8, field), order === 'little');
  }

  f32(field = 'f32', order: ByteOrder = 'big'): number {
    return this.#view.getFloat32(this.#step(4, field), order === 'little');
  }

  /** The next `count` bytes, as a view (not a copy). */
  take(count: number, field = 'bytes'): Uint8Array {
    const at = this.#step(count, field);
    return this.bytes.subarray(at, at + count);
  }

  /** All bytes that are left, as a view (not a copy). */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** @throws FrameError when bytes are left over */
  expectEnd(): void {
    if (this.left === 0) return;
    throw new FrameError(
      'surplus-bytes',
      `${this.what}: ${this.left} bytes too many after byte ${this.#position}`,
      {
        data: { position: this.#position, surplus: this.left },
      },
    );
  }

  #step(count: number, field: string): number {
    if (count > this.left) {
      throw new FrameError(
        'too-short',
        `${this.what}: ${field} needs ${count} bytes at byte ${this.#position}, but ${this.left} of ${this.bytes.length} are left`,
        { data: { field, position: this.#position, needed: count, left: this.left } },
      );
    }
    const at = this.#position;
    this.#position += count;
    return at;
  }
}

/** Collects numbers and byte strings into one array of bytes; refuses numbers that do not fit. */
export class Writer {
  readonly what: string;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(what = 'frame') {
    this.what = what;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** An unsigned or signed integer of 1, 2 or 4 bytes. */
  integer(value: number, size: 1 | 2 | 4, field = 'integer', order: ByteOrder = 'big', signed = false): this {
    const span = 2 ** (8 * size);
    const [least, most] = signed ? [-span / 2, span / 2 - 1] : [0, span - 1];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new FrameError(
        'out-of-range',
        `${this.what}: ${field} is ${value}, allowed ${least} to ${most}`,
        {
          data: { field, value, least, most },
        },
      );
    }
    const part = Buffer.alloc(size);
    const unsigned = value < 0 ? value + span : value;
    if (order === 'little') part.writeUIntLE(unsigned, 0, size);
    else part.writeUIntBE(unsigned, 0, size);
    return this.raw(part);
  }

  u64(value: bigint, field = 'u64', order: ByteOrder = 'big'): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
      throw new FrameError('out-of-range', `${this.what}: ${field} is ${value}, allowed 0 to 2^64-1`, {
        data: { field },
      });
    }
    const part = Buffer.alloc(8);
    if (order === 'little') part.writeBigUInt64LE(value);
    else part.writeBigUInt64BE(value);
    return this.raw(part);
  }

  f32(value: number, order: ByteOrder = 'big'): this {
    const part = Buffer.alloc(4);
    if (order === 'little') part.writeFloatLE(value);
    else part.writeFloatBE(value);
    return this.raw(part);
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  /** Everything written, as one new array. */
  finish(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }
}
