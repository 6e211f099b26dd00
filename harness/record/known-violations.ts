/**
 * Known violations: what a board's list says will happen, held against what did.
 *
 * A list hides nothing. A known violation is a violation in every report, and fails the run unless the operator accepts
 * it by option. It is strict: it names the findings, so that a case that violates in another way is new; it ends on a
 * day; and what no longer happens has to be taken off, or the list would excuse its return.
 */

import { exitCodeOf, exitCodes } from '../verdict.ts';
import type { KnownList, KnownViolation } from './events.ts';
import type { CaseModel, RunModel } from './run-model.ts';

/**
 * `happened`: as listed. `other`: violates with findings that are not listed. `expired`: the list's day is over.
 * `gone`: the case no longer violates. `undecided`: not in this run, or without a decision.
 */
export type KnownOutcome = 'happened' | 'other' | 'expired' | 'gone' | 'undecided';

export interface KnownJudgement extends KnownViolation {
  outcome: KnownOutcome;
  /** Listed findings that did not happen although the case violates: stale too. */
  unseen: readonly string[];
}

/**
 * The run with a list laid over it that was given afterwards, so that no report can take it for the run's own.
 *
 * @param known the same list as the run's own changes nothing
 */
export function withKnown(model: RunModel, known: KnownList): RunModel {
  const { header } = model;
  if (header.known?.sha256 === known.sha256) return model;
  const own = header.known === undefined ? null : { file: header.known.file, sha256: header.known.sha256 };
  return {
    ...model,
    header: { ...header, known },
    knownInsteadOf: model.knownInsteadOf === undefined ? own : model.knownInsteadOf,
  };
}

/** Every entry of the list with what became of it, in the list's order; empty where the run has no list. */
export function judgeKnown(model: Pick<RunModel, 'header' | 'cases' | 'startedAt'>): KnownJudgement[] {
  const day = model.startedAt.tUtc.slice(0, 10);
  return (model.header.known?.violations ?? []).map((listed) => {
    const one = model.cases.find(({ id }) => id === listed.case);
    return { ...listed, ...judgement(listed, one, day) };
  });
}

function judgement(
  { findings, expires }: KnownViolation,
  one: CaseModel | undefined,
  day: string,
): Pick<KnownJudgement, 'outcome' | 'unseen'> {
  const plain = (outcome: KnownOutcome) => ({ outcome, unseen: [] });
  if (one?.verdict === 'conforms' || one?.verdict === 'not-applicable') return plain('gone');
  if (expires < day) return plain('expired'); // the day itself still counts
  if (one?.verdict !== 'violates') return plain('undecided');
  const seen = new Set(one.findings.map(({ code }) => code));
  // A violation without a finding cannot be told from another one.
  if (seen.size === 0 || [...seen].some((code) => !findings.includes(code))) return plain('other');
  return { outcome: 'happened', unseen: findings.filter((code) => !seen.has(code)) };
}

/** True when the list says more than happens: it has to be corrected. */
export function isStale({ outcome, unseen }: KnownJudgement): boolean {
  return outcome === 'gone' || unseen.length > 0;
}

/** Ids of cases whose violation is the listed one, and in time. */
export function knownCases(judged: readonly KnownJudgement[]): ReadonlySet<string> {
  return new Set(judged.filter(({ outcome }) => outcome === 'happened').map((one) => one.case));
}

/**
 * The exit code of a run.
 *
 * @param acceptKnown listed violations that happened, in time, do not count; everything else does
 * @returns 1, 3, 2 or 0 as in the README; a list that says more than happens never ends with 0
 */
export function exitCodeOfModel(model: RunModel, acceptKnown = false): number {
  const judged = judgeKnown(model);
  const accepted = acceptKnown ? knownCases(judged) : new Set<string>();
  const parts = model.cases.map(({ id, verdict }) => (accepted.has(id) ? 'conforms' : verdict));
  const code = exitCodeOf(parts);
  const doubtful = model.interrupted || judged.some(isStale);
  return doubtful && code === exitCodes.conforms ? exitCodes.undecided : code;
}
