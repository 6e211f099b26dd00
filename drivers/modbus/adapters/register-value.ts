/** One readable term from registers: a version, a digest, a counter, a process value. */

import { type AdapterModule } from '../../../harness/driver.ts';
import { Cursor } from '../../../harness/wire/cursor.ts';
import { bytesOfRegisters } from '../raw-requests.ts';
import { readTable, registersOf } from './common.ts';
import { type Part, type RegisterSettings, type RegisterType } from './settings.ts';

const wordsOf: Record<RegisterType, number> = {
  u16: 1,
  i16: 1,
  u32: 2,
  i32: 2,
  u64: 4,
  f32: 2,
  ascii: 1,
  hex: 1,
};
/** Most registers in one read. Source: Application Protocol V1.1b3, section 6.3 */
const MOST_REGISTERS = 125;
/** Digits that a scaled number keeps: more would show the rounding of binary fractions. */
const SCALED_DIGITS = 12;

/** Registers that a part covers. */
export function span(part: Part): number {
  return wordsOf[part.type] * (part.count ?? 1);
}

/** Bytes of the registers with the highest byte first, whatever the device's order. */
function inOrder(words: readonly number[], part: Part): Buffer {
  const bytes = bytesOfRegisters(part.wordOrder === 'little' ? [...words].reverse() : words);
  return part.byteOrder === 'little' ? bytes.swap16() : bytes;
}

function number(part: Part, words: readonly number[]): number | string {
  const cursor = new Cursor(inOrder(words, part), `register ${part.address}`);
  switch (part.type) {
    case 'u16':
      return cursor.u16();
    case 'i16':
      return cursor.i16();
    case 'u32':
      return cursor.u32();
    case 'i32':
      return cursor.i32();
    case 'f32':
      return cursor.f32();
    case 'u64': {
      const value = cursor.u64();
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
    }
    case 'ascii':
    case 'hex':
      throw new Error(`${part.type} is not a number`);
  }
}

/** The values of a part, in register order. Text ends at its first zero byte and loses trailing blanks. */
export function decode(part: Part, words: readonly number[]): (number | string)[] {
  if (part.type === 'hex') return [inOrder(words, part).toString('hex')];
  if (part.type === 'ascii') return [inOrder(words, part).toString('latin1').replace(/\0.*$/s, '').trimEnd()];
  const each = wordsOf[part.type];
  return Array.from({ length: words.length / each }, (_, at) =>
    number(part, words.slice(at * each, (at + 1) * each)),
  );
}

function scaled(value: number | string, scale: number | undefined): number | string {
  return scale === undefined ? value : Number((Number(value) * scale).toPrecision(SCALED_DIGITS));
}

/** Groups of parts that lie next to each other, each read in one request, so that a version is not torn. */
export function adjoining(parts: readonly Part[]): { address: number; count: number; parts: Part[] }[] {
  const groups: { address: number; count: number; parts: Part[] }[] = [];
  for (const part of [...parts].sort((one, other) => one.address - other.address)) {
    const last = groups.at(-1);
    const end = part.address + span(part);
    if (
      last !== undefined &&
      part.address <= last.address + last.count &&
      end - last.address <= MOST_REGISTERS
    ) {
      last.count = Math.max(last.count, end - last.address);
      last.parts.push(part);
    } else groups.push({ address: part.address, count: span(part), parts: [part] });
  }
  return groups;
}

export const registerValue: AdapterModule<'value', RegisterSettings> = {
  name: 'modbus-register',
  role: 'value',
  create(settings, wire) {
    const registers = registersOf(wire);
    const { format, table, scale, join } = settings;
    const parts: Part[] = settings.parts ?? [{ ...settings, address: settings.address! }];
    return {
      async read() {
        const texts = new Map<Part, (number | string)[]>();
        for (const group of adjoining(parts)) {
          const words = await readTable(registers, table, group.address, group.count);
          for (const part of group.parts) {
            const first = part.address - group.address;
            const values = decode(part, words.slice(first, first + span(part)));
            texts.set(
              part,
              values.map((value) => scaled(value, scale)),
            );
          }
        }
        const textOf = (part: Part): string => texts.get(part)!.join(join ?? ' ');
        if (format !== undefined)
          return format.replace(/\{(\d+)\}/g, (_, at: string) => textOf(parts[Number(at)]!));
        const values = texts.get(parts[0]!)!;
        return values.length === 1 && join === undefined ? values[0]! : values.join(join);
      },
    };
  },
};
