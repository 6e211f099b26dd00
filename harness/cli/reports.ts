/** Table and HTML report of a run, from its record alone; used by `run`, `report` and the mocha hooks. */

import { relative } from 'node:path';
import { writeAllure } from '../../reports/allure/index.ts';
import { jsonOf } from '../../reports/table/json.ts';
import { tableOf } from '../../reports/table/table.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { explain } from '../errors.ts';
import type { RunModel } from '../record/run-model.ts';
import { exitCodeOf, exitCodes } from '../verdict.ts';

export interface ReportOptions {
  catalogue: Catalogue;
  /** Machine-readable result on standard output instead of the table. */
  json: boolean;
  /** Make the single-file HTML report. */
  html: boolean;
}

/** Writes the report and prints the result. A report that cannot be made never changes the verdict. */
export async function writeReports(model: RunModel, runDir: string, options: ReportOptions): Promise<void> {
  let report: string | undefined;
  if (options.html) {
    try {
      ({ report } = await writeAllure(model, runDir, { describeCase: describer(options.catalogue) }));
    } catch (error) {
      process.stderr.write(`the HTML report could not be made: ${explain(error)}\n`);
    }
  }
  const shown = report === undefined ? undefined : relative(process.cwd(), report);
  process.stdout.write(
    options.json ? jsonOf(model, { runDir, report }) : tableOf(model, { runDir, report: shown }),
  );
}

function describer(catalogue: Catalogue) {
  return (id: string) => {
    const described = catalogue.find(id);
    if (described === undefined) return undefined;
    const { title, suite, severity, requirements, source } = described;
    return { title, suite, severity, requirements, source, claims: catalogue.claimsOf(id) };
  };
}

/** The exit code of a run, from its record. */
export function exitCodeOfRun(model: RunModel): number {
  const code = exitCodeOf(model.cases.map(({ verdict }) => verdict));
  return model.interrupted && code === exitCodes.conforms ? exitCodes.undecided : code;
}
