/**
 * The rhythm of an integrity case: quiet first, one declared violation, an alarm on every declared wire that names
 * the right object in time, the essential function going on, then quiet again.
 */

import {
  always,
  explain,
  Inconclusive,
  LagMeter,
  monotonicMs,
  mustBeAlive,
  mustBeAudited,
  Nonconformity,
  auditMarker,
  pause,
  until,
  TimeoutError,
  type AlarmEvent,
  type AlarmListener,
  type CaseContext,
} from '../../harness/index.ts';
import {
  detectionMs,
  longestDetectionMs,
  mustBeQuiet,
  mustHaveBeenQuiet,
  mustHaveHeard,
  whileListening,
} from './listening.ts';
import { unlessItReset } from './reset-watch.ts';
import { coverageOf, type Coverage } from './declared-coverage.ts';

/** How long past its limit an alarm is still waited for, to tell "late" from "never", in detection times. */
const patience = 4;

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
    const coverage = coverageOf(t, object);
    const from = listener.events.length;
    await t.step('quiet before', () => mustBeQuiet(t, listener, limitMs));
    await mustBeAlive(t);
    const marker = await auditMarker(t);
    t.controlAccepted = true;
    t.stimulus({ name: `tamper: ${kind}`, rationale: coverage.rationale });
    await always(
      async () => {
        await t.step(`alarm for ${object} on every declared wire`, async () => {
          const lag = new LagMeter();
          const askedAtMs = monotonicMs();
          lag.start();
          try {
            const { atMs } = await tamper.apply(kind);
            t.stimulusDelivered = true;
            const heard = () =>
              everyWire(t, {
                listener,
                from,
                object,
                coverage,
                askedAtMs,
                appliedAtMs: atMs,
                limitMs,
                lag,
              });
            await (kind === 'kill-monitor' ? unlessItReset(t, heard) : heard());
          } finally {
            lag.stopMs();
          }
        });
        await mustBeAudited(t, 'integrityAlarm', marker);
        await mustBeAlive(t);
        if (coverage.lacking !== undefined) t.note(`${coverage.lacking.note}; the alarm came all the same`);
      },
      () => t.step('restore', () => backToQuiet(t, listener)),
      (error) => t.note(`restoring failed too: ${explain(error)}`),
    );
  });
}

interface Violation {
  listener: AlarmListener;
  /** Events before this one were there when listening began. */
  from: number;
  object: string;
  coverage: Coverage;
  /** When the maintenance interface was asked, and when it confirmed: the violation lies between the two. */
  askedAtMs: number;
  appliedAtMs: number;
  limitMs: number;
  lag: LagMeter;
}

/** Hears every wire to the end before any is judged, so that a doubt about one hides no violation on another. */
async function everyWire(t: CaseContext, violation: Violation): Promise<void> {
  const { listener, from, askedAtMs, lag } = violation;
  const wires = t.need(t.declaration.integrity, 'declaration of integrity monitoring').alarmWires;
  const heard = new Map<string, AlarmEvent | undefined>();
  for (const wire of wires) heard.set(wire, await alarmOn(violation, wire));
  const lagMs = lag.stopMs();
  mustHaveHeard(listener);
  // An alarm from before is no detection, even when it names the right object.
  mustHaveBeenQuiet(t, listener, from, 'no alarm before the tampering', askedAtMs);
  let doubt: Inconclusive | undefined;
  for (const [wire, alarm] of heard) {
    try {
      if (alarm === undefined) missing(t, violation, wire, lagMs);
      else inTime(t, violation, alarm, lagMs);
      mustBeSpecific(t, violation, wire);
    } catch (error) {
      if (!(error instanceof Inconclusive)) throw error;
      doubt ??= error;
    }
  }
  if (doubt !== undefined) throw doubt;
}

const after = ({ listener, askedAtMs }: Violation, wire: string): AlarmEvent[] =>
  listener.events.filter((alarm) => alarm.wire === wire && alarm.atMs >= askedAtMs);

/** The alarm for the right object on one wire; undefined when it never came. */
async function alarmOn(violation: Violation, wire: string): Promise<AlarmEvent | undefined> {
  const { listener, object, appliedAtMs, limitMs } = violation;
  const find = (): AlarmEvent | undefined => after(violation, wire).find((alarm) => alarm.object === object);
  try {
    return await until(() => (listener.failures.length > 0 ? null : find()), {
      withinMs: Math.max(0, appliedAtMs + patience * limitMs - monotonicMs()),
      what: `alarm for ${object} on ${wire}`,
    }).then((found) => found ?? undefined);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    await pause(20); // what our own lag left lying on the wires comes in now
    return find();
  }
}

/** Who cries everything names nothing: alarms for other objects leave in doubt whether the right one was meant. */
function mustBeSpecific(t: CaseContext, violation: Violation, wire: string): void {
  const others = new Set(after(violation, wire).map((alarm) => alarm.object));
  others.delete(violation.object);
  if (others.size === 0) return;
  t.inconclusive(
    'alarm-not-specific',
    `${wire} raised alarms for ${[...others].join(', ')} beside the one for ${violation.object}`,
  );
}

function missing(t: CaseContext, violation: Violation, wire: string, lagMs: number): never {
  const { object, coverage, limitMs } = violation;
  if (lagMs >= limitMs) {
    t.inconclusive(
      'harness-too-slow',
      `no alarm for ${object} on ${wire} was heard, but this process itself was ${lagMs.toFixed(0)} ms late`,
    );
  }
  const [other] = after(violation, wire);
  t.violates(
    coverage.finding(
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
    ),
  );
}

function inTime(t: CaseContext, violation: Violation, alarm: AlarmEvent, lagMs: number): void {
  const { object, coverage, askedAtMs, appliedAtMs, limitMs } = violation;
  const timing = {
    valueMs: Math.max(0, alarm.atMs - appliedAtMs),
    uncertaintyMs: alarm.uncertaintyMs + (appliedAtMs - askedAtMs) + lagMs,
  };
  const late = {
    code: 'late-alarm',
    expected: `an alarm for ${object} on ${alarm.wire} within ${limitMs} ms`,
  };
  try {
    t.mustBeWithin(`detection of ${object} on ${alarm.wire}`, timing, limitMs, late);
  } catch (error) {
    if (!(error instanceof Nonconformity)) throw error;
    t.violates(coverage.finding(error));
  }
}

/** Undoes the tampering, acknowledges, and waits until the device raises nothing more. */
async function backToQuiet(t: CaseContext, listener: AlarmListener): Promise<void> {
  const { alarms, tamper } = t.device;
  await tamper?.restore();
  await alarms?.acknowledge?.();
  const quietMs = longestDetectionMs(t);
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
