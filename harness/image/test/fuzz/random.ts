/** Random numbers that are the same for the same seed: a run of the fuzzer can be had again. */

import { createHash } from 'node:crypto';

export interface Random {
  /** 32 bits, unsigned. */
  u32(): number;
  /** At least 0, below `limit` (at least 1). */
  below(limit: number): number;
  /** True once in so many. */
  oneIn(times: number): boolean;
  /** @throws RangeError for an empty list */
  pick<T>(list: readonly T[]): T;
  bytes(count: number): Uint8Array;
}

/** SFC32 of Chris Doty-Humphrey, seeded through SHA-256. Source: PractRand 0.94, sfc.cpp. */
export function seededRandom(seed: string): Random {
  const key = createHash('sha256').update(seed).digest();
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => key.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  const u32 = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  const below = (limit: number): number => Math.floor((u32() / 2 ** 32) * Math.max(1, limit));
  return {
    u32,
    below,
    oneIn: (times) => below(times) === 0,
    pick: (list) => {
      const item = list[below(list.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    bytes: (count) => Uint8Array.from({ length: count }, () => u32() & 0xff),
  };
}
