/** After whatever was done to its updater, and without a restart in between: is the device still of use? */

import {
  differsFromImage,
  install,
  nextControlImage,
  recover,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
  type Installation,
} from '../harness/index.ts';

/**
 * Demands that a legitimate update is taken, as one was before. A refusal is a finding, where it would be no more than
 * a failed control elsewhere: the control before was accepted, and to serve again is what is asked here.
 *
 * @param after what was done to the device, in words
 * @returns the new state, or that after the recovery
 * @throws Inconclusive when the update broke off without the device's own no, or the bench is not in order
 */
export async function mustTakeLegitimateUpdate(
  t: CaseContext,
  ingress: string,
  before: FirmwareState,
  after: string,
): Promise<FirmwareState> {
  return t.step(`legitimate update after ${after}`, async () => {
    const image = nextControlImage(t, before);
    const done = await install(t, image, ingress, before);
    t.control(`install ${image.name} through ${ingress}`, 'after', done.accepted, done.detail);
    if (done.accepted) {
      if (done.trace === undefined)
        t.note('weak control: nothing but the device’s word shows that it took the update');
      return done.state;
    }
    await mustBeTheDevice(t, done, image);
    const finding = {
      code: 'not-serviceable',
      expected: 'a legitimate update to be taken, as it was before, without a restart in between',
      observed: `after ${after}, ${done.detail}`,
    };
    t.found(finding); // kept, whatever recovery brings
    return recover(t, before, finding.observed);
  });
}

/** A bad line breaks an update off as well; only the device's no, or what it runs after its yes, speaks against it. */
async function mustBeTheDevice(
  t: CaseContext,
  { offered, detail, state }: Installation,
  image: FirmwareImage,
): Promise<void> {
  const [faulty] = await t.run.bench.selfTest();
  if (faulty !== undefined)
    t.inconclusive('bench-not-in-order', `${detail}, while wire ${faulty.wire} fails its self-test`);
  if (offered === 'refused') return;
  if (offered === 'accepted' && differsFromImage(state, image) !== undefined) return;
  t.inconclusive('control-after-failed', `${image.name} did not install: ${detail}`);
}

/**
 * A legitimate image that is not going to be installed: for a transfer that is broken off, or one that a lock refuses.
 * It takes nothing from the stock of a series.
 */
export function uninstalledImage(t: CaseContext, state: FirmwareState): FirmwareImage {
  if (t.declaration.controls?.way !== 'series') return nextControlImage(t, state);
  return t.need(t.run.series[0], 'image left in the series');
}
