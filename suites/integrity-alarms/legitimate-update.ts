/** INT-11: a legitimate update is no violation. */

import {
  always,
  auditMarker,
  explain,
  fitOf,
  install,
  mustHaveTrace,
  nextControlImage,
  primaryIngress,
  readState,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
  type Installation,
} from '../../harness/index.ts';
import { longestDetectionMs, mustBeQuiet, whileListening } from './listening.ts';

/**
 * An update while every alarm wire is heard: no alarm before, during or after, and the measurement read back is the
 * image's own. The restart may take connections away, so wires are heard over the update as far as they live through
 * it, and anew after it; the device's own log covers the gap between.
 */
export async function mustUpdateQuietly(t: CaseContext): Promise<void> {
  const quietMs = longestDetectionMs(t);
  await whileListening(t, (listener) => t.step('quiet before', () => mustBeQuiet(t, listener, quietMs)));
  const marker = await auditMarker(t);
  const done = await updateHeard(t);
  if (!done.accepted)
    t.inconclusive('control-before-failed', `the legitimate update did not install: ${done.detail}`);
  mustHaveTrace(done);
  if (!done.state.digest.observable) t.note(`measurement not observable: ${done.state.digest.why}`);
  // A monitor that finds the new image strange may take its whole time, and a late one more than that.
  await whileListening(t, (listener) => t.step('quiet after', () => mustBeQuiet(t, listener, 2 * quietMs)));
  await mustNotBeLogged(t, marker);
}

/** Updates and listens; a wire that is lost over the restart is no evidence, and no fault. */
async function updateHeard(t: CaseContext): Promise<Installation> {
  const listener = await t.need(t.device.alarms, 'alarm wire').listen();
  const work = async (): Promise<Installation> => {
    const before = await readState(t, 'before the update');
    const image = nextControlImage(t, before);
    const done = await t.step(`legitimate update to ${image.name}`, () =>
      install(t, image, primaryIngress(t), before),
    );
    t.control(`install ${image.name}`, 'before', done.accepted, done.detail);
    t.stimulusDelivered = done.accepted;
    mustMeasureRightly(t, before, done.state, image);
    const [alarm] = listener.events;
    if (alarm !== undefined) falseAlarm(t, `${alarm.wire}: alarm for ${alarm.object} (${alarm.text})`);
    return done;
  };
  const end = async (): Promise<void> => {
    for (const { wire } of listener.failures)
      t.note(`${wire} was lost over the restart, and is heard anew after it`);
    await listener.close();
  };
  return always(work, end, (error) => t.note(`listening could not be ended: ${explain(error)}`));
}

/** No integrity event in the device's own log since the marker, where log and event are declared. */
async function mustNotBeLogged(t: CaseContext, marker: Marker): Promise<void> {
  const declared = t.declaration.audit?.integrityAlarm;
  const log = t.device.audit;
  if (log === undefined || typeof marker !== 'number' || declared === undefined) return;
  const logged = (await log.since(marker)).find(({ event }) => event === declared.event);
  if (logged === undefined) return;
  falseAlarm(t, `log: #${logged.sequence} ${logged.event} ${logged.object} ${logged.text}`);
}

type Marker = Awaited<ReturnType<typeof auditMarker>>;

function falseAlarm(t: CaseContext, observed: string): never {
  return t.violates({
    code: 'alarm-on-legitimate-update',
    expected: 'no alarm on a legitimate update',
    observed,
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
