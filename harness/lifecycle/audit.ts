/** The fourth term of the oracle: the device's own log names what happened, where the declaration says that it does. */

import type { Declaration } from '../board/index.ts';
import type { AuditEvent, AuditLog } from '../capabilities.ts';
import { Deadline, monotonicMs, pause } from '../clock.ts';
import { BenchError } from '../errors.ts';
import type { CaseContext } from './case-context.ts';

type AuditDeclaration = NonNullable<Declaration['audit']>;

/** What the declaration says about the log, by occasion. */
export type AuditOccasion = Exclude<keyof AuditDeclaration, 'withinMs'>;
type Declared = NonNullable<AuditDeclaration[AuditOccasion]>;

/** The log's position before a stimulus; undefined where the board cannot read a log. */
export async function auditMarker(t: CaseContext): Promise<number | undefined> {
  return t.device.audit?.latest();
}

const everyMs = 50;

/** An event that was found, and how exactly its time is known. */
interface Sighting {
  event: AuditEvent;
  /** After the search began. */
  atMs: number;
  /** When the last look that did not find it began; the event came after that. */
  notBeforeMs: number;
}

/**
 * Demands one new event of the declared kind since the marker.
 *
 * @returns `logged`, or `unknown` where the board cannot read the log or the declaration names no such event
 * @throws BenchError when the log does not answer: that is a dead wire, not a missing event
 */
export async function mustBeAudited(
  t: CaseContext,
  occasion: AuditOccasion,
  marker: number | undefined,
): Promise<'logged' | 'unknown'> {
  const log = t.device.audit;
  const declared = t.declaration.audit?.[occasion];
  if (log === undefined || marker === undefined) {
    t.note('audit event not observable: the board names no way to read the log');
    return 'unknown';
  }
  if (declared === undefined) {
    t.note(`audit event not required: the declaration names none for ${occasion}`);
    return 'unknown';
  }
  const withinMs = t.declaration.audit?.withinMs ?? 0;
  const seen = await lookFor(log, marker, declared, withinMs);
  if (!('event' in seen)) {
    t.found({
      code: 'not-audited',
      expected: `an audit event ${inWords(declared)} within ${withinMs} ms`,
      observed: `${seen.others.length} new events: ${seen.others.map((entry) => entry.event).join(', ') || 'none'}`,
    });
    return 'logged'; // the log was heard, and the finding stands
  }
  const { event, atMs, notBeforeMs } = seen;
  t.note(`logged as #${event.sequence} ${event.event} ${event.result} ${event.text}`.trimEnd());
  const name = `audit event ${declared.event}`;
  if (atMs <= withinMs) t.measure({ name, value: atMs, unit: 'ms', limit: withinMs });
  else {
    t.mustBeWithin(name, { valueMs: atMs, uncertaintyMs: atMs - notBeforeMs }, withinMs, {
      code: 'audited-late',
      expected: `an audit event ${inWords(declared)} within ${withinMs} ms`,
    });
  }
  return 'logged';
}

/** True when the log tells of the occasion in its declared time; for traces, where no event is no finding. */
export async function wasAudited(t: CaseContext, occasion: AuditOccasion, marker: number): Promise<boolean> {
  const log = t.device.audit;
  const declared = t.declaration.audit?.[occasion];
  if (log === undefined || declared === undefined) return false;
  return 'event' in (await lookFor(log, marker, declared, t.declaration.audit?.withinMs ?? 0));
}

/** Looks until the event is there; always once more after the time is up, so that our own lag hides nothing. */
async function lookFor(
  log: AuditLog,
  marker: number,
  declared: Declared,
  withinMs: number,
): Promise<Sighting | { others: readonly AuditEvent[] }> {
  const clock = new Deadline(withinMs);
  let notBeforeMs = 0;
  for (;;) {
    const last = clock.passed;
    const lookedAtMs = monotonicMs() - clock.startedAtMs;
    try {
      const entries = await log.since(marker);
      const event = entries.find((entry) => matches(entry, declared));
      if (event !== undefined) return { event, atMs: clock.elapsedMs, notBeforeMs };
      if (last) return { others: entries };
      notBeforeMs = lookedAtMs;
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      if (last) throw error; // before that, one lost reply is no silent log
    }
    await pause(Math.min(everyMs, clock.leftMs));
  }
}

function matches(entry: AuditEvent, { event, object, result }: Declared): boolean {
  if (entry.event !== event) return false;
  return (
    (object === undefined || entry.object === object) && (result === undefined || entry.result === result)
  );
}

function inWords({ event, object, result }: Declared): string {
  const of = object === undefined ? '' : ` of ${object}`;
  return `"${event}"${of}${result === undefined ? '' : ` with result ${result}`}`;
}
