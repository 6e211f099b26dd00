/** INT-11: a legitimate update is no violation. */

import {
  install,
  differsFromImage,
  nextControlImage,
  primaryIngress,
  readState,
  type CaseContext,
} from '../../harness/index.ts';
import { detectionMs, mustBeQuiet, whileListening } from './violation.ts';

/** An update while every alarm wire is heard: no alarm, and the measurement read back is the image's own. */
export async function mustUpdateQuietly(t: CaseContext): Promise<void> {
  await whileListening(t, async (listener) => {
    const from = listener.events.length;
    const image = nextControlImage(t, await readState(t, 'before the update'));
    const done = await t.step(`legitimate update to ${image.name}`, () =>
      install(t, image, primaryIngress(t)),
    );
    t.control(`install ${image.name}`, 'before', done.accepted, done.detail);
    if (!done.accepted)
      t.inconclusive('control-before-failed', `the legitimate update did not install: ${done.detail}`);
    const mismatch = differsFromImage(done.state, image);
    if (mismatch !== undefined) {
      t.violates({
        code: 'wrong-measurement',
        expected: `the measurement of ${image.name}`,
        observed: mismatch,
      });
    }
    if (!done.state.digest.observable) t.note(`measurement not observable: ${done.state.digest.why}`);
    const [alarm] = listener.events.slice(from);
    if (alarm !== undefined) {
      t.violates({
        code: 'alarm-on-legitimate-update',
        expected: 'no alarm on a legitimate update',
        observed: `${alarm.wire}: alarm for ${alarm.object} (${alarm.text})`,
      });
    }
    await t.step('quiet after', () => mustBeQuiet(t, listener, detectionMs(t, 'code')));
  });
}
