/** Where an interrupted run stands: what is decided and kept, and what has to be done, or done again. */

import type { Verdict } from '../verdict.ts';
import type { Entry } from './entry.ts';
import type { Finding, RunEvents } from './events.ts';
import { caseIds, durationOf } from './run-model.ts';
import { countingEntries } from './signed-part.ts';

/** What earlier parts of a run left, as far as the life of a case has to know it. */
export interface Earlier {
  /** How often each case was started. */
  attempts: ReadonlyMap<string, number>;
  /** What attempts without a verdict had seen, and not taken back. */
  findings: ReadonlyMap<string, readonly Finding[]>;
}

/** A run that begins. */
export const nothingEarlier: Earlier = { attempts: new Map(), findings: new Map() };

export interface Continuation {
  header: RunEvents['run-opened'];
  earlier: Earlier;
  /** Cases with a final verdict, which they keep. */
  decided: ReadonlyMap<string, Verdict>;
  /** The others, in the order of the selection. */
  toRun: readonly string[];
  /** Those of {@link toRun} that had begun, and why each begins anew. */
  again: readonly { id: string; why: string }[];
  imagesLeftOut: ReadonlyMap<string, number>;
  /** Digests of images of the stock that a control took: each is used once. */
  stockTaken: ReadonlySet<string>;
  poisoned?: RunEvents['poisoned'];
  /** Time that the run has taken so far, without the gaps of interruptions. */
  tookMs: number;
  /** Moment of the last entry, ISO 8601. */
  lastUtc: string;
  /** The interruption came after the run's own end: only the record has to be closed. */
  ended: boolean;
}

/**
 * @param entries of one run, in order
 * @param signedTo last entry that the bench's key has signed, of a run that was opened with one
 * @returns undefined when the run was interrupted before it began
 */
export function continuationOf(entries: readonly Entry[], signedTo?: number): Continuation | undefined {
  const [opened] = entries;
  if (opened?.kind !== 'run-opened') return undefined;
  const header = opened.payload;
  const counting = countingEntries(entries, signedTo);
  const cases = caseIds(header, counting).map((id) =>
    standing(id, ofCase(id, counting), lastVerdictCounts(ofCase(id, entries), counting)),
  );
  const poisoned = entries.find((entry) => entry.kind === 'poisoned')?.payload;
  const taken = entries.flatMap((entry) =>
    entry.kind === 'stock-taken' ? [entry.payload.image.sha256] : [],
  );
  return {
    header,
    earlier: {
      attempts: mapOf(cases, ({ attempts }) => attempts),
      findings: mapOf(cases, ({ findings }) => (findings.length === 0 ? undefined : findings)),
    },
    decided: mapOf(cases, ({ verdict }) => verdict),
    toRun: cases.filter(({ verdict }) => verdict === undefined).map(({ id }) => id),
    again: cases.flatMap(({ id, why }) => (why === undefined ? [] : [{ id, why }])),
    imagesLeftOut: mapOf(cases, ({ imagesLeftOut }) => imagesLeftOut),
    stockTaken: new Set(taken),
    ...(poisoned === undefined ? {} : { poisoned }),
    tookMs: durationOf(entries),
    lastUtc: entries.at(-1)?.tUtc ?? '',
    ended: entries.some(({ kind }) => kind === 'run-closed'),
  };
}

interface Standing {
  id: string;
  attempts: number;
  /** Final; undefined for a case that has to run. */
  verdict: Verdict | undefined;
  why: string | undefined;
  findings: readonly Finding[];
  imagesLeftOut: number | undefined;
}

const ofCase = (id: string, entries: readonly Entry[]): readonly Entry[] =>
  entries.filter(({ caseId }) => caseId === id);

function lastVerdictCounts(own: readonly Entry[], counting: readonly Entry[]): boolean {
  const last = own.findLast(({ kind }) => kind === 'verdict');
  return last === undefined || counting.includes(last);
}

/** @param own what counts of the case's entries */
function standing(id: string, own: readonly Entry[], isSigned: boolean): Standing {
  const lastStart = own.findLastIndex(({ kind }) => kind === 'case-started');
  const given = own.flatMap((entry) => (entry.kind === 'verdict' ? [entry.payload] : []));
  const attempts = own.reduce(
    (most, { kind, attempt = 1 }) => (kind === 'case-started' ? Math.max(most, attempt) : most),
    Math.max(0, ...given.map(({ attempt }) => attempt)),
  );
  const since = own.slice(Math.max(0, lastStart)).findLast((entry) => entry.kind === 'verdict')?.payload;
  // A violation stands, also when the interruption came while the case was tried once more alone.
  const last = given.at(-1)?.verdict === 'violates' ? given.at(-1) : since;
  const why = whyAgain(last, { begun: attempts > 0, isSigned });
  const verdict = last !== undefined && why === undefined ? last.verdict : undefined;
  return {
    id,
    attempts,
    verdict,
    why,
    findings: verdict === undefined ? standingFindings(own) : [],
    imagesLeftOut: given.at(-1)?.imagesLeftOut,
  };
}

/** Why what was said of a case is not its last word; undefined when it is. */
function whyAgain(
  last: RunEvents['verdict'] | undefined,
  { begun, isSigned }: { begun: boolean; isSigned: boolean },
): string | undefined {
  const stands = last?.verdict === 'violates' && !last.provisional;
  if (!isSigned && !stands) return 'the bench had not signed its verdict';
  if (!begun) return undefined;
  if (last === undefined) return 'the interruption came while it was under way';
  if (last.provisional) return 'the closing control of its batch never came';
  return last.interrupted === true ? 'the end of the run took its chance' : undefined;
}

function standingFindings(own: readonly Entry[]): Finding[] {
  const standing = new Map<string, Finding>();
  for (const { kind, payload } of own) {
    if (kind === 'finding') standing.set(JSON.stringify(payload), payload);
    else if (kind === 'finding-withdrawn') standing.delete(JSON.stringify(payload));
  }
  return [...standing.values()];
}

function mapOf<T>(cases: readonly Standing[], of: (one: Standing) => T | undefined): Map<string, T> {
  const map = new Map<string, T>();
  for (const one of cases) {
    const value = of(one);
    if (value !== undefined) map.set(one.id, value);
  }
  return map;
}
