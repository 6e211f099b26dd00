/** One case out of the entries that name it. */

import type { Verdict } from '../verdict.ts';
import type { Entry } from './entry.ts';
import type { Finding, RunEvents } from './events.ts';
import { all, momentOf, type CaseModel, type Moment, type StepModel } from './run-model.ts';

/** What of the whole run explains why a case has no verdict of its own. */
export interface CaseContext {
  poisoned: RunEvents['poisoned'] | undefined;
  interrupted: boolean;
  /** When the run went on after interruptions, on its monotonic clock. */
  resumedAt: readonly number[];
  /** Why the bench kept the run from starting. */
  startFailure?: string;
}

/** @param entries only those of this case, in order */
export function caseModel(id: string, entries: readonly Entry[], context: CaseContext): CaseModel {
  const starts = entries.filter((entry) => entry.kind === 'case-started');
  const given = all(entries, 'verdict');
  const about = starts.at(-1)?.payload;
  const { steps, events } = life(entries);
  const decided = decide(starts.length > 0, given.at(-1), lastStep(steps), context);
  const timing = timingOf(entries, context.resumedAt);
  return {
    id,
    title: about?.title ?? '',
    suite: about?.suite ?? '',
    severity: about?.severity ?? '',
    ...decided,
    ...timing,
    tookMs: given.at(-1)?.tookMs ?? (timing.endedAt?.tMono ?? 0) - (timing.startedAt?.tMono ?? 0),
    attempts: Math.max(starts.length, ...given.map(({ attempt }) => attempt), 0),
    verdicts: given,
    steps,
    events,
    stimuli: all(entries, 'stimulus'),
    answers: all(entries, 'answer'),
    states: all(entries, 'state'),
    controls: all(entries, 'control'),
    measurements: all(entries, 'measurement'),
    sweeps: all(entries, 'sweep'),
    notes: all(entries, 'note'),
  };
}

interface Decision {
  verdict: Verdict;
  reason: string;
  findings: readonly Finding[];
}

function decide(
  started: boolean,
  last: RunEvents['verdict'] | undefined,
  step: string | undefined,
  { poisoned, interrupted, startFailure }: CaseContext,
): Decision {
  if (last !== undefined) return settled(last);
  if (started) {
    const during = step === undefined ? '' : ` (during "${step}")`;
    const reason = `the run ended while this case was under way${during}; what was seen does not decide it`;
    return { verdict: 'inconclusive', reason, findings: [] };
  }
  if (startFailure !== undefined)
    return { verdict: 'error', reason: `the run could not start: ${startFailure}`, findings: [] };
  return { verdict: 'not-executed', reason: whyNotStarted(poisoned, interrupted), findings: [] };
}

/** A provisional *conforms* rests on a control that never came; every other verdict stands without it. */
function settled({ verdict, provisional, reason, findings }: RunEvents['verdict']): Decision {
  if (!provisional || verdict !== 'conforms') return { verdict, reason, findings };
  const why = `the closing control of its batch never came, so the provisional verdict "conforms" does not stand (${reason})`;
  return { verdict: 'inconclusive', reason: why, findings };
}

function whyNotStarted(poisoned: RunEvents['poisoned'] | undefined, interrupted: boolean): string {
  if (poisoned !== undefined) return `the board was poisoned by ${poisoned.byCase}: ${poisoned.cause}`;
  return interrupted ? 'the run ended before this case was started' : 'selected, and never started';
}

/**
 * From the first start to the first verdict after the last start: a batch's closing control is no part of the case, nor
 * is an interruption, with what was tried in vain before it.
 */
function timingOf(
  entries: readonly Entry[],
  resumedAt: readonly number[],
): { startedAt?: Moment; endedAt?: Moment } {
  const lastStart = entries.findLastIndex(({ kind }) => kind === 'case-started');
  const latest = entries[lastStart]?.tMono ?? 0;
  const since = resumedAt.findLast((at) => at <= latest) ?? -Infinity;
  const startedAt = entries.find(({ kind, tMono }) => kind === 'case-started' && tMono >= since);
  if (startedAt === undefined) return {};
  const end = entries.slice(lastStart).find(({ kind }) => kind === 'verdict') ?? entries.at(-1);
  return { startedAt: momentOf(startedAt), endedAt: momentOf(end) };
}

/** Steps as they nest, and what happened outside of them. */
function life(entries: readonly Entry[]): { steps: StepModel[]; events: Entry[] } {
  const steps: StepModel[] = [];
  const events: Entry[] = [];
  let open: StepModel[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'case-started') {
      // What an earlier attempt left open reaches as far as that attempt does, not over the interruption.
      for (const step of open) step.endedAt = momentOf(entries[index - 1]);
      open = [];
    } else if (entry.kind === 'step-started') {
      const step = newStep(entry, entry.payload.name);
      (open.at(-1)?.steps ?? steps).push(step);
      open.push(step);
    } else if (entry.kind === 'step-ended') open = closeStep(open, entry, entry.payload);
    else if (happensInCase(entry)) (open.at(-1)?.events ?? events).push(entry);
  }
  return { steps, events };
}

function newStep(entry: Entry, name: string): StepModel {
  return { name, attempt: entry.attempt ?? 1, startedAt: momentOf(entry), steps: [], events: [] };
}

/** @returns the steps still open: one that was left open inside the ended one stays without an end */
function closeStep(open: StepModel[], entry: Entry, ended: RunEvents['step-ended']): StepModel[] {
  const at = open.findLastIndex(({ name }) => name === ended.name);
  const step = open[at];
  if (step === undefined) return open;
  step.endedAt = momentOf(entry);
  step.ok = ended.ok;
  step.tookMs = ended.tookMs;
  if (ended.detail !== undefined) step.detail = ended.detail;
  return open.slice(0, at);
}

function happensInCase({ kind }: Entry): boolean {
  return [
    'stimulus',
    'answer',
    'refusal',
    'state',
    'control',
    'measurement',
    'sweep',
    'note',
    'bench',
    'identity',
  ].includes(kind);
}

function lastStep(steps: readonly StepModel[]): string | undefined {
  const step = steps.at(-1);
  return step === undefined ? undefined : (lastStep(step.steps) ?? step.name);
}
