/** Table and HTML report of a run, from its record alone; used by `run`, `report` and the mocha hooks. */

import { writeAllure } from '../../reports/allure/index.ts';
import { runJson } from '../../reports/table/json.ts';
import { renderTable } from '../../reports/table/table.ts';
import { wantsColour } from '../../reports/table/terminal.ts';
import type { DescribeCase } from '../../reports/case-description.ts';
import { deeperThan, sameAtDepth } from './depth.ts';
import { pathForPeople } from './paths.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { explain } from '../errors.ts';
import { readRun } from '../record/read.ts';
import { modelOf, type RunModel } from '../record/run-model.ts';
import { exitCodeOf, exitCodes } from '../verdict.ts';

export interface ReportOptions {
  catalogue: Catalogue;
  /** Machine-readable result on standard output instead of the table. */
  json: boolean;
  /** Make the single-file HTML report. */
  html: boolean;
  /** Called when the report is made, before anything goes to standard output. */
  beforeTable?: () => void;
}

/** Writes the report and prints the result. A report that cannot be made never changes the verdict. */
export async function writeReports(model: RunModel, runDir: string, options: ReportOptions): Promise<void> {
  const describe = describer(options.catalogue);
  let path: string | undefined;
  if (options.html) {
    try {
      path = (await writeAllure(model, runDir, { describeCase: describe })).report;
    } catch (error) {
      process.stderr.write(`the HTML report could not be made: ${explain(error)}\n`);
    }
  }
  options.beforeTable?.();
  const shown = path === undefined ? {} : { report: options.json ? path : pathForPeople(path) };
  if (options.json) {
    process.stdout.write(`${JSON.stringify(runJson(model, { ...shown, describe }), null, 2)}\n`);
    return;
  }
  const { stdout } = process;
  const next = deeperThan(model.header.depth);
  const deeper =
    next === undefined
      ? {}
      : { deeper: sameAtDepth(model.header.command, next, process.env.npm_lifecycle_event) };
  process.stdout.write(
    renderTable(model, {
      columns: stdout.columns,
      colour: wantsColour(stdout),
      ...shown,
      ...deeper,
      describe,
    }),
  );
}

/**
 * Makes the HTML report, and the Allure results behind it, once more.
 *
 * @throws EvidenceError when it cannot be made
 */
export async function makeReport(model: RunModel, runDir: string, catalogue: Catalogue): Promise<void> {
  await writeAllure(model, runDir, { describeCase: describer(catalogue) });
}

/**
 * Reads the record of a run that has ended, and reports it.
 *
 * @returns the run's exit code
 * @throws EvidenceError when the record is not as it was written
 */
export async function reportRun(runDir: string, options: ReportOptions): Promise<number> {
  const model = modelOf(readRun(runDir).entries);
  await writeReports(model, runDir, options);
  return exitCodeOfRun(model);
}

const letters = { critical: 'C', high: 'H', medium: 'M' } as const;

function describer(catalogue: Catalogue): DescribeCase {
  const claims = catalogue.trace().filter(({ kind }) => kind === 'claim');
  const byId = new Map(catalogue.cases.map((one) => [one.id, one]));
  return (id) => {
    const described = byId.get(id);
    if (described === undefined) return undefined;
    const { title, suite, severity, requirements, source } = described;
    const claimed = claims.filter(({ cases }) => cases.some((one) => one.id === id)).map((row) => row.id);
    return { title, suite, severity: letters[severity], requirements, source, claims: claimed };
  };
}

/** The exit code of a run, from its record. */
export function exitCodeOfRun(model: RunModel): number {
  const code = exitCodeOf(model.cases.map(({ verdict }) => verdict));
  return model.interrupted && code === exitCodes.conforms ? exitCodes.undecided : code;
}
