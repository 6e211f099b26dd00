/** RB-17: the supply is cut while an unconfirmed trial gives way to the old image; never is there neither of them. */

import {
  changes,
  controlUpdate,
  differsFromImage,
  firmwareOf,
  fitOf,
  monotonicMs,
  mustBeAlive,
  onTrial,
  pause,
  primaryIngress,
  readState,
  recover,
  say,
  vendorImage,
  stateOnceRunning,
  waitUntilReady,
  type CaseContext,
  type FirmwareState,
} from '../../harness/index.ts';
import { floorMustHold, isSameImage, mustBoot, stateOfLiving, updateAgain } from './cut-aftermath.ts';
import { cutsAtDepth, sweepCuts, type Behaviour, type MadeCut, type Order } from './cut-sweep.ts';
import { mustHaveHit } from './power-cut-sweep.ts';
import type { Phase } from './sweep-plan.ts';
import type { Hit } from './update-with-cut.ts';

/** Each cut costs a whole trial: half as many as over an update. */
const partOfCuts = 0.5;

/**
 * A trial of a newer image that nobody confirms is swapped back at the next start. That start is timed once, then cut
 * at points of it; the old image must run afterwards, at once or after one more start.
 */
export async function mustSurviveCutReverts(t: CaseContext): Promise<void> {
  const count = Math.ceil(cutsAtDepth(t) * partOfCuts);
  t.need(t.device.power, 'switched supply');
  if (!t.update.unconfirmedReverts) {
    t.inconclusive(
      'no-revert',
      'the declaration says that an unconfirmed image is not swapped back at a reset',
    );
  }
  const newer = vendorImage(t, 'newer');
  const baseline = await controlUpdate(t, 'before', primaryIngress(t));
  const phases = await t.step('time an undisturbed revert', () => timeRevert(t, baseline));
  let lastCut = 'control';
  const cuts = await sweepCuts(t, { of: 'revert', phases, count }, async (order): Promise<MadeCut> => {
    const refused = await startTrial(t, baseline);
    if (refused !== undefined) return updateAgain(t, lastCut, newer, refused);
    lastCut = order.name;
    const hit = await cutRevert(t, order, phases);
    return { hit, look: () => lookAfter(t, order.name, baseline) };
  });
  mustHaveHit(t, cuts, 'revert');
  await controlUpdate(t, 'after', primaryIngress(t));
}

/**
 * The one phase of a revert that can be told from the outside: from power to readiness.
 *
 * @throws Inconclusive when the undisturbed revert fails: that is another case's finding
 */
async function timeRevert(t: CaseContext, baseline: FirmwareState): Promise<Phase[]> {
  const refused = await startTrial(t, baseline);
  if (refused !== undefined) t.inconclusive('trial-refused', refused);
  const power = t.need(t.device.power, 'switched supply');
  await power.off();
  const { atMs } = await power.on();
  await waitUntilReady(t);
  const lengthMs = monotonicMs() - atMs;
  const changed = changes(baseline, await readState(t, 'after the undisturbed revert'));
  const detail = changed.length === 0 ? 'the old image runs again' : changed.join('; ');
  t.control('an undisturbed trial is reverted', 'twin', changed.length === 0, detail);
  if (changed.length > 0) t.inconclusive('not-reverted', `an undisturbed trial was not reverted: ${detail}`);
  t.measure({ name: 'revert phase', value: lengthMs, unit: 'ms' });
  return [{ name: 'revert', lengthMs }];
}

/**
 * Installs the newer image and leaves it unconfirmed.
 *
 * @returns why the device did not take it; undefined when it runs on trial
 * @throws Inconclusive when it was taken, and does not run: without a trial there is no revert
 */
async function startTrial(t: CaseContext, baseline: FirmwareState): Promise<string | undefined> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  const newer = t.image('newer');
  const offered = t.answered('offer of the newer image', await firmware.offer(newer, ingress));
  if (offered.kind !== 'accepted') return `the offer of the newer image was ${say(offered)}`;
  const activated = t.answered('activate', await firmware.activate(ingress));
  if (activated.kind === 'refused') return `activation of the newer image was ${say(activated)}`;
  const trial = await stateOnceRunning(t, newer, baseline);
  const mismatch = differsFromImage(trial, newer);
  if (mismatch === undefined && !isSameImage(baseline, trial)) return undefined;
  t.inconclusive('no-trial', `the newer image never ran as a trial: ${mismatch ?? 'the state is unchanged'}`);
}

/** Ends the trial, and cuts the start in which it is reverted. */
async function cutRevert(t: CaseContext, order: Order, [phase]: readonly Phase[]): Promise<Hit> {
  const { name, point, leadMs } = order;
  t.stimulus({ name, rationale: 'a revert must not be able to destroy the device' });
  const power = t.need(t.device.power, 'switched supply');
  await power.off();
  const { atMs: onAtMs } = await power.on();
  await pause(Math.max(0, point.afterMs - leadMs));
  const orderedMs = monotonicMs();
  const { atMs } = await power.off();
  t.stimulusDelivered = true;
  const landedMs = atMs - onAtMs;
  return { landedMs, inTime: landedMs <= (phase?.lengthMs ?? 0), tookMs: atMs - orderedMs };
}

async function lookAfter(t: CaseContext, name: string, baseline: FirmwareState): Promise<Behaviour> {
  const cut = { name, before: baseline };
  const bootMs = await mustBoot(t, cut);
  const state = await stateOfLiving(t, `after ${name}`);
  if (isSettled(baseline, state)) {
    floorMustHold(t, cut, state, 'old');
    return { outcome: 'old', bootMs };
  }
  if (fitOf(state, t.image('newer')).kind === 'differs' && !isSameImage(baseline, state)) {
    return neither(t, name, baseline, state, bootMs);
  }
  // Still reverting: the next start has the last word.
  await t.need(t.device.power, 'switched supply').off();
  await mustBoot(t, { name: `start after the ${name}`, before: baseline });
  const later = await readState(t, `after one more start after ${name}`);
  await mustBeAlive(t);
  floorMustHold(t, cut, later, 'old');
  if (isSettled(baseline, later)) return { outcome: 'old, one start later', bootMs };
  t.violates({
    code: 'revert-lost-by-power-cut',
    expected: 'the old image, confirmed, after the next start at the latest',
    observed: `after the ${name} and one more start: ${changes(baseline, later).join('; ')}`,
  });
}

const isSettled = (baseline: FirmwareState, state: FirmwareState): boolean =>
  isSameImage(baseline, state) && !onTrial(state);

async function neither(
  t: CaseContext,
  name: string,
  baseline: FirmwareState,
  state: FirmwareState,
  bootMs: number,
): Promise<Behaviour> {
  t.found({
    code: 'neither-old-nor-new',
    expected: 'the old image, or the one on trial',
    observed: `after the ${name}: ${changes(baseline, state).join('; ')}`,
  });
  await recover(t, baseline, `neither old nor new after the ${name}`);
  return { outcome: 'neither', bootMs };
}
