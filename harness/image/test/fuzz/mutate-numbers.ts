/** Changes of numbers: lengths, offsets and counts, in binary of either byte order, in ASCII decimal and hex. */

import type { Mutator, Structured } from './mutate.ts';
import { overwritten, place, replaced } from './places.ts';
import type { Random } from './random.ts';

const widths = [1, 2, 4, 8] as const;

/** Numbers at which arithmetic goes wrong, and those that describe this input. */
function interestingNumber({ bytes, parts }: Structured, at: number, random: Random): bigint {
  const size = BigInt(bytes.length);
  const edge = 1n << BigInt(random.pick([7, 8, 15, 16, 31, 32, 53, 63, 64]));
  const part = parts.length === 0 ? { start: 0, end: bytes.length } : random.pick(parts);
  const base = random.pick([
    0n,
    edge,
    size,
    size - BigInt(at),
    BigInt(part.start),
    BigInt(part.end),
    BigInt(part.end - part.start),
  ]);
  return base + random.pick([0n, 0n, 0n, 1n, -1n, 4n, -4n]);
}

/** Two's complement, cut to the width. */
function encode(value: bigint, width: number, littleEndian: boolean): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  const cut = bytes.subarray(8 - width);
  return littleEndian ? cut.reverse() : cut;
}

function decode(bytes: Uint8Array, littleEndian: boolean): bigint {
  const ordered = littleEndian ? Buffer.from(bytes).reverse() : Buffer.from(bytes);
  return ordered.length === 0 ? 0n : BigInt(`0x${ordered.toString('hex')}`);
}

const interesting: Mutator = (input, { random }) => {
  const at = place(input, random);
  const value = interestingNumber(input, at, random);
  return overwritten(input.bytes, at, encode(value, random.pick(widths), random.oneIn(2)));
};

/** A number one or a few more or less than it was. */
const nudge: Mutator = (input, { random }) => {
  const at = place(input, random);
  const width = random.pick(widths);
  const littleEndian = random.oneIn(2);
  const delta = BigInt(random.pick([1, -1, 1, -1, 2, -2, 4, -4, 16, -16, 256, -256]));
  const old = decode(input.bytes.subarray(at, at + width), littleEndian);
  return overwritten(input.bytes, at, encode(old + delta, width, littleEndian));
};

/**
 * Looks for where the input states a length or an offset of its own, and makes it another: the surest way to a length
 * that lies.
 */
const statedNumber: Mutator = (input, context) => {
  const { random } = context;
  const { bytes, parts } = input;
  if (parts.length === 0) return nudge(input, context);
  const { start, end } = random.pick(parts);
  const number = BigInt(random.pick([end - start, start, end, bytes.length]));
  const littleEndian = random.oneIn(2);
  const width = random.pick(number < 256n ? [1, 2, 4, 8] : number < 65536n ? [2, 4, 8] : [4, 8]);
  const found = placesOf(bytes, encode(number, width, littleEndian));
  if (found.length === 0) return nudge(input, context);
  const at = random.pick(found);
  const value = random.oneIn(2)
    ? number + random.pick([1n, -1n, 2n, -2n, 4n, -4n])
    : interestingNumber(input, at, random);
  return overwritten(bytes, at, encode(value, width, littleEndian));
};

const mostPlaces = 32;

function placesOf(bytes: Uint8Array, wanted: Uint8Array): number[] {
  const places: number[] = [];
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = haystack.indexOf(wanted); at >= 0; at = haystack.indexOf(wanted, at + 1)) {
    places.push(at);
    if (places.length === mostPlaces) break;
  }
  return places;
}

/** A run of ASCII digits somewhere behind the place, as another number: cpio headers, manifests, descriptions. */
const asciiNumber: Mutator = (input, context) => {
  const { random } = context;
  const at = place(input, random);
  const window = Buffer.from(input.bytes.subarray(at, at + 256)).toString('latin1');
  const match = /0x[0-9a-fA-F]+|[0-9a-fA-F]{8}|[0-9]+/.exec(window);
  if (match === null) return interesting(input, context);
  const [text] = match;
  const start = at + match.index;
  return replaced(
    input.bytes,
    start,
    start + text.length,
    Buffer.from(otherNumber(text, input, random), 'latin1'),
  );
};

function otherNumber(text: string, input: Structured, random: Random): string {
  const hex = text.startsWith('0x') || (text.length === 8 && random.oneIn(2));
  const digits = text.replace(/^0x/, '');
  const old = hex || /[a-fA-F]/.test(digits) ? BigInt(`0x${digits}`) : BigInt(digits);
  const value = random.oneIn(2)
    ? old + random.pick([1n, -1n, 16n, -16n])
    : interestingNumber(input, 0, random);
  const written = value.toString(random.oneIn(4) ? 10 : hex ? 16 : 10);
  return random.oneIn(4) ? written : fitted(written, text);
}

/** As wide as the old text, with its prefix: a field of fixed width stays one. */
function fitted(written: string, text: string): string {
  const prefix = text.startsWith('0x') ? '0x' : '';
  const width = text.length - prefix.length;
  return prefix + written.replace('-', '').padStart(width, '0').slice(-width);
}

export const numberMutators = { interesting, nudge, statedNumber, asciiNumber };
