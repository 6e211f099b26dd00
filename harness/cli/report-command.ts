/** `fieldproof report`: everything again, from the record. */

import { loadCatalogue } from '../catalogue/index.ts';
import { EvidenceError } from '../errors.ts';
import { checkRun, nextStepFor } from '../record/read.ts';
import { catalogueDir } from './paths.ts';
import { loadKnown } from '../board/known-file.ts';
import { mustExist, runFolder } from './named-files.ts';
import type { GlobalOptions } from './options.ts';
import { loadReporting, type ReportingOptions } from './reporting.ts';
import { reportRun } from './reports.ts';

/**
 * @returns the run's own exit code; 3, and no report, when its record is not as it was written
 * @throws UsageError when there is no such run, or no file that an option names
 */
export async function reportCommand(
  run: string,
  options: GlobalOptions & ReportingOptions & { known?: string },
): Promise<number> {
  const runDir = runFolder(run);
  if (options.known !== undefined)
    mustExist('--known', options.known, 'Name a list of known violations, such as BOARD.known.yaml.');
  const problems = checkRun(runDir);
  if (problems.length === 0) {
    const catalogue = await loadCatalogue(catalogueDir);
    return reportRun(runDir, {
      catalogue,
      json: options.json === true,
      html: true,
      reporting: await loadReporting(options, catalogue),
      ...(options.known === undefined ? {} : { known: await loadKnown(options.known, catalogue) }),
    });
  }
  throw new EvidenceError(
    'record-altered',
    [
      `the record in ${runDir} is not as it was written:`,
      ...problems.map(({ where, message }) => `  ${where}: ${message}`),
    ].join('\n'),
    { data: { problems }, hint: nextStepFor(problems) },
  );
}
