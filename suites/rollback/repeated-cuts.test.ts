import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { cutMs } from './repeated-cuts.ts';
import { seededRandom } from './seeded-random.ts';

/** A boot loader that begins `beginsMs` after power, and then swaps for `swapMs`; a swap that is done is swapped back. */
interface BootLoader {
  beginsMs: number;
  swapMs: number;
}
const rounds = 10;

/** True when one swap is cut twice, and so found half done twice, in some round. */
function cutsOneSwapTwice({ beginsMs, swapMs }: BootLoader, installMs: number, seed: string): boolean {
  const random = seededRandom(seed, 'RB-18');
  return Array.from({ length: rounds }, (_unused, index) => index).some((index) => {
    let leftMs = swapMs;
    let cuts = 0;
    for (let cut = 0; cut < 5; cut += 1) {
      const atMs = cutMs(random, installMs, { index, rounds });
      const workedMs = Math.max(0, atMs - beginsMs);
      if (workedMs > 0 && workedMs < leftMs) cuts += 1;
      leftMs -= workedMs;
      if (cuts >= 2) return true;
      if (leftMs > 0) continue;
      leftMs = swapMs;
      cuts = 0;
    }
    return false;
  });
}

describe('the moments at which a resumed update is cut', () => {
  const seeds = Array.from({ length: 300 }, (_unused, index) => `seed ${index}`);

  // Readiness is asked for, so the time of an installation comes out longer than it is: up to 300 ms on this device.
  for (const beginsMs of [40, 78, 104, 125])
    for (const swapMs of [150, 300])
      for (const late of [20, 150, 300]) {
        const installMs = beginsMs + swapMs + late;
        it(`hit one swap twice that begins after ${beginsMs} ms and takes ${swapMs} of ${installMs} ms`, () => {
          const missed = seeds.filter((seed) => !cutsOneSwapTwice({ beginsMs, swapMs }, installMs, seed));
          assert.deepEqual(missed, []);
        });
      }

  it('lie within the time of an installation, and differ', () => {
    const random = seededRandom('times', 'RB-18');
    const moments = seeds.map((_seed, index) => cutMs(random, 480, { index: index % rounds, rounds }));
    for (const ms of moments) assert.ok(ms >= 0 && ms < 480, String(ms));
    assert.equal(new Set(moments).size, moments.length);
  });
});
