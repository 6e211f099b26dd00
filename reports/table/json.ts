/** The run as one JSON value, for `--json`: the same facts as the table, for programs. */

import type { Depth, Finding, Measurement } from '../../harness/record/events.ts';
import { judgeKnown, type KnownJudgement } from '../../harness/record/known-violations.ts';
import type { CaseModel, RunModel } from '../../harness/record/run-model.ts';
import type { Verdict } from '../../harness/verdict.ts';
import type { DescribeCase } from '../case-description.ts';

/** Changes only when a member changes its meaning or goes. */
export const runJsonSchema = 'fieldproof-run/1';

export interface CaseJson {
  id: string;
  title: string;
  suite: string;
  severity: string;
  verdict: Verdict;
  reason: string;
  findings: readonly Finding[];
  measurements: readonly Measurement[];
  attempts: number;
  tookMs: number;
  /** ISO 8601, UTC; null when the case was never started. */
  startedAt: string | null;
  requirements: readonly string[];
}

export interface KnownListJson {
  file: string;
  sha256: string;
  insteadOf?: { file: string; sha256: string } | null;
}

export interface RunJson {
  schema: typeof runJsonSchema;
  runId: string;
  verdict: Verdict;
  exitCode: number;
  interrupted: boolean;
  /** Interruptions after which the run went on; their time is no part of `tookMs`. */
  resumed: readonly { interruptedAt: string; resumedAt: string; gapMs: number }[];
  counts: Readonly<Record<Verdict, number>>;
  startedAt: string;
  endedAt: string;
  tookMs: number;
  harness: string;
  board: { name: string; title: string; sha256: string };
  device: Readonly<Record<string, string>>;
  catalogue: { version: string; sha256: string };
  depth: Depth;
  everyIngress: boolean;
  /** Power cuts of a sweep. */
  cuts: number;
  /** Master seed of everything random, hex. */
  seed: string;
  /** What the depth left out: cases, and how many attack images of the others. */
  leftOut: { cases: readonly string[]; images: number };
  images: readonly { name: string; sha256: string }[];
  poisoned: { cause: string; byCase: string } | null;
  /** Merkle root of the record; null while it is not closed. */
  recordRoot: string | null;
  /** Path of Allure's report, or null. */
  report: string | null;
  /** Path of the test report (HTML), or null. */
  testReport: string | null;
  /** Path of the test report as PDF, or null. */
  pdf: string | null;
  /** Path of the trace matrix (JSON; `trace.csv` lies beside it), or null. */
  trace: string | null;
  /**
   * The list of known violations, or null where there is none. `insteadOf`: it was given after the run, and this is the
   * list that the run was made with, or null where it had none.
   */
  knownList: KnownListJson | null;
  /** Entries of that list with what became of them. */
  known: readonly KnownJudgement[];
  cases: readonly CaseJson[];
}

export function runJson(
  model: RunModel,
  options: {
    report?: string;
    testReport?: string;
    pdf?: string;
    trace?: string;
    describe?: DescribeCase;
    /** Default: that of the verdicts alone. */
    exitCode?: number;
  } = {},
): RunJson {
  const { header } = model;
  return {
    schema: runJsonSchema,
    runId: model.runId,
    verdict: model.verdict,
    exitCode: options.exitCode ?? model.exitCode,
    interrupted: model.interrupted,
    resumed: model.gaps.map(({ from, to, lengthMs }) => ({
      interruptedAt: from.tUtc,
      resumedAt: to.tUtc,
      gapMs: lengthMs,
    })),
    counts: model.counts,
    startedAt: model.startedAt.tUtc,
    endedAt: model.endedAt.tUtc,
    tookMs: model.tookMs,
    harness: header.harness,
    board: {
      name: header.board.name,
      title: header.board.title,
      sha256: header.board.sha256,
      ...(header.board.profile === undefined ? {} : { profile: header.board.profile }),
    },
    device: header.device,
    catalogue: header.catalogue,
    depth: header.depth,
    everyIngress: header.everyIngress,
    cuts: header.cuts,
    seed: header.seed,
    leftOut: { cases: header.leftOut, images: model.imagesLeftOut },
    images: header.images,
    poisoned: model.poisoned ?? null,
    recordRoot: model.root ?? null,
    report: options.report ?? null,
    testReport: options.testReport ?? null,
    pdf: options.pdf ?? null,
    trace: options.trace ?? null,
    knownList: knownListOf(model),
    known: judgeKnown(model),
    cases: model.cases.map((one) => caseJson(one, options.describe)),
  };
}

function knownListOf({ header: { known }, knownInsteadOf }: RunModel): KnownListJson | null {
  if (known === undefined) return null;
  const { file, sha256 } = known;
  return { file, sha256, ...(knownInsteadOf === undefined ? {} : { insteadOf: knownInsteadOf }) };
}

function caseJson(one: CaseModel, describe: DescribeCase | undefined): CaseJson {
  const known = describe?.(one.id);
  return {
    id: one.id,
    title: one.title || (known?.title ?? ''),
    suite: one.suite || (known?.suite ?? ''),
    severity: one.severity || (known?.severity ?? ''),
    verdict: one.verdict,
    reason: one.reason,
    findings: one.findings,
    measurements: one.measurements.map(({ at: _at, attempt: _attempt, ...measurement }) => measurement),
    attempts: one.attempts,
    tookMs: one.tookMs,
    startedAt: one.startedAt?.tUtc ?? null,
    requirements: known?.requirements ?? [],
  };
}
