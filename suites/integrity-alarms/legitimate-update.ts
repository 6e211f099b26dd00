/** INT-11: a legitimate update is no violation. */

import {
  fitOf,
  install,
  mustHaveTrace,
  nextControlImage,
  primaryIngress,
  readState,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';
import { longestDetectionMs, mustBeQuiet, whileListening } from './listening.ts';

/** An update while every alarm wire is heard: no alarm, and the measurement read back is the image's own. */
export async function mustUpdateQuietly(t: CaseContext): Promise<void> {
  await whileListening(t, async (listener) => {
    const quietMs = longestDetectionMs(t);
    await t.step('quiet before', () => mustBeQuiet(t, listener, quietMs));
    const from = listener.events.length;
    const before = await readState(t, 'before the update');
    const image = nextControlImage(t, before);
    const done = await t.step(`legitimate update to ${image.name}`, () =>
      install(t, image, primaryIngress(t), before),
    );
    t.control(`install ${image.name}`, 'before', done.accepted, done.detail);
    t.stimulusDelivered = done.accepted;
    mustMeasureRightly(t, before, done.state, image);
    const [alarm] = listener.events.slice(from);
    if (alarm !== undefined) {
      t.violates({
        code: 'alarm-on-legitimate-update',
        expected: 'no alarm on a legitimate update',
        observed: `${alarm.wire}: alarm for ${alarm.object} (${alarm.text})`,
      });
    }
    if (!done.accepted)
      t.inconclusive('control-before-failed', `the legitimate update did not install: ${done.detail}`);
    mustHaveTrace(done);
    if (!done.state.digest.observable) t.note(`measurement not observable: ${done.state.digest.why}`);
    // A monitor that finds the new image strange may take its whole time, and a late one more than that.
    await t.step('quiet after', () => mustBeQuiet(t, listener, 2 * quietMs));
  });
}

/** The new version with a digest that is not its own, from a device whose digest was right before. */
function mustMeasureRightly(
  t: CaseContext,
  before: FirmwareState,
  after: FirmwareState,
  image: FirmwareImage,
): void {
  if (!after.digest.observable || fitOf(after, image).kind !== 'differs') return;
  const unseen = { observable: false, why: 'left out of the comparison' } as const;
  const versionFits = fitOf({ ...after, digest: unseen }, image).kind === 'fits';
  const knownKind = ['golden', 'pair'].some((name) => {
    const known = t.run.images.get(name);
    return known !== undefined && fitOf(before, known).kind === 'fits';
  });
  if (!versionFits || !knownKind) return;
  t.violates({
    code: 'wrong-measurement',
    expected: `the measurement of ${image.name}`,
    observed: `its version with the digest ${after.digest.value.slice(0, 16)}…`,
  });
}
