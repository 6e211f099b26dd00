/**
 * `verdicts.yaml` beside a third-party board: what the suites, as they are, make of the device, why that is right, and
 * the device's own lines that prove it. Read by people first; the check holds every run against it.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { verdicts } from '../../harness/verdict.ts';
import type { Judgement } from './judge.ts';

const pattern = z.string().min(1).refine(compiles, 'not a regular expression');

const explained = z.strictObject({
  cases: z.array(z.string()).min(1).describe('Cases that come out so'),
  verdict: z.enum(verdicts),
  why: z.string().min(1).describe('Why the verdict is right for this device, for a person'),
  reason: pattern.optional().describe('Regular expression that the reason of each verdict matches'),
  lines: z
    .array(pattern)
    .default([])
    .describe('Regular expressions, each found in what the device sent during each of these cases'),
});
export type ExplainedVerdict = z.output<typeof explained>;

const judged = z.strictObject({
  board: z.string().describe('Board file beside this file, without .yaml'),
  about: z
    .string()
    .min(1)
    .describe('What is particular of this device: faithful, or misconfigured in which way'),
  options: z.array(z.string()).default([]).describe('Options of fieldproof run'),
  verdicts: z
    .array(explained)
    .min(1)
    .refine((all) => twice(all).length === 0, {
      error: ({ input }) => `explained twice: ${twice(input as ExplainedVerdict[]).join(', ')}`,
    })
    .describe('Every case of the run, exactly once'),
});
export type JudgedBoard = z.output<typeof judged>;

/** @throws ZodError naming what does not fit */
export function readExpectedVerdicts(file: string): JudgedBoard[] {
  return z
    .array(judged)
    .min(1)
    .parse(parse(readFileSync(file, 'utf8')));
}

/** @throws AssertionError when the case did not run, or did not come out as it is explained */
export function mustBeAsExplained(judgement: Judgement, id: string, explained: ExplainedVerdict): void {
  const { verdict, reason, lines } = explained;
  const one = judgement.model.cases.find((candidate) => candidate.id === id);
  assert.ok(one, `${id} did not run:\n${judgement.said}`);
  // Not assert.equal: mocha would cut the message before "expected", with which most reasons begin.
  const asExplained = one.verdict === verdict;
  assert.ok(asExplained, `${id} is explained as ${verdict}, and was ${one.verdict}: ${one.reason}`);
  if (reason !== undefined) assert.match(one.reason, new RegExp(reason));
  const heard = judgement.linesDuring(id);
  for (const line of lines) {
    const said = new RegExp(line, 'm').test(heard);
    assert.ok(said, `during ${id} the device did not say /${line}/; it said:\n${heard.slice(-4000)}`);
  }
}

/** Cases that ran and that nobody explains. */
export function unexplained(
  judgement: Judgement,
  all: readonly ExplainedVerdict[],
): { id: string; verdict: string; reason: string }[] {
  const explained = new Set(all.flatMap(({ cases }) => cases));
  return judgement.model.cases
    .filter(({ id }) => !explained.has(id))
    .map(({ id, verdict, reason }) => ({ id, verdict, reason }));
}

function twice(all: readonly ExplainedVerdict[]): string[] {
  const ids = all.flatMap(({ cases }) => cases);
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
}

function compiles(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
}
