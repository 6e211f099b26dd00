/** RB-16: the supply is cut at many moments of an update; after each the device runs the old or the new image. */

import {
  BenchError,
  changes,
  controlUpdate,
  firmwareOf,
  differsFromImage,
  monotonicMs,
  pause,
  mustBeAlive,
  nextControlImage,
  primaryIngress,
  readState,
  recover,
  say,
  waitUntilReady,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';

/** How long the three phases of an undisturbed update take on this device. */
interface UpdateTimes {
  transferMs: number;
  /** From the request to activate until the device answers again: verify, swap, boot. */
  installMs: number;
  confirmMs: number;
}

type Phase = 'transfer' | 'install' | 'confirm';
interface Cut {
  phase: Phase;
  /** Milliseconds after the phase began. */
  afterMs: number;
}

/** Times one undisturbed update, then cuts at points spread over its phases. */
export async function mustSurvivePowerCuts(t: CaseContext): Promise<void> {
  const power = t.need(t.device.power, 'switched supply');
  if (!power.precise) t.note('the supply switches slowly: the instants of the cuts are approximate');
  await controlUpdate(t, 'before', primaryIngress(t));
  const times = await t.step('time an undisturbed update', () => timeUpdate(t));
  const cuts = cutPoints(times, t.run.cuts);
  const endings = { old: 0, new: 0 };
  for (const [index, cut] of cuts.entries()) {
    const name = `cut ${index + 1} of ${cuts.length}: ${cut.afterMs.toFixed(0)} ms into ${cut.phase}`;
    await t.step(name, async () => {
      const ending = await cutOnce(t, cut, name);
      endings[ending] += 1;
    });
  }
  t.note(`${cuts.length} cuts: ${endings.old} ended with the old image, ${endings.new} with the new one`);
  await controlUpdate(t, 'after', primaryIngress(t));
}

/** Cuts, most of them in the install phase, where flash is rearranged. Midpoints of equal intervals: no cut at 0. */
export function cutPoints(times: UpdateTimes, count: number): Cut[] {
  const shares: [Phase, number, number][] = [
    ['transfer', Math.round(count * 0.25), times.transferMs],
    ['confirm', Math.round(count * 0.1), times.confirmMs],
  ];
  const rest = count - shares.reduce((sum, [, share]) => sum + share, 0);
  shares.splice(1, 0, ['install', rest, times.installMs]);
  return shares.flatMap(([phase, share, lengthMs]) =>
    Array.from({ length: share }, (_unused, index) => ({
      phase,
      afterMs: ((index + 0.5) / share) * lengthMs,
    })),
  );
}

async function timeUpdate(t: CaseContext): Promise<UpdateTimes> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  const image = nextControlImage(t, await readState(t, 'before timing'));
  const marks = [monotonicMs()];
  const offered = t.answered('offer', await firmware.offer(image, ingress));
  if (offered.kind !== 'accepted')
    t.inconclusive('control-before-failed', `the timed update was ${say(offered)}`);
  marks.push(monotonicMs());
  t.answered('activate', await firmware.activate(ingress));
  await waitUntilReady(t);
  marks.push(monotonicMs());
  await firmware.confirm?.();
  marks.push(monotonicMs());
  const [start = 0, transferred = 0, ready = 0, confirmed = 0] = marks;
  const times = {
    transferMs: transferred - start,
    installMs: ready - transferred,
    confirmMs: confirmed - ready,
  };
  for (const [name, value] of Object.entries(times)) t.measure({ name, value, unit: 'ms' });
  return times;
}

/** One update, one cut, one boot, and what runs afterwards. */
async function cutOnce(t: CaseContext, cut: Cut, name: string): Promise<'old' | 'new'> {
  const power = t.need(t.device.power, 'switched supply');
  const before = await readState(t, 'before the update');
  const image = nextControlImage(t, before);
  t.stimulus({
    name,
    rationale: 'an update must not be able to destroy the device',
    image,
    ingress: primaryIngress(t),
  });
  const update = updateWithCut(t, image, cut, async () => {
    await power.off();
    t.stimulusDelivered = true;
  });
  await update;
  await power.on();
  try {
    await waitUntilReady(t);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    const faults = await t.run.bench.selfTest();
    if (faults.length > 0) throw error;
    t.found({
      code: 'bricked-by-power-cut',
      expected: 'a device that boots after a power cut at any moment of an update',
      observed: `no sign of readiness within ${t.bootsWithinMs} ms after the ${name}, while the bench passed its self-test`,
    });
    await recover(t, before, `the device did not boot after the ${name}`);
    throw error;
  }
  return whatRuns(t, before, image, name);
}

/** Runs the update and cuts at the given moment of the given phase; errors after the cut are its consequence. */
async function updateWithCut(
  t: CaseContext,
  image: FirmwareImage,
  cut: Cut,
  cutNow: () => Promise<void>,
): Promise<void> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  let timing: Promise<void> | undefined;
  let isCut = false;
  const enter = (phase: Phase): void => {
    if (phase !== cut.phase) return;
    timing = pause(cut.afterMs).then(async () => {
      isCut = true;
      await cutNow();
    });
    timing.catch(() => undefined); // awaited below; until then a failure must not end the process
  };
  try {
    enter('transfer');
    await firmware.offer(image, ingress);
    if (!isCut) {
      enter('install');
      await firmware.activate(ingress);
    }
    if (!isCut && cut.phase !== 'install') {
      await waitUntilReady(t);
      enter('confirm');
      await firmware.confirm?.();
    }
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    if (timing === undefined) throw error; // nothing was cut yet: a bench fault
  }
  await timing;
}

async function whatRuns(
  t: CaseContext,
  before: FirmwareState,
  image: FirmwareImage,
  name: string,
): Promise<'old' | 'new'> {
  const after = await readState(t, `after ${name}`);
  const isNew = differsFromImage(after, image) === undefined;
  const softened = { ...after, confirmation: before.confirmation };
  const isOld = changes(before, softened).length === 0;
  if (!isNew && !isOld) {
    t.found({
      code: 'neither-old-nor-new',
      expected: 'the old or the new image, with its counter',
      observed: `after the ${name}: ${changes(before, after).join('; ')}`,
    });
    await recover(t, before, `neither old nor new after the ${name}`);
    return 'old';
  }
  if (before.securityCounter.observable && after.securityCounter.observable) {
    if (after.securityCounter.value < before.securityCounter.value) {
      t.found({
        code: 'floor-lowered-by-power-cut',
        expected: `a counter floor of at least ${before.securityCounter.value}`,
        observed: `${after.securityCounter.value} after the ${name}`,
      });
    }
  }
  await mustBeAlive(t);
  const onTrial = after.confirmation.observable && after.confirmation.value === 'trial';
  if (onTrial)
    t.answered('confirm the trial', (await firmwareOf(t).confirm?.()) ?? { kind: 'accepted', elapsedMs: 0 });
  return isOld ? 'old' : 'new';
}
