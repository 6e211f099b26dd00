/**
 * `verdicts.yaml` beside a third-party board: what the suites, as they are, make of the device, why that is right, and
 * the device's own lines that prove it. Read by people first; the check holds every run against it.
 */

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { verdicts } from '../../harness/verdict.ts';

const explained = z.strictObject({
  cases: z.array(z.string()).min(1).describe('Cases that come out so'),
  verdict: z.enum(verdicts),
  why: z.string().min(1).describe('Why the verdict is right for this device, for a person'),
  reason: z.string().optional().describe('Regular expression that the reason of each verdict matches'),
  lines: z
    .array(z.string())
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
  verdicts: z.array(explained).min(1).describe('Every case of the run, exactly once'),
});
export type JudgedBoard = z.output<typeof judged>;

/** @throws ZodError naming what does not fit */
export function readExpectedVerdicts(file: string): JudgedBoard[] {
  return z
    .array(judged)
    .min(1)
    .parse(parse(readFileSync(file, 'utf8')));
}
