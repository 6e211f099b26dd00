/** Changes of whole parts of an image: away, twice, swapped, from another one. */

import type { Mutator } from './mutate.ts';
import { place, replaced, somePart } from './places.ts';

const removePart: Mutator = (input, { random }) => {
  const { start, end } = somePart(input, random);
  return replaced(input.bytes, start, end, new Uint8Array());
};

const duplicatePart: Mutator = (input, { random }) => {
  const { start, end } = somePart(input, random);
  const at = random.oneIn(2) ? end : place(input, random);
  return replaced(input.bytes, at, at, input.bytes.subarray(start, end));
};

/** Many copies in a row, as many as there is room for. */
const repeatPart: Mutator = (input, { random, maxBytes }) => {
  const { start, end } = somePart(input, random);
  const room = Math.max(0, maxBytes - input.bytes.length);
  const times = Math.min(2 ** random.below(11), Math.floor(room / Math.max(1, end - start)));
  const copies = Array<Uint8Array>(times).fill(input.bytes.subarray(start, end));
  return replaced(input.bytes, end, end, Buffer.concat(copies));
};

const swapParts: Mutator = (input, { random }) => {
  const [one, other] = [somePart(input, random), somePart(input, random)].sort((a, b) => a.start - b.start);
  if (one === undefined || other === undefined || other.start < one.end) return input.bytes;
  return Buffer.concat([
    input.bytes.subarray(0, one.start),
    input.bytes.subarray(other.start, other.end),
    input.bytes.subarray(one.end, other.start),
    input.bytes.subarray(one.start, one.end),
    input.bytes.subarray(other.end),
  ]);
};

/** A part of another input in the place of one of ours. */
const transplantPart: Mutator = (input, { random, other }) => {
  const { start, end } = somePart(input, random);
  const theirs = somePart(other, random);
  return replaced(
    input.bytes,
    start,
    random.oneIn(3) ? start : end,
    other.bytes.subarray(theirs.start, theirs.end),
  );
};

/** The same part of another input, by its number: the signature of one image in another of the same shape. */
const transplantSamePart: Mutator = (input, context) => {
  const { random, other } = context;
  if (input.parts.length === 0) return transplantPart(input, context);
  const index = random.below(input.parts.length);
  const [ours, theirs] = [input.parts[index], other.parts[index]];
  if (ours === undefined || theirs === undefined) return transplantPart(input, context);
  return replaced(input.bytes, ours.start, ours.end, other.bytes.subarray(theirs.start, theirs.end));
};

/** The beginning of one and the end of another. */
const splice: Mutator = (input, { random, other }) =>
  Buffer.concat([input.bytes.subarray(0, place(input, random)), other.bytes.subarray(place(other, random))]);

const emptyPart: Mutator = (input, { random }) => {
  const { start, end } = somePart(input, random);
  return replaced(input.bytes, start, end, new Uint8Array(end - start).fill(random.pick([0, 0xff])));
};

export const partMutators = {
  removePart,
  duplicatePart,
  repeatPart,
  swapParts,
  transplantPart,
  transplantSamePart,
  splice,
  emptyPart,
};
