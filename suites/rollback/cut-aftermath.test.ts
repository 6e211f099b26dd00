import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { pause } from '../../harness/clock.ts';
import { Nonconformity } from '../../harness/errors.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import { contextOf, declared, fakeRun } from '../../harness/lifecycle/test/fake-run.ts';
import { readState } from '../../harness/lifecycle/firmware.ts';
import { mustBoot } from './cut-aftermath.ts';

describe('the boot after a power cut', () => {
  afterEach(() => setCurrentRun(undefined));

  /** A device that takes so long, before a bench that waits for a minute. */
  const boot = async (readyAfterMs: number, declaredMs: number): Promise<number> => {
    const run = fakeRun({
      profile: { bootsWithinMs: 60_000 },
      declaration: { update: { ...declared.update!, bootsWithinMs: declaredMs } },
      device: (device) => ({
        ...device,
        waitUntilReady: async () => {
          await pause(readyAfterMs);
          return { tookMs: readyAfterMs };
        },
      }),
    });
    const t = contextOf(run);
    return mustBoot(t, { name: 'cut 1 of 1', before: await readState(t, 'before') });
  };

  it('is in time within what is declared', async () => {
    assert.ok((await boot(20, 30_000)) >= 19);
  });

  it('is late behind what is declared, however long the board file lets the bench wait', async () => {
    const late = (error: unknown): boolean =>
      error instanceof Nonconformity &&
      error.code === 'late-after-power-cut' &&
      error.expected.includes('within 100 ms');
    await assert.rejects(boot(700, 100), late);
  });
});
