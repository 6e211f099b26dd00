/** What a run comes to, case by case: the one thing from which tables, Allure and evidence packages are made. */

import type { Answer, FirmwareState } from '../capabilities.ts';
import { combine, exitCodeOf, verdicts, type Verdict } from '../verdict.ts';
import { caseModel } from './case-model.ts';
import type { Entry, RecordEventKind, RecordEvents } from './entry.ts';
import type { Finding, Measurement, RunEvents } from './events.ts';
import { countingEntries } from './signed-part.ts';

/** A moment: on the run's monotonic clock, and for people. */
export interface Moment {
  tMono: number;
  tUtc: string;
}

/** An interruption, from the last entry before it to the first one after it. */
export interface Gap {
  from: Moment;
  to: Moment;
  /** By the wall clock, as far as the two entries tell. */
  lengthMs: number;
}

/** A step of a case's life, with what happened in it. A step that never ended has no `ok`. */
export interface StepModel {
  name: string;
  attempt: number;
  startedAt: Moment;
  endedAt?: Moment;
  ok?: boolean;
  tookMs?: number;
  detail?: string;
  steps: StepModel[];
  /** Stimuli, answers, states, controls, measurements and notes, in order. */
  events: Entry[];
}

/** Something that happened, with its moment and the attempt to which it belongs. */
export type At<T> = T & { at: Moment; attempt: number };

export interface CaseModel {
  id: string;
  title: string;
  suite: string;
  severity: string;
  verdict: Verdict;
  /** Whole, for a person. */
  reason: string;
  findings: readonly Finding[];
  /** Empty when the case never started. */
  startedAt?: Moment;
  endedAt?: Moment;
  tookMs: number;
  /** How often it was started; 0 when it never was. */
  attempts: number;
  /** Every verdict that was ever given, in order: the last but one are not forgotten. */
  verdicts: readonly At<RunEvents['verdict']>[];
  /** Steps at the top; what happened outside of any step is in `events`. */
  steps: readonly StepModel[];
  events: readonly Entry[];
  stimuli: readonly At<RunEvents['stimulus']>[];
  answers: readonly At<{ of: string; answer: Answer }>[];
  states: readonly At<{ when: string; state: FirmwareState }>[];
  controls: readonly At<RunEvents['control']>[];
  measurements: readonly At<Measurement>[];
  sweeps: readonly At<RunEvents['sweep']>[];
  notes: readonly At<{ text: string }>[];
}

export interface RunModel {
  runId: string;
  header: RunEvents['run-opened'];
  /**
   * Present when `header.known` was given after the run (see `withKnown`): the list that the run was made with, or null
   * where it had none.
   */
  knownInsteadOf?: { file: string; sha256: string } | null;
  /** Selected cases in their order, then any that ran without being selected. */
  cases: readonly CaseModel[];
  verdict: Verdict;
  counts: Readonly<Record<Verdict, number>>;
  exitCode: number;
  /** True when the record has no `run-closed`, or that says so. */
  interrupted: boolean;
  startedAt: Moment;
  endedAt: Moment;
  tookMs: number;
  bench: readonly At<RunEvents['bench']>[];
  identities: readonly At<RunEvents['identity']>[];
  /** The first cause on which later cases depend. */
  poisoned?: RunEvents['poisoned'];
  finalState?: FirmwareState;
  /** Attack images that the depth left out, over all cases. */
  imagesLeftOut: number;
  /** How often the run was continued after an interruption. */
  resumed: number;
  /** What lay between two parts of a run that was continued, in order; no part of `tookMs`. */
  gaps: readonly Gap[];
  /** Root of the record, once closed. */
  root?: string;
  /** All entries, for whoever needs more. */
  entries: readonly Entry[];
}

const unbound: RunEvents['run-opened'] = {
  runId: '',
  harness: 'unknown',
  node: 'unknown',
  platform: 'unknown',
  catalogue: { version: 'unknown', sha256: '' },
  board: { name: 'unknown', title: 'unknown', file: '', sha256: '' },
  declaration: { file: '', sha256: '' },
  device: {},
  images: [],
  command: [],
  defects: [],
  selected: [],
  depth: 'standard',
  everyIngress: false,
  cuts: 0,
  seed: '',
  leftOut: [],
};

/** Action of the bench event that says, with `ok: false`, that not a single case could be started, and why. */
export const startOfRun = 'start of the run';

/**
 * The model of a run from the entries of its record.
 *
 * A case's verdict is its last one. A provisional *conforms* that was never made final becomes *inconclusive*, for the
 * closing control on which it rested never came; a provisional *violates* stands, as it does when that control fails.
 * A case that started and got no verdict is *inconclusive*; one that was selected and never started is *not-executed*,
 * or *error* when the bench kept the whole run from starting.
 *
 * @param entries of one run, in order, as `readRun` returns them
 */
export function modelOf(entries: readonly Entry[]): RunModel {
  // Records of earlier versions lack some of it.
  const header = { ...unbound, ...first(entries, 'run-opened')?.payload };
  const closed = first(entries, 'run-closed')?.payload;
  const poisoned = first(entries, 'poisoned')?.payload;
  const interrupted = closed?.interrupted ?? true;
  const startFailure = all(entries, 'bench').find(({ action, ok }) => action === startOfRun && !ok)?.detail;
  const gaps = gapsOf(entries);
  const resumedAt = gaps.map(({ to }) => to.tMono);
  const context = {
    poisoned,
    interrupted,
    resumedAt,
    ...(startFailure === undefined ? {} : { startFailure }),
  };
  const counting = countingEntries(entries);
  const cases = caseIds(header, counting).map((id) =>
    caseModel(
      id,
      counting.filter((entry) => entry.caseId === id),
      context,
    ),
  );
  const parts = cases.map(({ verdict }) => verdict);
  const startedAt = momentOf(entries[0]);
  const endedAt = momentOf(entries.at(-1));
  const root = first(entries, 'record-closed')?.payload.root;
  return {
    runId: entries[0]?.runId ?? '',
    header,
    cases,
    verdict: combine(parts),
    counts: countVerdicts(parts),
    exitCode: exitCodeOf(parts),
    interrupted,
    startedAt,
    endedAt,
    tookMs: closed?.tookMs ?? durationOf(entries),
    bench: all(entries, 'bench'),
    identities: all(entries, 'identity'),
    ...(poisoned === undefined ? {} : { poisoned }),
    ...(closed?.finalState === undefined ? {} : { finalState: closed.finalState }),
    imagesLeftOut: closed?.imagesLeftOut ?? 0,
    resumed: gaps.length,
    gaps,
    ...(root === undefined ? {} : { root }),
    entries,
  };
}

/** How many cases have each verdict. */
export function countVerdicts(parts: readonly Verdict[]): Record<Verdict, number> {
  const counts = Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const part of parts) counts[part] += 1;
  return counts;
}

/** Selected cases in their order, then any that ran without being selected. */
export function caseIds(header: RunEvents['run-opened'], entries: readonly Entry[]): string[] {
  const seen = entries.flatMap(({ caseId, kind }) =>
    caseId !== undefined && (kind === 'case-started' || kind === 'verdict') ? [caseId] : [],
  );
  return [...new Set([...header.selected, ...seen])];
}

/** Interruptions after which the run went on. */
function gapsOf(entries: readonly Entry[]): Gap[] {
  return entries.flatMap((entry, index) => {
    if (entry.kind !== 'record-resumed') return [];
    const [from, to] = [momentOf(entries[index - 1]), momentOf(entry)];
    return [{ from, to, lengthMs: to.tMono - from.tMono }];
  });
}

/** From the first entry to the last, without the gaps between the parts of a run that was continued. */
export function durationOf(entries: readonly Entry[]): number {
  const gaps = gapsOf(entries).reduce((sum, { lengthMs }) => sum + lengthMs, 0);
  return momentOf(entries.at(-1)).tMono - momentOf(entries[0]).tMono - gaps;
}

/** The moment of an entry; the epoch for none. */
export function momentOf(entry: Entry | undefined): Moment {
  return { tMono: entry?.tMono ?? 0, tUtc: entry?.tUtc ?? new Date(0).toISOString() };
}

type Of<Kind extends RecordEventKind> = Extract<Entry, { kind: Kind }>;

function first<Kind extends RecordEventKind>(entries: readonly Entry[], kind: Kind): Of<Kind> | undefined {
  return entries.find((entry): entry is Of<Kind> => entry.kind === kind);
}

/** Payloads of one kind, each with its moment. */
export function all<Kind extends RecordEventKind>(
  entries: readonly Entry[],
  kind: Kind,
): At<RecordEvents[Kind]>[] {
  return entries.flatMap((entry) => {
    if (entry.kind !== kind) return [];
    // The check above ties the payload to the kind; the compiler cannot follow that through a type parameter.
    const payload = entry.payload as RecordEvents[Kind];
    return [{ ...payload, at: momentOf(entry), attempt: entry.attempt ?? 1 }];
  });
}
