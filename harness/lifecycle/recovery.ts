/** The way back after an attack had an effect; when there is none, the board is poisoned and the first cause is kept. */

import type { FirmwareState } from '../capabilities.ts';
import { BenchError, Inconclusive } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { nextControlImage } from './controls.ts';
import { install, powerCycle, primaryIngress, readState } from './firmware.ts';
import { changes, fitOf, onTrial } from './state.ts';

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
      if (t.device.power !== undefined) await powerCycle(t).catch(ignoreBenchError);
      const found = await readState(t, 'after the recovery power cycle');
      if (changes(baseline, found).length === 0) return found;
      const state = await endTrial(t, found);
      const done = await install(t, nextControlImage(t, state), primaryIngress(t), state);
      t.write('bench', { action: 'recovery', ok: done.accepted, detail: done.detail });
      if (done.accepted) return done.state;
      throw new Inconclusive('recovery-failed', done.detail);
    } catch (error) {
      poison(t, `${cause}; recovery failed: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  });
}

/**
 * A device that fell back to its other slot may run that as a trial, and take no update until somebody confirms it.
 * Confirmed is only what is known to be genuine.
 *
 * @returns the state afterwards
 */
export async function endTrial(t: CaseContext, state: FirmwareState): Promise<FirmwareState> {
  const confirm = t.device.firmware?.confirm?.bind(t.device.firmware);
  const genuine = [...t.run.images.values()].some((image) => fitOf(state, image).kind === 'fits');
  if (!onTrial(state) || !genuine || confirm === undefined) return state;
  t.answered('confirm the image that runs on trial', await confirm());
  return readState(t, 'after confirming the trial');
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
