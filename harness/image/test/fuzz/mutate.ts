/** How one input is made from another. */

import { byteMutators } from './mutate-bytes.ts';
import { numberMutators } from './mutate-numbers.ts';
import { partMutators } from './mutate-parts.ts';
import type { Random } from './random.ts';
import type { Part } from './target.ts';

/** An input with what is known of its structure. */
export interface Structured {
  bytes: Uint8Array;
  parts: readonly Part[];
}

export interface MutationContext {
  random: Random;
  /** Another input, for splices. */
  other: Structured;
  maxBytes: number;
}

export type Mutator = (input: Structured, context: MutationContext) => Uint8Array;

export const mutators: Readonly<Record<string, Mutator>> = {
  ...byteMutators,
  ...numberMutators,
  ...partMutators,
};

const all = Object.values(mutators);

/**
 * One to eight changes, one after the other. The parts are those of the input: after a change that moved bytes they are
 * only roughly right, which is welcome.
 */
export function mutate(input: Structured, context: MutationContext): Uint8Array {
  const { random, maxBytes } = context;
  let { bytes } = input;
  const changes = random.oneIn(2) ? 1 : 1 + random.below(8);
  for (let change = 0; change < changes; change += 1) {
    const mutator = random.pick(all);
    bytes = mutator({ bytes, parts: input.parts }, context).subarray(0, maxBytes);
  }
  return bytes;
}
