/** Changes of bytes, with no idea of what they mean. */

import type { Mutator } from './mutate.ts';
import { overwritten, place, replaced } from './places.ts';

const bitFlip: Mutator = (input, { random }) => {
  const at = place(input, random);
  return overwritten(input.bytes, at, Uint8Array.of((input.bytes[at] ?? 0) ^ (1 << random.below(8))));
};

const randomByte: Mutator = (input, { random }) =>
  overwritten(input.bytes, place(input, random), random.bytes(1));

const randomBytes: Mutator = (input, { random }) =>
  overwritten(input.bytes, place(input, random), random.bytes(1 + random.below(32)));

const fill: Mutator = (input, { random }) =>
  overwritten(
    input.bytes,
    place(input, random),
    new Uint8Array(1 + random.below(32)).fill(random.pick([0, 0xff, 0x20, 0x30, 0x41, 0x80])),
  );

const remove: Mutator = (input, { random }) => {
  const at = place(input, random);
  return replaced(input.bytes, at, at + 1 + random.below(random.pick([1, 4, 64])), new Uint8Array());
};

const insert: Mutator = (input, { random }) => {
  const at = place(input, random);
  const count = 1 + random.below(random.pick([1, 4, 64]));
  return replaced(
    input.bytes,
    at,
    at,
    random.oneIn(2) ? random.bytes(count) : new Uint8Array(count).fill(random.pick([0, 0xff])),
  );
};

/** Cut at a boundary, or a little before or behind it. */
const truncate: Mutator = (input, { random }) => input.bytes.subarray(0, place(input, random));

/** What opens a level in the notations that our formats use: DER, CBOR, FDT, configuration text. */
const openers = [
  '30',
  '3080',
  'a080',
  '81',
  '9f',
  'a1',
  'bf',
  '4000',
  'd86b',
  '0000000100000000',
  '7b',
  '5b',
  '28',
];

/** The same opening again and again: depth without end. */
const nest: Mutator = (input, { random, maxBytes }) => {
  const at = place(input, random);
  const opener = random.oneIn(3)
    ? input.bytes.subarray(at, at + 1 + random.below(12))
    : Buffer.from(random.pick(openers), 'hex');
  const room = Math.max(0, maxBytes - input.bytes.length);
  const times = Math.min(2 ** random.below(14), Math.floor(room / Math.max(1, opener.length)));
  return replaced(input.bytes, at, at, Buffer.concat(Array<Uint8Array>(times).fill(opener)));
};

export const byteMutators = { bitFlip, randomByte, randomBytes, fill, remove, insert, truncate, nest };
