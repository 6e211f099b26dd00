/** The fourth term of the oracle: the device's own log names what happened, where the declaration says that it does. */

import type { Declaration } from '../board/index.ts';
import { Deadline, until } from '../clock.ts';
import { TimeoutError } from '../errors.ts';
import type { CaseContext } from './case-context.ts';

/** What the declaration says about the log, by occasion. */
export type AuditOccasion = Exclude<keyof NonNullable<Declaration['audit']>, 'withinMs'>;

/** The log's position before a stimulus; undefined where the board cannot read a log. */
export async function auditMarker(t: CaseContext): Promise<number | undefined> {
  return t.device.audit?.latest();
}

/**
 * Demands one new event of the declared kind since the marker.
 *
 * @throws Nonconformity when the log was readable and holds no such event in the declared time
 */
export async function mustBeAudited(
  t: CaseContext,
  occasion: AuditOccasion,
  marker: number | undefined,
): Promise<void> {
  const log = t.device.audit;
  const declared = t.declaration.audit?.[occasion];
  if (log === undefined || marker === undefined) {
    t.note('audit event not observable: the board names no way to read the log');
    return;
  }
  if (declared === undefined) {
    t.note(`audit event not required: the declaration names none for ${occasion}`);
    return;
  }
  const withinMs = t.declaration.audit?.withinMs ?? 0;
  const clock = new Deadline(withinMs);
  try {
    const event = await until(
      async () => (await log.since(marker)).find((entry) => entry.event === declared.event),
      { withinMs, everyMs: 50, what: `audit event ${declared.event}` },
    );
    t.measure({ name: `audit event ${declared.event}`, value: clock.elapsedMs, unit: 'ms', limit: withinMs });
    t.note(`logged as #${event.sequence} ${event.event} ${event.result} ${event.text}`.trimEnd());
  } catch (error) {
    if (!(error instanceof TimeoutError) || error.code !== 'deadline') throw error;
    // The log itself must have answered: a silent log is a dead wire, not a missing event.
    const entries = await log.since(marker);
    t.found({
      code: 'not-audited',
      expected: `an audit event "${declared.event}" within ${withinMs} ms`,
      observed: `${entries.length} new events: ${entries.map((entry) => entry.event).join(', ') || 'none'}`,
    });
  }
}
