/**
 * Frames as data: a table of named fields that one interpreter reads, writes and measures.
 *
 * ```ts
 * const header = frameTable('MBAP header', { transaction: u16(), protocol: constant(u16(), 0), length: u16(), unit: u8() });
 * header.offsets.unit;                       // 6
 * header.read(bytes).transaction;            // number
 * header.write({ transaction: 1, length: 6, unit: 17 });
 * ```
 */

import { FrameError } from '../errors.ts';
import { Cursor, Writer, type ByteOrder } from './cursor.ts';

/** One row of a table. `Given` is false where `write` makes the value itself (constants and lengths). */
export interface Field<T, Given extends boolean = true> {
  /** Size on the wire, or undefined when it depends on the frame. */
  readonly bytes: number | undefined;
  read(cursor: Cursor, name: string, soFar: Readonly<Record<string, unknown>>): T;
  write(writer: Writer, value: T, name: string): void;
  /** Present where the value is not given by the caller. */
  readonly derive?: (values: Readonly<Record<string, unknown>>) => T;
  /** Never set; carries the type parameter. */
  readonly given?: Given;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a table may hold any kind of field; types are recovered per field
type Fields = Readonly<Record<string, Field<any, boolean>>>;

/** What `read` gives for a table of fields. */
export type FrameOf<F extends Fields> = {
  [Name in keyof F]: F[Name] extends Field<infer T, boolean> ? T : never;
};

/** What `write` takes: every field that is neither constant nor a length. */
export type FrameInput<F extends Fields> = {
  [Name in keyof F as F[Name] extends Field<infer _T, false> ? never : Name]: F[Name] extends Field<
    infer T,
    boolean
  >
    ? T
    : never;
};

export interface FrameTable<F extends Fields> {
  readonly name: string;
  /** Whole size when every field has a fixed size, else undefined. */
  readonly bytes: number | undefined;
  /** Offset of each field that follows fixed-size fields only. */
  readonly offsets: Readonly<Record<keyof F, number>>;
  /**
   * Reads one frame. From bytes, it must fill them exactly; from a cursor, the rest stays for others.
   *
   * @throws FrameError naming table, field, position and what came
   */
  read(from: Uint8Array | Cursor): FrameOf<F>;
  /** @throws FrameError when a value does not fit its field */
  write(values: FrameInput<F>): Buffer;
}

/** Makes a table from its rows, in wire order. */
export function frameTable<F extends Fields>(name: string, fields: F): FrameTable<F> {
  const rows = Object.entries(fields);
  return {
    name,
    bytes: totalBytes(rows),
    offsets: offsetsOf(rows) as Record<keyof F, number>,
    read(from) {
      const cursor = from instanceof Cursor ? from : new Cursor(from, name);
      const values: Record<string, unknown> = {};
      for (const [field, row] of rows) values[field] = row.read(cursor, field, values);
      if (!(from instanceof Cursor)) cursor.expectEnd();
      return values as FrameOf<F>;
    },
    write(given) {
      const writer = new Writer(name);
      const values = given as Readonly<Record<string, unknown>>;
      for (const [field, row] of rows)
        row.write(writer, row.derive ? row.derive(values) : values[field], field);
      return writer.finish();
    },
  };
}

function totalBytes(rows: readonly [string, Field<unknown, boolean>][]): number | undefined {
  let total = 0;
  for (const [, row] of rows) {
    if (row.bytes === undefined) return undefined;
    total += row.bytes;
  }
  return total;
}

function offsetsOf(rows: readonly [string, Field<unknown, boolean>][]): Record<string, number> {
  const offsets: Record<string, number> = {};
  let at = 0;
  for (const [name, row] of rows) {
    offsets[name] = at;
    if (row.bytes === undefined) break;
    at += row.bytes;
  }
  return offsets;
}

const integer = (
  bytes: 1 | 2 | 4,
  signed: boolean,
  read: (cursor: Cursor, name: string) => number,
  order: ByteOrder,
): Field<number> => ({
  bytes,
  read,
  write: (writer, value, name) => void writer.integer(value, bytes, name, order, signed),
});

export const u8 = (): Field<number> => integer(1, false, (cursor, name) => cursor.u8(name), 'big');
export const u16 = (order: ByteOrder = 'big'): Field<number> =>
  integer(2, false, (cursor, name) => cursor.u16(name, order), order);
export const i16 = (order: ByteOrder = 'big'): Field<number> =>
  integer(2, true, (cursor, name) => cursor.i16(name, order), order);
export const u32 = (order: ByteOrder = 'big'): Field<number> =>
  integer(4, false, (cursor, name) => cursor.u32(name, order), order);
export const i32 = (order: ByteOrder = 'big'): Field<number> =>
  integer(4, true, (cursor, name) => cursor.i32(name, order), order);

export const u64 = (order: ByteOrder = 'big'): Field<bigint> => ({
  bytes: 8,
  read: (cursor, name) => cursor.u64(name, order),
  write: (writer, value, name) => void writer.u64(value, name, order),
});

/** A field that must hold one value: read checks it, write fills it in. */
export function constant<T extends number | bigint>(field: Field<T>, value: T): Field<T, false> {
  return {
    bytes: field.bytes,
    read(cursor, name, soFar) {
      const at = cursor.position;
      const got = field.read(cursor, name, soFar);
      if (got === value) return got;
      throw new FrameError(
        'wrong-constant',
        `${cursor.what}: ${name} at byte ${at} is ${got}, must be ${value}`,
        {
          data: { field: name, position: at, expected: String(value), got: String(got) },
        },
      );
    },
    write: (writer, given, name) => field.write(writer, given, name),
    derive: () => value,
  };
}

/** A number that counts the bytes of another field, to be named there: written by itself, checked by {@link counted}. */
export function lengthOf(field: Field<number>, other: string, unitBytes = 1): Field<number, false> {
  return {
    bytes: field.bytes,
    read: (cursor, name, soFar) => field.read(cursor, name, soFar),
    write: (writer, value, name) => field.write(writer, value, name),
    derive: (values) => (values[other] as Uint8Array).length / unitBytes,
  };
}

/** Bytes of a fixed number. */
export const bytes = (count: number): Field<Uint8Array> => ({
  bytes: count,
  read: (cursor, name) => cursor.take(count, name),
  write(writer, value, name) {
    if (value.length !== count) {
      throw new FrameError(
        'wrong-size',
        `${writer.what}: ${name} has ${value.length} bytes, must have ${count}`,
        {
          data: { field: name, expected: count, got: value.length },
        },
      );
    }
    writer.raw(value);
  },
});

/** Bytes whose number stands in an earlier field of the same table. */
export const counted = (by: string, unitBytes = 1): Field<Uint8Array> => ({
  bytes: undefined,
  read: (cursor, name, soFar) => cursor.take((soFar[by] as number) * unitBytes, name),
  write: (writer, value) => void writer.raw(value),
});

/** Whatever is left; only as the last field. */
export const rest = (): Field<Uint8Array> => ({
  bytes: undefined,
  read: (cursor) => cursor.rest(),
  write: (writer, value) => void writer.raw(value),
});
