/** Writes the test report: the page, its PDF if wished, the trace matrix for programs. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printPdf, testReport } from '../../reports/page/index.ts';
import { traceCsv, traceJson } from '../../reports/trace/files.ts';
import { traceMatrix } from '../../reports/trace/matrix.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { explain } from '../errors.ts';
import type { RunModel } from '../record/run-model.ts';
import { version } from './paths.ts';
import type { Reporting } from './reporting.ts';

/** Paths of what was written; a part that could not be made is missing, and its trouble was told. */
export interface WrittenPage {
  page?: string;
  pdf?: string;
  trace?: string;
}

/** Writes into the folder of the run, or `into` another. Never throws: a report that cannot be made changes no verdict. */
export async function writePage(
  model: RunModel,
  runDir: string,
  options: { catalogue: Catalogue; reporting: Reporting; exitCode: number; into?: string },
): Promise<WrittenPage> {
  const { catalogue, reporting, exitCode, into = runDir } = options;
  const { mappings, language, lab } = reporting;
  const page = join(into, language === 'en' ? 'test-report.html' : `test-report.${language}.html`);
  const trace = join(into, 'trace.json');
  try {
    const made = testReport({
      runDir,
      model,
      catalogue,
      mappings,
      language,
      ...(lab === undefined ? {} : { lab }),
      madeBy: `fieldproof ${version()}`,
      exitCode,
    });
    writeFileSync(page, made.html);
    const tables = traceMatrix(model, catalogue, mappings);
    writeFileSync(trace, traceJson(model, tables));
    writeFileSync(join(into, 'trace.csv'), traceCsv(tables));
  } catch (error) {
    process.stderr.write(`the test report could not be made: ${explain(error)}\n`);
    return {};
  }
  const pdf = reporting.pdf ? await printed(page) : undefined;
  return { page, trace, ...(pdf === undefined ? {} : { pdf }) };
}

async function printed(page: string): Promise<string | undefined> {
  try {
    const pdf = await printPdf(page, page.replace(/\.html$/, '.pdf'));
    if (pdf === undefined)
      process.stderr.write(
        'no PDF: install Chromium or Chrome (Debian: apt install chromium) or name one in CHROME_PATH; or print the page from any browser\n',
      );
    return pdf;
  } catch (error) {
    process.stderr.write(`no PDF: ${explain(error)}\n`);
    return undefined;
  }
}
