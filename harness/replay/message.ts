/** Authenticated messages of a declared layout: fields one after another, then a truncated MAC over them. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { BoardFileError, DriverError, FrameError } from '../errors.ts';

const widths = { u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8 } as const;

export type FieldType = keyof typeof widths;

export interface MessageField {
  name: string;
  type: FieldType;
}

/** As it stands in a declaration. */
export interface MessageLayout {
  fields: readonly MessageField[];
  /** `bytes` leftmost bytes of the MAC over all fields; absent for a message without protection. */
  mac?: { algorithm: MacAlgorithm; bytes: number };
  byteOrder: 'big' | 'little';
}

/** Values by field name. 64-bit fields come out as bigint, all others as number; either goes in. */
export type MessageValues = Readonly<Record<string, number | bigint>>;

const macLengths = { 'hmac-sha256': 32, 'hmac-sha384': 48, 'hmac-sha512': 64 } as const;
export type MacAlgorithm = keyof typeof macLengths;

/**
 * Length of a message in bytes.
 *
 * @throws BoardFileError when the layout makes no sense, saying why
 */
export function messageBytes(layout: MessageLayout): number {
  checkLayout(layout);
  return fieldBytes(layout) + (layout.mac?.bytes ?? 0);
}

/**
 * The bytes of one message.
 *
 * @param values exactly the fields of the layout
 * @param key MAC key; ignored without a MAC
 * @throws DriverError when a value is missing, unknown, no integer, or out of its field's range
 */
export function buildMessage(layout: MessageLayout, values: MessageValues, key: Uint8Array): Uint8Array {
  checkLayout(layout);
  for (const name of Object.keys(values)) {
    if (layout.fields.some((field) => field.name === name)) continue;
    const known = layout.fields.map((field) => field.name).join(', ');
    throw new DriverError('unknown-field', `message: no field ${name}; the layout has ${known}`);
  }
  const body = Buffer.alloc(fieldBytes(layout));
  let at = 0;
  for (const field of layout.fields) {
    const value = values[field.name];
    if (value === undefined) throw new DriverError('missing-field', `message: no value for ${field.name}`);
    writeInteger(body, at, field, value, layout.byteOrder);
    at += widths[field.type];
  }
  return Buffer.concat([body, macOf(layout, body, key)]);
}

/**
 * Values of a message, and whether its MAC fits. A wrong MAC is an answer, not an error: attacks look at it.
 *
 * @throws FrameError when the length is not that of the layout
 */
export function parseMessage(
  layout: MessageLayout,
  bytes: Uint8Array,
  key: Uint8Array,
): { values: Record<string, number | bigint>; macValid: boolean } {
  const expectedBytes = messageBytes(layout);
  if (bytes.length !== expectedBytes) {
    throw new FrameError(
      'message-length',
      `message of ${bytes.length} bytes; the layout has ${expectedBytes} (${fieldBytes(layout)} and a MAC of ${layout.mac?.bytes ?? 0})`,
      { data: { bytes: bytes.length, expectedBytes } },
    );
  }
  const whole = Buffer.from(bytes);
  const body = whole.subarray(0, fieldBytes(layout));
  const values: Record<string, number | bigint> = {};
  let at = 0;
  for (const field of layout.fields) {
    values[field.name] = readInteger(body, at, field.type, layout.byteOrder);
    at += widths[field.type];
  }
  return { values, macValid: timingSafeEqual(macOf(layout, body, key), whole.subarray(at)) };
}

function fieldBytes(layout: MessageLayout): number {
  return layout.fields.reduce((sum, { type }) => sum + widths[type], 0);
}

function macOf({ mac }: MessageLayout, body: Uint8Array, key: Uint8Array): Buffer {
  if (mac === undefined) return Buffer.alloc(0);
  return createHmac(mac.algorithm.slice('hmac-'.length), key).update(body).digest().subarray(0, mac.bytes);
}

function checkLayout(layout: MessageLayout): void {
  const wrong = (why: string): BoardFileError => new BoardFileError('bad-layout', `message layout: ${why}`);
  if (layout.fields.length === 0) throw wrong('it has no fields');
  const names = new Set<string>();
  for (const { name, type } of layout.fields) {
    if (names.has(name)) throw wrong(`two fields are named ${name}`);
    if (!Object.hasOwn(widths, type)) {
      throw wrong(`field ${name} has type ${type}; known are ${Object.keys(widths).join(', ')}`);
    }
    names.add(name);
  }
  if (layout.mac === undefined) return;
  const most = Object.hasOwn(macLengths, layout.mac.algorithm) ? macLengths[layout.mac.algorithm] : undefined;
  if (most === undefined)
    throw wrong(`MAC algorithm ${layout.mac.algorithm}; known are hmac-sha256, -sha384 and -sha512`);
  if (!Number.isInteger(layout.mac.bytes) || layout.mac.bytes < 1 || layout.mac.bytes > most) {
    throw wrong(`a MAC of ${layout.mac.bytes} bytes; ${layout.mac.algorithm} gives 1 to ${most}`);
  }
}

function writeInteger(
  into: Buffer,
  at: number,
  { name, type }: MessageField,
  value: number | bigint,
  byteOrder: 'big' | 'little',
): void {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new DriverError('not-an-integer', `message: ${name} is ${value}, which is not an exact integer`, {
      hint: 'Give large values as bigint.',
    });
  }
  const bits = BigInt(8 * widths[type]);
  const signed = type.startsWith('i');
  const least = signed ? -(1n << (bits - 1n)) : 0n;
  const most = (signed ? 1n << (bits - 1n) : 1n << bits) - 1n;
  const exact = BigInt(value);
  if (exact < least || exact > most) {
    throw new DriverError(
      'out-of-range',
      `message: ${name} is ${value}; a ${type} holds ${least} to ${most}`,
      { data: { field: name, value: String(value) } },
    );
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, exact));
  const narrow = bytes.subarray(8 - widths[type]);
  into.set(byteOrder === 'big' ? narrow : narrow.reverse(), at);
}

function readInteger(
  from: Buffer,
  at: number,
  type: FieldType,
  byteOrder: 'big' | 'little',
): number | bigint {
  const raw = Buffer.from(from.subarray(at, at + widths[type]));
  const unsigned = BigInt(`0x${(byteOrder === 'big' ? raw : raw.reverse()).toString('hex')}`);
  const value = type.startsWith('i') ? BigInt.asIntN(8 * widths[type], unsigned) : unsigned;
  return widths[type] === 8 ? value : Number(value);
}
