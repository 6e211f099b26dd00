/** RB-20: a trial whose client vanishes ends by itself, in its declared time, with the old image. */

import {
  auditMarker,
  changes,
  controlUpdate,
  differsFromImage,
  firmwareOf,
  monotonicMs,
  mustBeAudited,
  nextControlImage,
  NotExecuted,
  pause,
  primaryIngress,
  readState,
  recover,
  say,
  stateOnceRunning,
  waitUntilReady,
  type CaseContext,
  type FirmwareState,
} from '../../harness/index.ts';
import { clockOf, revertedAt, type DeviceClock } from './device-clock.ts';

/** The trial as it was started. */
interface Trial {
  /** Position of the log once the trial ran. */
  marker: number | undefined;
  /** The trial began after the first, and ran by the second of these. Monotonic ms. */
  askedAtMs: number;
  runningAtMs: number;
  clock: DeviceClock | undefined;
}

/**
 * Starts a newer image as a trial, proves that it runs, and then asks nothing of the device, on any wire, until its
 * time for a confirmation and for the way back is over; then the old image must run, with its old counter. The twin: a
 * confirmed update is still there after the same time, so it was the missing confirmation that ended the trial.
 */
export async function mustRevertWhenClientVanishes(t: CaseContext): Promise<void> {
  if (t.update.confirmation === 'none') {
    t.inconclusive(
      'no-trial',
      'the declaration says that updates need no confirmation, so nothing can be left unconfirmed: FP-RB-5 is to be waived under notApplicable',
    );
  }
  const limitMs = t.update.confirmWithinMs;
  if (limitMs === undefined) {
    throw new NotExecuted('not-declared', 'the declaration names no update.confirmWithinMs', {
      hint: 'Ask the vendor after which time a trial that nobody confirms is swapped back, and declare it.',
    });
  }
  const ingress = primaryIngress(t);
  const baseline = await controlUpdate(t, 'before', ingress);
  const trial = await t.step('trial of a newer image, not confirmed', () => startTrial(t, ingress, baseline));
  await t.step('silence', () => pause(limitMs + t.bootsWithinMs));
  await t.step('after the silence', () => mustHaveReverted(t, baseline, trial, limitMs));
  const confirmed = await controlUpdate(t, 'after', ingress);
  await t.step('twin: the same time after a confirmation', async () => {
    await pause(limitMs);
    const changed = changes(confirmed, await readState(t, 'after the twin’s silence')).join('; ');
    t.control('a confirmed update stays', 'twin', changed === '', changed || 'same state');
    if (changed !== '') t.inconclusive('twin-reverted', `what was confirmed did not stay either: ${changed}`);
  });
}

async function startTrial(t: CaseContext, ingress: string, baseline: FirmwareState): Promise<Trial> {
  const firmware = firmwareOf(t);
  const image = t.run.images.get('newer') ?? nextControlImage(t, baseline);
  const rationale = 'what nobody confirms must not stay';
  t.stimulus({ name: 'trial whose client vanishes', rationale, ingress, image });
  const marker = await auditMarker(t);
  const offeredAtMs = monotonicMs();
  const offered = t.answered('offer', await firmware.offer(image, ingress));
  if (offered.kind !== 'accepted') t.inconclusive('trial-refused', `${image.name} was ${say(offered)}`);
  const clock = await clockOf(t, marker, offeredAtMs, monotonicMs());
  const askedAtMs = monotonicMs();
  const activated = t.answered('activate', await firmware.activate(ingress));
  if (activated.kind === 'refused') t.inconclusive('trial-refused', `activation was ${say(activated)}`);
  const state = await stateOnceRunning(t, image, baseline);
  const runningAtMs = monotonicMs();
  t.stimulusDelivered = true;
  const mismatch = differsFromImage(state, image);
  const runs = mismatch === undefined && changes(baseline, state).length > 0;
  t.control('the trial runs', 'twin', runs, mismatch ?? `${image.name} runs as a trial`);
  if (!runs)
    t.inconclusive('no-trial', `${image.name} never ran as a trial: ${mismatch ?? 'the state is unchanged'}`);
  return { marker: await auditMarker(t), askedAtMs, runningAtMs, clock };
}

async function mustHaveReverted(
  t: CaseContext,
  baseline: FirmwareState,
  trial: Trial,
  limitMs: number,
): Promise<void> {
  await waitUntilReady(t);
  const changed = changes(baseline, await readState(t, 'after the silence'));
  if (changed.length > 0) {
    const finding = {
      code: 'trial-not-reverted',
      expected: `the image from before the trial, ${limitMs} ms and a restart after a trial that nobody confirmed`,
      observed: changed.join('; '),
    };
    t.found(finding); // kept, whatever recovery brings
    await recover(t, baseline, finding.observed);
    return;
  }
  await mustBeAudited(t, 'imageReverted', trial.marker);
  await measure(t, trial, limitMs);
}

/** When it was, by the device's own log: to ask while it happens would be a client. State has decided already. */
async function measure(t: CaseContext, trial: Trial, limitMs: number): Promise<void> {
  const at = await revertedAt(t, trial.marker, trial.clock);
  if (at === undefined) return t.note('time of the way back not observable: no log tells it');
  const value = at.atMs - (trial.askedAtMs + trial.runningAtMs) / 2;
  const uncertainty = at.uncertaintyMs + (trial.runningAtMs - trial.askedAtMs) / 2;
  const limit = limitMs + t.declaredBootMs;
  if (value < -uncertainty)
    return t.note('time of the way back not observable: the device’s clock did not go on over its restart');
  if (value > limit + uncertainty) {
    t.inconclusive(
      'way-back-unclear',
      `by the device’s log it went back ${value.toFixed(0)} ms after the trial began, later than ${limit} ms: its clock went wrong, or it waited until it was asked`,
    );
  }
  t.measure({ name: 'time from the trial’s start to the way back', value, unit: 'ms', limit, uncertainty });
  if (value + uncertainty < limitMs / 2)
    t.note(`the trial ended after ${value.toFixed(0)} ms already, of ${limitMs} ms for its confirmation`);
}
