/**
 * Runs by itself: mocha and Allure keep state in the process, and an outer mocha may be running in ours.
 * Its one argument is the path of a plan (see `plan.ts`).
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AllurePlan } from './plan.ts';
import { rebuild } from './record-reporter.ts';
import { makeSingleFile } from './single-file.ts';

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as AllurePlan;
const scratch = mkdtempSync(join(tmpdir(), 'fieldproof-allure-'));
try {
  await rebuild(plan);
  await makeSingleFile(plan, scratch);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
