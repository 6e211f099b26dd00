/**
 * The rhythm of an integrity case: quiet first, one declared violation, an alarm on every declared wire that names
 * the right object in time, the essential function going on, then quiet again.
 */

import {
  always,
  BenchError,
  explain,
  monotonicMs,
  mustBeAlive,
  mustBeAudited,
  auditMarker,
  pause,
  until,
  TimeoutError,
  type AlarmEvent,
  type AlarmListener,
  type CaseContext,
} from '../../harness/index.ts';

/** How long past its limit an alarm is still waited for, to tell "late" from "never", in detection times. */
const patience = 4;

export function detectionMs(t: CaseContext, object: string): number {
  const declared = t.need(t.declaration.integrity, 'declaration of integrity monitoring');
  const perObject: Readonly<Record<string, number | undefined>> = declared.perObjectDetectionMs ?? {};
  return perObject[object] ?? declared.detectionMs;
}

/** Listens on every declared wire while `work` runs; a wire that could not be heard is a bench error, not silence. */
export async function whileListening<T>(
  t: CaseContext,
  work: (listener: AlarmListener) => Promise<T>,
): Promise<T> {
  const alarms = t.need(t.device.alarms, 'alarm wire');
  const listener = await alarms.listen();
  try {
    const result = await work(listener);
    mustHaveHeard(listener);
    return result;
  } finally {
    await listener.close();
  }
}

/** @throws BenchError when a wire's listening died: its silence is no evidence */
function mustHaveHeard(listener: AlarmListener): void {
  const [failure] = listener.failures;
  if (failure === undefined) return;
  throw new BenchError('listening-failed', `alarms could not be heard on ${failure.wire}`, {
    cause: failure.error,
  });
}

/** The twin of every violation: the same time with nothing wrong, and no alarm. */
export async function mustBeQuiet(t: CaseContext, listener: AlarmListener, forMs: number): Promise<void> {
  const from = listener.events.length;
  await pause(forMs);
  mustHaveHeard(listener);
  const [alarm] = listener.events.slice(from);
  t.control(
    `no alarm for ${forMs} ms with nothing wrong`,
    'twin',
    alarm === undefined,
    alarm?.text ?? 'quiet',
  );
  if (alarm === undefined) return;
  t.violates({
    code: 'false-alarm',
    expected: 'no alarm while nothing is wrong',
    observed: `${alarm.wire}: alarm for ${alarm.object} (${alarm.text})`,
  });
}

/**
 * Tampers in one declared way and demands the alarm.
 *
 * @param kind the declared means (`memory`, `kill-monitor` …)
 * @param object what the alarm must name
 */
export async function mustRaiseAlarm(t: CaseContext, kind: string, object: string): Promise<void> {
  const tamper = t.need(t.device.tamper, 'declared means to tamper');
  await whileListening(t, async (listener) => {
    const limitMs = detectionMs(t, object);
    await t.step('quiet before', () => mustBeQuiet(t, listener, limitMs));
    await mustBeAlive(t);
    const marker = await auditMarker(t);
    t.controlAccepted = true;
    t.stimulus({
      name: `tamper: ${kind}`,
      rationale: `the declaration covers ${object} by integrity monitoring`,
    });
    await always(
      async () => {
        await t.step(`alarm for ${object} on every declared wire`, async () => {
          const from = listener.events.length;
          const askedAtMs = monotonicMs();
          const { atMs } = await tamper.apply(kind);
          t.stimulusDelivered = true;
          const applied = { atMs, uncertaintyMs: atMs - askedAtMs };
          await everyWire(t, listener, from, object, applied, limitMs);
        });
        await mustBeAudited(t, 'integrityAlarm', marker);
        await mustBeAlive(t);
      },
      () => t.step('restore', () => backToQuiet(t, listener)),
      (error) => t.note(`restoring failed too: ${explain(error)}`),
    );
  });
}

interface Applied {
  atMs: number;
  uncertaintyMs: number;
}

async function everyWire(
  t: CaseContext,
  listener: AlarmListener,
  from: number,
  object: string,
  applied: Applied,
  limitMs: number,
): Promise<void> {
  const wires = t.need(t.declaration.integrity, 'declaration of integrity monitoring').alarmWires;
  for (const wire of wires) {
    const onWire = (): AlarmEvent[] => listener.events.slice(from).filter((alarm) => alarm.wire === wire);
    const alarm = await until(() => onWire().find((heard) => heard.object === object), {
      withinMs: Math.max(0, applied.atMs + patience * limitMs - monotonicMs()),
      what: `alarm for ${object} on ${wire}`,
    }).catch((error: unknown) => {
      if (error instanceof TimeoutError) return undefined;
      throw error;
    });
    mustHaveHeard(listener);
    if (alarm === undefined) {
      const [other] = onWire();
      t.violates(
        other === undefined
          ? {
              code: 'no-alarm',
              expected: `an alarm for ${object} on ${wire} within ${limitMs} ms`,
              observed: `none within ${patience * limitMs} ms, while the wire was heard`,
            }
          : {
              code: 'alarm-names-wrong-object',
              expected: `an alarm for ${object} on ${wire}`,
              observed: `an alarm for ${other.object} (${other.text})`,
            },
      );
    }
    t.mustBeWithin(
      `detection of ${object} on ${wire}`,
      {
        valueMs: Math.max(0, alarm.atMs - applied.atMs),
        uncertaintyMs: alarm.uncertaintyMs + applied.uncertaintyMs,
      },
      limitMs,
      { code: 'late-alarm', expected: `an alarm for ${object} on ${wire} within ${limitMs} ms` },
    );
  }
}

/** Undoes the tampering, acknowledges, and waits until the device raises nothing more. */
async function backToQuiet(t: CaseContext, listener: AlarmListener): Promise<void> {
  const { alarms, tamper } = t.device;
  await tamper?.restore();
  await alarms?.acknowledge?.();
  const quietMs = detectionMs(t, '');
  let count = listener.events.length;
  let since = monotonicMs();
  await until(
    () => {
      if (listener.events.length !== count) {
        count = listener.events.length;
        since = monotonicMs();
      }
      return monotonicMs() - since >= quietMs ? true : undefined;
    },
    { withinMs: 10 * quietMs, what: `${quietMs} ms without an alarm after restoring` },
  );
}
