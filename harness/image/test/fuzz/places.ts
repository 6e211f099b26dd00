/** Where mutators do their work: structure first, the long payload seldom. */

import type { Random } from './random.ts';
import type { Structured } from './mutate.ts';
import type { Part } from './target.ts';

/** An offset in the input, the end included: mostly at or near a boundary, or inside a part, sometimes anywhere. */
export function place({ bytes, parts }: Structured, random: Random): number {
  const part = parts.length === 0 ? undefined : random.pick(parts);
  const at = part === undefined ? random.below(bytes.length + 1) : within(part, bytes.length, random);
  return Math.min(Math.max(0, at), bytes.length);
}

function within({ start, end }: Part, size: number, random: Random): number {
  switch (random.below(8)) {
    case 0:
      return end;
    case 1:
      return start + random.below(9) - 4;
    case 2:
      return end + random.below(9) - 4;
    case 3:
      return random.below(size + 1);
    case 4:
      return start + random.below(end - start);
    default:
      return start;
  }
}

/** A part of the input, clipped to it; some bytes at some place when nothing is known of its structure. */
export function somePart(input: Structured, random: Random): Part {
  const { bytes, parts } = input;
  if (parts.length > 0 && !random.oneIn(6)) {
    const first = random.below(parts.length);
    const last = random.oneIn(3) ? Math.min(parts.length - 1, first + random.below(8)) : first;
    const start = Math.min(parts[first]?.start ?? 0, bytes.length);
    return { start, end: Math.max(start, Math.min(parts[last]?.end ?? 0, bytes.length)) };
  }
  const start = random.below(bytes.length + 1);
  return { start, end: Math.min(bytes.length, start + 1 + random.below(64)) };
}

/** Removes `[start, end)` and puts something there. */
export function replaced(bytes: Uint8Array, start: number, end: number, insert: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(Math.max(start, end))]);
}

/** Writes over what is there, clipped to the input. */
export function overwritten(bytes: Uint8Array, at: number, by: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(by.subarray(0, Math.max(0, copy.length - at)), Math.min(at, copy.length));
  return copy;
}
