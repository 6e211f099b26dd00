/** The way back after an attack had an effect; when there is none, the board is poisoned and the first cause is kept. */

import type { FirmwareState } from '../capabilities.ts';
import { BenchError, Inconclusive } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { nextControlImage } from './controls.ts';
import { canRestart, install, primaryIngress, readState, restart } from './firmware.ts';
import { changes } from './state.ts';

/**
 * Back to a known good state after an attack had an effect or a wire went quiet: first a power cycle, then a
 * legitimate image, by the way that the declaration names for controls (a device that refuses older images would
 * rightly refuse the golden one). When neither helps the board is poisoned, and the first cause is kept.
 *
 * @returns the state to measure by from now on
 */
export async function recover(
  t: CaseContext,
  baseline: FirmwareState,
  cause: string,
): Promise<FirmwareState> {
  return t.step('recovery', async () => {
    try {
      if (canRestart(t)) await restart(t).catch(ignoreBenchError);
      const state = await readState(t, 'after the recovery power cycle');
      if (changes(baseline, state).length === 0) return state;
      // Not the golden one of a pair: over it, an altered golden image of a later attack would not show.
      const pair = t.declaration.controls?.way === 'pair';
      const image = pair ? t.image('pair') : nextControlImage(t, state);
      const done = await install(t, image, primaryIngress(t), state);
      t.write('bench', { action: 'recovery', ok: done.accepted, detail: done.detail });
      if (done.accepted) return done.state;
      throw new Inconclusive('recovery-failed', done.detail);
    } catch (error) {
      poison(t, `${cause}; recovery failed: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  });
}

function ignoreBenchError(error: unknown): void {
  if (!(error instanceof BenchError)) throw error;
}

/** Marks the board as unfit for later cases; the first cause stays. */
export function poison(t: CaseContext, cause: string): void {
  if (t.run.poisoned !== undefined) return;
  t.run.poisoned = { cause, byCase: t.id };
  t.run.record.append('poisoned', { cause, byCase: t.id });
}
