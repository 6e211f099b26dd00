/** Back to a device whose state is known, after a run was interrupted at any moment of whatever it did. */

import { BenchError, explain, NotExecuted } from '../errors.ts';
import type { FirmwareImage, FirmwareState } from '../capabilities.ts';
import { CaseContext } from './case-context.ts';
import { nextControlImage } from './controls.ts';
import { canRestart, install, primaryIngress, readState, restart } from './firmware.ts';
import type { Run } from './run.ts';
import { fitOf, onTrial } from './state.ts';

/**
 * A power cycle ends what was under way: a transfer, an offered image, a trial. If no image runs then of which controls
 * are made, the next control image is installed, as recovery does. Cases have their own controls beside this.
 *
 * @throws BenchError when the device does not come back to a known state; nothing is decided by that
 */
export async function baselineAfterInterruption(run: Run): Promise<void> {
  const t = new CaseContext(run, '');
  try {
    await t.step('baseline after the interruption', async () => {
      if (canRestart(t)) await restart(t);
      if (run.device.firmware === undefined) return;
      const state = await readState(t, 'after the interruption');
      if (!isBaseline(run, state)) await installControl(t, state);
    });
  } catch (error) {
    throw new BenchError('no-baseline', 'after the interruption the device is not in a known state', {
      cause: error,
      hint: 'Bring it back by hand, with its golden image, and continue once more with --resume.',
    });
  }
}

function isBaseline(run: Run, state: FirmwareState): boolean {
  const images: readonly (FirmwareImage | undefined)[] = [run.images.get('golden'), run.images.get('pair')];
  return (
    !onTrial(state) && images.some((image) => image !== undefined && fitOf(state, image).kind === 'fits')
  );
}

async function installControl(t: CaseContext, state: FirmwareState): Promise<void> {
  const image = controlImage(t, state);
  if (image === undefined) return;
  const { accepted, detail } = await install(t, image, primaryIngress(t), state);
  t.control(`install ${image.name} after the interruption`, 'before', accepted, detail);
  if (!accepted) throw new BenchError('control-refused', `${image.name} did not install: ${detail}`);
}

/** Without a way to repeat a legitimate update, each case sees for itself what it finds. */
function controlImage(t: CaseContext, state: FirmwareState): FirmwareImage | undefined {
  try {
    return nextControlImage(t, state);
  } catch (error) {
    if (!(error instanceof NotExecuted)) throw error;
    t.note(`the baseline could not be established anew: ${explain(error)}`);
    return undefined;
  }
}
