/** INT-11: a legitimate update is no violation. */

import {
  auditMarker,
  install,
  differsFromImage,
  nextControlImage,
  primaryIngress,
  readState,
  type AlarmEvent,
  type CaseContext,
  type Installation,
} from '../../harness/index.ts';
import { detectionMs, mustBeQuiet, whileListening } from './violation.ts';

/**
 * An update while every alarm wire is heard: no alarm before, during or after, and the measurement read back is the
 * image's own. The restart may take connections away, so wires are heard twice: over the update, as far as they live
 * through it, and anew after it; the audit log covers the gap between.
 */
export async function mustUpdateQuietly(t: CaseContext): Promise<void> {
  const marker = await auditMarker(t);
  const { done, alarms } = await updateListening(t);
  if (!done.accepted)
    t.inconclusive('control-before-failed', `the legitimate update did not install: ${done.detail}`);
  if (!done.state.digest.observable) t.note(`measurement not observable: ${done.state.digest.why}`);
  const [alarm] = alarms;
  if (alarm !== undefined) falseAlarm(t, `${alarm.wire}: alarm for ${alarm.object} (${alarm.text})`);
  await whileListening(t, (listener) =>
    t.step('quiet after', () => mustBeQuiet(t, listener, detectionMs(t, 'code'))),
  );
  await mustNotBeLogged(t, marker);
}

async function updateListening(
  t: CaseContext,
): Promise<{ done: Installation; alarms: readonly AlarmEvent[] }> {
  const listener = await t.need(t.device.alarms, 'alarm wire').listen();
  try {
    const image = nextControlImage(t, await readState(t, 'before the update'));
    const done = await t.step(`legitimate update to ${image.name}`, () =>
      install(t, image, primaryIngress(t)),
    );
    t.control(`install ${image.name}`, 'before', done.accepted, done.detail);
    const mismatch = differsFromImage(done.state, image);
    if (done.accepted && mismatch !== undefined) {
      t.violates({
        code: 'wrong-measurement',
        expected: `the measurement of ${image.name}`,
        observed: mismatch,
      });
    }
    return { done, alarms: [...listener.events] };
  } finally {
    for (const { wire } of listener.failures)
      t.note(`${wire} was lost over the restart, and heard anew after it`);
    await listener.close();
  }
}

/** No integrity event in the device's own log since the marker, where log and event are declared. */
async function mustNotBeLogged(t: CaseContext, marker: number | undefined): Promise<void> {
  const declared = t.declaration.audit?.integrityAlarm;
  if (t.device.audit === undefined || marker === undefined || declared === undefined) return;
  const events = await t.device.audit.since(marker);
  const logged = events.find(({ event }) => event === declared.event);
  if (logged !== undefined)
    falseAlarm(t, `log: #${logged.sequence} ${logged.event} ${logged.object} ${logged.text}`);
}

function falseAlarm(t: CaseContext, observed: string): never {
  return t.violates({
    code: 'alarm-on-legitimate-update',
    expected: 'no alarm on a legitimate update',
    observed,
  });
}
