/** RB-10: a trial that nobody confirms ends with the old image, and costs nothing. */

import {
  changes,
  controlUpdate,
  differsFromImage,
  firmwareOf,
  powerCycle,
  primaryIngress,
  readState,
  say,
  stateOnceRunning,
  vendorImage,
  type CaseContext,
} from '../../harness/index.ts';

/**
 * Installs a newer image without confirming it, proves that the trial really ran (a revert test that passes because
 * no swap happened proves nothing), cuts the power, and demands the old image with its old counter. The closing
 * control then shows that the floor was not raised by the trial: the old series still installs.
 */
export async function mustRevertUnconfirmedTrial(t: CaseContext): Promise<void> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  if (t.update.confirmation === 'none') {
    t.inconclusive(
      'no-trial',
      'the declaration says that updates need no confirmation, so there is no trial to revert',
    );
  }
  if (!t.update.unconfirmedReverts) {
    t.inconclusive(
      'no-revert',
      'the declaration says that an unconfirmed image is not swapped back at the next reset (unconfirmedReverts)',
    );
  }
  const newer = vendorImage(t, 'newer');
  const baseline = await controlUpdate(t, 'before', ingress);
  await t.step('trial of a newer image, not confirmed', async () => {
    t.stimulus({
      name: 'newer image, never confirmed',
      rationale: 'an unconfirmed trial must not stay',
      ingress,
      image: newer,
    });
    const offered = t.answered('offer', await firmware.offer(newer, ingress));
    if (offered.kind !== 'accepted') t.inconclusive('trial-refused', `the newer image was ${say(offered)}`);
    t.answered('activate', await firmware.activate(ingress));
    const trial = await stateOnceRunning(t, newer, baseline);
    t.stimulusDelivered = true;
    const mismatch = differsFromImage(trial, newer);
    t.control('the trial runs', 'twin', mismatch === undefined, mismatch ?? `${newer.name} runs as a trial`);
    if (mismatch !== undefined || changes(baseline, trial).length === 0) {
      t.inconclusive(
        'no-trial',
        `the newer image never ran as a trial: ${mismatch ?? 'the state is unchanged'}`,
      );
    }
    floorMustBe(t, baseline.securityCounter, trial.securityCounter, 'during the trial');
  });
  await t.step('power cycle instead of a confirmation', () => powerCycle(t));
  const after = await readState(t, 'after the power cycle');
  const changed = changes(baseline, after);
  if (changed.length > 0) {
    t.violates({
      code: 'trial-not-reverted',
      expected: 'the confirmed image, version, digest and counter from before the trial',
      observed: changed.join('; '),
    });
  }
  await controlUpdate(t, 'after', ingress);
}

type Counter = Awaited<ReturnType<typeof readState>>['securityCounter'];

function floorMustBe(t: CaseContext, before: Counter, during: Counter, when: string): void {
  if (!before.observable || !during.observable) {
    t.note(`counter floor ${when} not observable`);
    return;
  }
  if (before.value === during.value || t.update.raisesFloorAt === 'install') return;
  t.found({
    code: 'floor-raised-early',
    expected: `the counter floor to stay at ${before.value} until the image is confirmed`,
    observed: `${during.value} ${when}`,
  });
}
