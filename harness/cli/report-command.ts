/** `fieldproof report`: everything again, from the record. */

import { resolve } from 'node:path';
import { loadCatalogue } from '../catalogue/index.ts';
import { EvidenceError } from '../errors.ts';
import { checkRun } from '../record/read.ts';
import { catalogueDir } from './paths.ts';
import type { GlobalOptions } from './options.ts';
import { reportRun } from './reports.ts';

/** @returns the run's own exit code; 3, and no report, when its record is not as it was written */
export async function reportCommand(run: string, options: GlobalOptions): Promise<number> {
  const runDir = resolve(run);
  const problems = checkRun(runDir);
  if (problems.length === 0) {
    return reportRun(runDir, {
      catalogue: await loadCatalogue(catalogueDir),
      json: options.json === true,
      html: true,
    });
  }
  throw new EvidenceError(
    'record-altered',
    [
      `the record in ${runDir} is not as it was written:`,
      ...problems.map(({ where, message }) => `  ${where}: ${message}`),
    ].join('\n'),
    {
      data: { problems },
      hint: 'Do not report from this record: restore the run folder from a copy, or run again.',
    },
  );
}
