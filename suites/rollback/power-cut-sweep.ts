/** RB-16: the supply is cut at many moments of an update; after each the device runs the old or the new image. */

import {
  BenchError,
  changes,
  controlUpdate,
  firmwareOf,
  fitOf,
  mustBeAlive,
  nextControlImage,
  NotExecuted,
  onTrial,
  primaryIngress,
  provenDead,
  readState,
  recover,
  waitUntilReady,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';
import {
  cutPoints,
  timeUpdate,
  updateWithCut,
  type Cut,
  type Phase,
  type UpdateTimes,
} from './update-with-cut.ts';

/** Times one undisturbed update, then cuts at points spread over its phases. */
export async function mustSurvivePowerCuts(t: CaseContext): Promise<void> {
  const power = t.need(t.device.power, 'switched supply');
  if (t.run.cuts < 1) throw new NotExecuted('no-cuts', 'not a single power cut was asked for (--cuts)');
  if (!power.precise) t.note('the supply switches slowly: the instants of the cuts are approximate');
  await controlUpdate(t, 'before', primaryIngress(t));
  const times = await t.step('time an undisturbed update', () => timeUpdate(t));
  const cuts = cutPoints(times, t.run.cuts);
  const endings = { old: 0, new: 0 };
  const landed: Record<Phase, number> = { transfer: 0, install: 0, confirm: 0 };
  for (const [index, cut] of cuts.entries()) {
    const name = `cut ${index + 1} of ${cuts.length}: ${cut.afterMs.toFixed(0)} ms into ${cut.phase}`;
    await t.step(name, async () => {
      const { ending, inTime } = await cutOnce(t, cut, times, name);
      endings[ending] += 1;
      if (inTime) landed[cut.phase] += 1;
      else t.note(`${name}: it came after the phase was over`);
    });
  }
  t.note(`${cuts.length} cuts: ${endings.old} ended with the old image, ${endings.new} with the new one`);
  mustHaveHit(t, cuts, landed);
  await controlUpdate(t, 'after', primaryIngress(t));
}

/** Cuts beside the update prove nothing: the phase in which flash is rearranged must have been hit. */
function mustHaveHit(t: CaseContext, cuts: readonly Cut[], landed: Record<Phase, number>): void {
  const said = Object.entries(landed).map(([phase, count]) => {
    const of = cuts.filter((cut) => cut.phase === phase).length;
    return `${count} of ${of} in ${phase}`;
  });
  t.note(`cuts that landed: ${said.join(', ')}`);
  if (landed.install > 0) return;
  t.inconclusive('cuts-missed', `no cut landed while an image was being installed (${said.join(', ')})`);
}

/** One update, one cut, one boot, and what runs afterwards. */
async function cutOnce(
  t: CaseContext,
  cut: Cut,
  times: UpdateTimes,
  name: string,
): Promise<{ ending: 'old' | 'new'; inTime: boolean }> {
  const power = t.need(t.device.power, 'switched supply');
  const before = await readState(t, 'before the update');
  const image = nextControlImage(t, before);
  t.stimulus({
    name,
    rationale: 'an update must not be able to destroy the device',
    image,
    ingress: primaryIngress(t),
  });
  const inTime = await updateWithCut(t, image, cut, times, async () => {
    const done = await power.off();
    t.stimulusDelivered = true;
    return done;
  });
  await power.on();
  try {
    await waitUntilReady(t);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    const death = await provenDead(t);
    if (death === undefined) throw error;
    t.found({
      code: 'bricked-by-power-cut',
      expected: 'a device that boots after a power cut at any moment of an update',
      observed: `after the ${name}, ${death}`,
    });
    await recover(t, before, `the device did not boot after the ${name}`);
    throw error;
  }
  return { ending: await whatRuns(t, before, image, name), inTime };
}

async function whatRuns(
  t: CaseContext,
  before: FirmwareState,
  image: FirmwareImage,
  name: string,
): Promise<'old' | 'new'> {
  const after = await readState(t, `after ${name}`);
  const fit = fitOf(after, image).kind;
  // An image of an unknown format is told from the old one by difference alone; torn ones cannot be told then.
  if (fit === 'unknown')
    t.note('the new image is of an unknown format: only a changed state tells it from the old');
  const isOld = changes(before, { ...after, confirmation: before.confirmation }).length === 0;
  if (!isOld && fit === 'differs') {
    t.found({
      code: 'neither-old-nor-new',
      expected: 'the old or the new image, with its counter',
      observed: `after the ${name}: ${changes(before, after).join('; ')}`,
    });
    await recover(t, before, `neither old nor new after the ${name}`);
    return 'old';
  }
  floorMustHold(t, before, after, name);
  await mustBeAlive(t);
  const unsure = !after.confirmation.observable && !isOld;
  const firmware = firmwareOf(t);
  if ((onTrial(after) || unsure) && firmware.confirm !== undefined) {
    t.answered('confirm what runs', await firmware.confirm());
  }
  return isOld ? 'old' : 'new';
}

function floorMustHold(t: CaseContext, before: FirmwareState, after: FirmwareState, name: string): void {
  const [was, is] = [before.securityCounter, after.securityCounter];
  if (!was.observable || !is.observable || is.value >= was.value) return;
  t.found({
    code: 'floor-lowered-by-power-cut',
    expected: `a counter floor of at least ${was.value}`,
    observed: `${is.value} after the ${name}`,
  });
}
