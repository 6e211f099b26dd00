/** Some devices answer the death of their monitor with a reset: then alarms may never come, and need not. */

import { BenchError, Inconclusive, pause, type CaseContext } from '../../harness/index.ts';

/**
 * Runs `work`; where it fails, and the process value went away and came back meanwhile, the failure decides nothing.
 * A reset cannot be told for certain from a wire that failed for a moment, so it is no pass either.
 *
 * @throws Inconclusive in place of any error of `work` when the device seems to have restarted
 */
export async function unlessItReset(t: CaseContext, work: () => Promise<void>): Promise<void> {
  const { process } = t.device;
  if (process === undefined) return work();
  let running = true;
  let away = false;
  const look = async (): Promise<void> => {
    while (running) {
      await process.read().catch((error: unknown) => {
        if (!(error instanceof BenchError)) throw error;
        away = true;
      });
      await pause(process.changesWithinMs / 2);
    }
  };
  const looking = look();
  looking.catch(() => undefined); // awaited below
  let failure: { error: unknown } | undefined;
  try {
    await work();
  } catch (error) {
    failure = { error };
  }
  running = false;
  await looking;
  if (failure === undefined) return;
  if (!away) throw failure.error;
  await t.device.waitUntilReady(t.bootsWithinMs);
  throw new Inconclusive(
    'perhaps-reset',
    'no alarm was heard as declared, but the device went away and came back meanwhile: it may have reset itself',
    { cause: failure.error, hint: 'Look into the device’s own log for the reset and its cause.' },
  );
}
