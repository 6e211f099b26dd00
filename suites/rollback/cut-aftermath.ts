/** What a device is after its supply was cut: it boots, runs a whole image, keeps its floor, and can be updated. */

import {
  BenchError,
  changes,
  firmwareOf,
  fitOf,
  install,
  mustBeAlive,
  nextControlImage,
  monotonicMs,
  onTrial,
  pause,
  primaryIngress,
  provenDead,
  readState,
  recover,
  restart,
  say,
  TimeoutError,
  waitUntilReady,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';

/** What ran afterwards. `new on trial`: the new image, not confirmed yet. */
export const endings = ['old', 'new on trial', 'new', 'neither'] as const;
export type Ending = (typeof endings)[number];

export interface Aftermath {
  ending: Ending;
  state: FirmwareState;
  /** From the return of power to the sign of readiness, in milliseconds. */
  bootMs: number;
}

/** A cut with what it is held against. */
export interface Cut {
  /** For findings: "cut 3 of 40: 12 ms into install". */
  name: string;
  before: FirmwareState;
  image: FirmwareImage;
}

/** Longest time between two looks for readiness: a boot that is late by less cannot be told from one in time. */
const looksWithinMs = 500;

/**
 * Power comes back, and the device must boot in its declared time.
 *
 * @returns from power to readiness, in milliseconds
 * @throws BenchError after the finding `bricked-by-power-cut` when it is dead, and nothing was proven otherwise
 */
export async function mustBoot(t: CaseContext, { name, before }: Omit<Cut, 'image'>): Promise<number> {
  const { atMs } = await t.need(t.device.power, 'switched supply').on();
  try {
    await waitUntilReady(t);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    const death = await provenDead(t);
    if (death === undefined) return bootedLate(t, name, atMs, error);
    t.found({
      code: 'bricked-by-power-cut',
      expected: 'a device that boots after a power cut at any moment',
      observed: `after the ${name}, ${death}`,
    });
    await recover(t, before, `the device did not boot after the ${name}`);
    throw error;
  }
  const bootMs = monotonicMs() - atMs;
  const patient = t.bootsWithinMs > t.declaredBootMs;
  if (patient && bootMs > t.declaredBootMs) mustBeDeclared(t, name, bootMs);
  return bootMs;
}

async function bootedLate(t: CaseContext, name: string, onAtMs: number, cause: BenchError): Promise<number> {
  if (!(cause instanceof TimeoutError)) throw cause;
  await t.device.waitUntilReady(t.bootsWithinMs).catch(() => {
    throw cause;
  });
  const bootMs = monotonicMs() - onAtMs;
  mustBeDeclared(t, name, bootMs);
  return bootMs;
}

function mustBeDeclared(t: CaseContext, name: string, bootMs: number): void {
  t.mustBeWithin('time to ready', { valueMs: bootMs, uncertaintyMs: looksWithinMs }, t.declaredBootMs, {
    code: 'late-after-power-cut',
    expected: `a device that boots within ${t.declaredBootMs} ms after the ${name}`,
  });
}

/** Boots and looks; what runs on trial is confirmed, so that the next update can begin. */
export async function aftermathOf(t: CaseContext, cut: Cut): Promise<Aftermath> {
  const bootMs = await mustBoot(t, cut);
  const state = await stateOfLiving(t, `after ${cut.name}`);
  const ending = endingOf(t, cut, state);
  if (ending === 'neither') {
    t.found({
      code: 'neither-old-nor-new',
      expected: 'the old or the new image',
      observed: `after the ${cut.name}: ${changes(cut.before, state).join('; ')}`,
    });
    await recover(t, cut.before, `neither old nor new after the ${cut.name}`);
    return { ending, state, bootMs };
  }
  floorMustHold(t, cut, state, ending);
  await confirmWhatRuns(t, state, ending);
  return { ending, state, bootMs };
}

/** The state, while the process value is watched on its own wire: a sweep looks often. */
export async function stateOfLiving(t: CaseContext, when: string): Promise<FirmwareState> {
  const looks = [readState(t, when), mustBeAlive(t)] as const;
  await Promise.allSettled(looks); // neither may go on behind the other's error
  const [state] = await Promise.all(looks);
  return state;
}

/** Version and digest tell which image runs; the floor is judged by itself. */
function endingOf(t: CaseContext, { before, image }: Cut, after: FirmwareState): Ending {
  const isSame = isSameImage(before, after);
  const fit = fitOf(after, image).kind;
  // An image of an unknown format is told from the old one by difference alone; torn ones cannot be told then.
  if (fit === 'unknown')
    t.note('the new image is of an unknown format: only a changed state tells it from the old');
  if (!isSame && fit === 'differs') return 'neither';
  // The same image again: only a trial shows that it was installed anew.
  if (isSame && !(fit === 'fits' && onTrial(after) && !onTrial(before))) return 'old';
  if (!after.digest.observable) {
    t.inconclusive(
      'executed-bytes-not-observable',
      'the version of the new image runs after a cut, and without a digest nothing shows that it is whole',
    );
  }
  return onTrial(after) ? 'new on trial' : 'new';
}

/** True when version and digest are those of before, as far as they can be read. */
export function isSameImage(before: FirmwareState, { version, digest }: FirmwareState): boolean {
  return changes(before, { ...before, version, digest }).length === 0;
}

/** Never lower than before; and not higher while nothing is confirmed that could have raised it. */
export function floorMustHold(
  t: CaseContext,
  { name, before }: Omit<Cut, 'image'>,
  after: FirmwareState,
  ending: Ending,
): void {
  const [was, is] = [before.securityCounter, after.securityCounter];
  if (!was.observable || !is.observable) return;
  if (is.value < was.value) {
    t.found({
      code: 'floor-lowered-by-power-cut',
      expected: `a counter floor of at least ${was.value}`,
      observed: `${is.value} after the ${name}`,
    });
  }
  const mayRise = ending === 'new' || t.update.raisesFloorAt === 'install';
  if (is.value <= was.value || mayRise) return;
  t.found({
    code: 'floor-raised-by-power-cut',
    expected: `a counter floor of ${was.value} while no newer image is confirmed`,
    observed: `${is.value} after the ${name}, with the ${ending} image running`,
  });
}

async function confirmWhatRuns(t: CaseContext, state: FirmwareState, ending: Ending): Promise<void> {
  const confirm = firmwareOf(t).confirm?.bind(t.device.firmware);
  const unsure = !state.confirmation.observable && ending !== 'old';
  if (confirm === undefined || (!onTrial(state) && !unsure)) return;
  const answer = t.answered('confirm what runs', await confirm());
  if (answer.kind === 'accepted' || unsure) return;
  t.inconclusive(
    'trial-not-confirmed',
    `the trial that runs after a cut could not be confirmed: ${say(answer)}`,
  );
}

/**
 * A whole legitimate update must still go through. One that is refused is tried again after a restart, and after the
 * declared time for which invalid updates lock the device: what it refuses then, it refuses because of the cut.
 *
 * @throws Nonconformity when the device refuses it both times; Inconclusive when the second way was another
 */
export async function mustStillUpdate(t: CaseContext, name: string): Promise<FirmwareState> {
  const state = await readState(t, `before the update after ${name}`);
  const image = nextControlImage(t, state);
  const first = await install(t, image, primaryIngress(t), state);
  t.control(`update after the ${name}`, 'twin', first.accepted, first.detail);
  if (first.accepted) return first.state;
  return updateAgain(t, name, image, first.detail);
}

/** @throws always, but for the type's sake: an update that was refused once is no pass */
export async function updateAgain(
  t: CaseContext,
  name: string,
  image: FirmwareImage,
  why: string,
): Promise<never> {
  await restart(t);
  if (t.update.invalidUpdates !== undefined) await pause(t.update.invalidUpdates.lockedForMs);
  const answer = t.answered('offer, again', await firmwareOf(t).offer(image, primaryIngress(t)));
  if (answer.kind === 'refused') {
    t.violates({
      code: 'not-updatable-after-power-cut',
      expected: 'a device that takes a legitimate update after a power cut',
      observed: `after the ${name}: ${why}; after a restart it was ${say(answer)}`,
    });
  }
  t.inconclusive('update-refused', `after the ${name}: ${why}; after a restart the offer was ${say(answer)}`);
}
