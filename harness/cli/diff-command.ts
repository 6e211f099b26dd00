/** `fieldproof diff`: what changed between two runs, or two firmware versions. */

import { compareRuns, noneIsWorse } from '../../reports/diff/compare.ts';
import { renderDiff } from '../../reports/diff/text.ts';
import { readRun } from '../record/read.ts';
import { modelOf, type RunModel } from '../record/run-model.ts';
import { exitCodes } from '../verdict.ts';
import { runFolder } from './named-files.ts';
import type { GlobalOptions } from './options.ts';

/**
 * @returns 0 when nothing became worse, 1 when something did
 * @throws UsageError when there is no such run; EvidenceError when a record is not as it was written
 */
export function diffCommand(before: string, after: string, options: GlobalOptions): number {
  const diff = compareRuns(modelIn(before), modelIn(after));
  process.stdout.write(options.json === true ? `${JSON.stringify(diff, null, 2)}\n` : renderDiff(diff));
  return noneIsWorse(diff) ? exitCodes.conforms : exitCodes.violates;
}

function modelIn(folder: string): RunModel {
  return modelOf(readRun(runFolder(folder)).entries);
}
