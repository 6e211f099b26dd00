/** `fieldproof report`: everything again, from the record. */

import { resolve } from 'node:path';
import { loadCatalogue } from '../catalogue/index.ts';
import { checkRun, readRun } from '../record/read.ts';
import { modelOf } from '../record/run-model.ts';
import { catalogueDir } from './paths.ts';
import type { GlobalOptions } from './program.ts';
import { exitCodeOfRun, writeReports } from './reports.ts';
import { exitCodes } from '../verdict.ts';

/** @returns the run's own exit code; 3 when its record is not as it was written */
export async function reportCommand(run: string, options: GlobalOptions): Promise<number> {
  const runDir = resolve(run);
  const problems = checkRun(runDir);
  const catalogue = await loadCatalogue(catalogueDir);
  const model = modelOf(readRun(runDir).entries);
  await writeReports(model, runDir, { catalogue, json: options.json === true, html: true });
  for (const problem of problems) process.stderr.write(`record: ${problem.message}\n`);
  return problems.length > 0 ? exitCodes.bench : exitCodeOfRun(model);
}
