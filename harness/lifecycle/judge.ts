/**
 * The life of one case, from "may it run at all?" to its verdict. The only place where an exception becomes a
 * verdict, and the only place where the rule "dead, or bench fault?" is applied.
 */

import { Deadline } from '../clock.ts';
import {
  BenchError,
  explain,
  Inconclusive,
  Nonconformity,
  NotApplicable,
  NotExecuted,
  PortError,
  TimeoutError,
} from '../errors.ts';
import type { Finding } from '../record/events.ts';
import type { Verdict } from '../verdict.ts';
import { CaseContext } from './case-context.ts';
import { missingNeeds } from './needs.ts';
import { provenDead } from './proven-dead.ts';
import type { Run } from './run.ts';
import type { CaseBody, RegisteredCase } from './test-case.ts';

export interface Outcome {
  verdict: Verdict;
  reason: string;
  findings: readonly Finding[];
  /** True when the end of the run took the case's chance. */
  interrupted?: boolean;
}

/**
 * Judges one case and writes its verdict. Never throws.
 *
 * @param attempt 2 and more when a batch runs the case again alone, or an interrupted run goes on; every attempt stays in
 *   the record
 */
export async function judge(
  run: Run,
  registered: RegisteredCase,
  body: CaseBody,
  attempt = 1 + (run.earlier.attempts.get(registered.id) ?? 0),
): Promise<Outcome> {
  const t = new CaseContext(run, registered.id, attempt);
  const clock = new Deadline(0);
  const settled = await settle(t, async () => {
    const { suite, severity } = run.catalogue.case(registered.id);
    // The record first: what people are told has happened stands in it, whatever comes next.
    t.write('case-started', { title: registered.title, suite, severity });
    run.progress.caseStarted(registered.id, registered.title);
    gate(t, registered);
    await reopen(run);
    await Promise.race([body(t), run.interruption]);
  });
  const outcome = besideEarlier(run, registered.id, settled);
  t.end(); // an interrupted body must not go on in the background
  await recoverBench(run, outcome);
  publish(t, outcome, body.provisional === true, clock.elapsedMs);
  return outcome;
}

/** What an interrupted attempt had seen is neither forgotten nor, not seen to its end, a verdict. */
function besideEarlier(run: Run, id: string, outcome: Outcome): Outcome {
  const seen = run.earlier.findings.get(id);
  if (seen === undefined || outcome.verdict === 'violates' || outcome.interrupted === true) return outcome;
  const said = seen.map(({ expected, observed }) => `expected ${expected}; observed ${observed}`);
  const reason = `an attempt that was interrupted had seen: ${said.join(' | ')}; the one after it came to ${outcome.verdict} (${outcome.reason})`;
  return { verdict: 'inconclusive', reason, findings: [] };
}

/** Writes a verdict to the record and tells whoever watches. */
export function publish(t: CaseContext, outcome: Outcome, provisional: boolean, tookMs: number): void {
  // Only a pass can be taken back by a closing control; everything else is final as it stands.
  const awaits = provisional && outcome.verdict === 'conforms';
  const imagesLeftOut = t.run.imagesLeftOut.get(t.id);
  t.write('verdict', {
    ...outcome,
    provisional: awaits,
    tookMs,
    attempt: t.attempt,
    ...(imagesLeftOut === undefined ? {} : { imagesLeftOut }),
  });
  t.run.verdicts.set(t.id, outcome.verdict);
  t.run.record.checkpoint();
  t.run.progress.caseEnded(t.id, outcome.verdict, awaits, outcome.reason, tookMs);
}

/** Before anything is sent: applicable, inputs there, board fit to be used. */
function gate(t: CaseContext, registered: RegisteredCase): void {
  const { run } = t;
  if (run.interrupted) throw new NotExecuted('interrupted', 'the run was ended before this case');
  if (run.poisoned !== undefined) {
    throw new NotExecuted(
      'board-poisoned',
      `the device did not return to its baseline after ${run.poisoned.byCase}: ${run.poisoned.cause}`,
    );
  }
  const waiver = waiverFor(run, registered.id);
  if (waiver !== undefined) throw new NotApplicable('declared', waiver);
  const missing = missingNeeds(registered.plan.needs, run.board, run.declaration);
  if (missing.length > 0) {
    throw new NotExecuted('input-missing', `missing: ${missing.map((need) => need.what).join('; ')}`, {
      hint: missing.map((need) => need.next).join(' '),
    });
  }
  const harm = registered.plan.mayHarm;
  if (harm !== undefined && !(run.board.allow as readonly string[] | undefined)?.includes(harm)) {
    throw new NotExecuted('not-allowed', `the board file does not allow "${harm}", which can harm a device`, {
      hint: `Add "${harm}" to allow: if this device may be lost.`,
    });
  }
}

/** The declared reason for which a case does not apply: only when all its requirements are conditional and waived. */
export function waiverFor(run: Pick<Run, 'catalogue' | 'declaration'>, id: string): string | undefined {
  const described = run.catalogue.case(id);
  const reasons = described.requirements.map((requirementId) => {
    const requirement = run.catalogue.requirement(requirementId);
    const waiver = run.declaration.notApplicable.find((entry) => entry.requirement === requirementId);
    if (waiver === undefined || requirement.kind !== 'conditional') return undefined;
    return `${requirementId}: ${waiver.reason} (agreed by ${waiver.agreedBy})`;
  });
  if (reasons.length === 0 || reasons.some((reason) => reason === undefined)) return undefined;
  return reasons.join('; ');
}

/** Runs `work` and turns whatever happens into an outcome. */
export async function settle(t: CaseContext, work: () => Promise<void>): Promise<Outcome> {
  try {
    await work();
    return outcomeOf(t, 'conforms', t.notes.length === 0 ? 'as required' : t.notes.join('; '));
  } catch (error) {
    return classify(t, error);
  }
}

async function classify(t: CaseContext, error: unknown): Promise<Outcome> {
  if (error instanceof Nonconformity) {
    t.found({ code: error.code, expected: error.expected, observed: error.observed });
    return outcomeOf(t, 'violates', error.message);
  }
  if (error instanceof NotApplicable) return outcomeOf(t, 'not-applicable', explain(error));
  if (error instanceof NotExecuted) return endedBy(error, outcomeOf(t, 'not-executed', explain(error)));
  if (error instanceof Inconclusive) return endedBy(error, outcomeOf(t, 'inconclusive', explain(error)));
  if (error instanceof TimeoutError || error instanceof PortError) {
    const death = await provenDead(t).catch((cause: unknown) => {
      t.note(`whether the device is dead could not be told: ${explain(cause)}`);
      return undefined;
    });
    if (death !== undefined) {
      const finding: Finding = {
        code: 'device-dead',
        expected: 'a device that goes on working',
        observed: death,
      };
      t.found(finding);
      return outcomeOf(t, 'violates', `${death}; first sign: ${error.message}`);
    }
  }
  return outcomeOf(t, 'error', explain(error));
}

/** What the device has shown stands; everything else may come out otherwise when the run goes on. */
function endedBy({ code }: NotExecuted | Inconclusive, outcome: Outcome): Outcome {
  return code === 'interrupted' && outcome.verdict !== 'violates'
    ? { ...outcome, interrupted: true }
    : outcome;
}

/** Findings collected on the way outweigh everything else that may have ended the case. */
function outcomeOf(t: CaseContext, verdict: Verdict, reason: string): Outcome {
  if (t.findings.length === 0) return { verdict, reason, findings: [] };
  const said = t.findings.map((finding) => `expected ${finding.expected}; observed ${finding.observed}`);
  return {
    verdict: 'violates',
    // Several findings are all said, the first cause first.
    reason: verdict === 'violates' && said.length === 1 ? reason : said.join(' | '),
    findings: t.findings,
  };
}

async function reopen(run: Run): Promise<void> {
  const lost = await run.bench.reopenLost();
  const [first] = lost;
  if (first === undefined) return;
  throw new BenchError('wire-lost', `wire ${first.wire} is lost and does not come back`, {
    cause: first.error,
    hint: 'Check the cable and run `fieldproof doctor`.',
  });
}

/** After a bench error, give every wire one chance to come back before the next case asks for it. */
async function recoverBench(run: Run, outcome: Outcome): Promise<void> {
  if (outcome.verdict !== 'error') return;
  const lost = await run.bench
    .reopenLost()
    .catch((error: unknown) => [{ wire: 'of the bench', error }] as const);
  for (const { wire, error } of lost) {
    run.record.append('bench', { action: 'reopen', wire, ok: false, detail: explain(error) });
  }
}
