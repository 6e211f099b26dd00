/** Numbers that look random and come from the run's seed: a night's sweep can be made again from its record. */

import { createHash } from 'node:crypto';

/** A number of [0, 1), another one at each call. */
export type Random = () => number;

/**
 * @param seed the run's master seed, as it stands in the record
 * @param purpose keeps the numbers of two cases of one run apart
 */
export function seededRandom(seed: string, purpose: string): Random {
  let drawn = 0;
  return () => {
    const digest = createHash('sha256').update(`${seed}/${purpose}/${drawn}`).digest();
    drawn += 1;
    return digest.readUIntBE(0, 6) / 2 ** 48;
  };
}

/** The same items in another order. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
