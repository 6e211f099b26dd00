import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { firstCutMs, resumedCutMs, supposedBegin } from './repeated-cuts.ts';
import { seededRandom } from './seeded-random.ts';

/** A boot loader that begins `beginsMs` after power, and then swaps for `swapMs`; a swap that is done is swapped back. */
interface BootLoader {
  beginsMs: number;
  swapMs: number;
}
const measured = { installMs: 480, bootMs: 130 };
const rounds = 6;

/** True when one swap is cut twice, and so found half done twice, in some round. */
function cutsOneSwapTwice({ beginsMs, swapMs }: BootLoader, seed: string): boolean {
  const random = seededRandom(seed, 'RB-18');
  return Array.from({ length: rounds }, (_unused, index) => index).some((index) => {
    const begins = supposedBegin(random, index);
    let leftMs = swapMs;
    let cuts = 0;
    for (let cut = 0; cut < 5; cut += 1) {
      const draw = cut === 0 ? firstCutMs : resumedCutMs;
      const atMs = draw(random, { ...measured, begins });
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

  for (const beginsMs of [40, 78, 104, 125])
    for (const swapMs of [150, 300]) {
      it(`hit one swap twice where it begins after ${beginsMs} ms and takes ${swapMs} ms, all but always`, () => {
        const missed = seeds.filter((seed) => !cutsOneSwapTwice({ beginsMs, swapMs }, seed)).length;
        assert.ok(missed <= 3, `${missed} of ${seeds.length} seeds missed`);
      });
    }

  it('lie within the time of an installation, and differ', () => {
    const random = seededRandom('times', 'RB-18');
    const moments = seeds.map((_seed, index) =>
      resumedCutMs(random, { ...measured, begins: supposedBegin(random, index) }),
    );
    for (const ms of moments) assert.ok(ms >= 0 && ms < measured.installMs, String(ms));
    assert.equal(new Set(moments).size, moments.length);
  });
});
