/** Table and HTML report of a run, from its record alone; used by `run`, `report` and the mocha hooks. */

import { join } from 'node:path';
import { resultsFolder, writeAllure } from '../../reports/allure/index.ts';
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
import { exitCodeOfModel, withKnown } from '../record/known-violations.ts';
import type { KnownList } from '../record/events.ts';
import { loadReporting, type Reporting } from './reporting.ts';
import { writePage } from './write-page.ts';

export interface ReportOptions {
  catalogue: Catalogue;
  /** Machine-readable result on standard output instead of the table. */
  json: boolean;
  /** Make the HTML reports: the test report and Allure's. */
  html: boolean;
  /** What the test report is made with; default: in English, without data of the laboratory. */
  reporting?: Reporting;
  /** Known violations instead of those that the record names; every report says that they came afterwards. */
  known?: KnownList;
  /** Called when the report is made, before anything goes to standard output. */
  beforeTable?: () => void;
}

/** Writes the reports and prints the result. A report that cannot be made never changes the verdict. */
export async function writeReports(model: RunModel, runDir: string, options: ReportOptions): Promise<void> {
  const describe = describer(options.catalogue);
  const reporting = options.reporting ?? (await loadReporting({}, options.catalogue));
  const exitCode = exitCodeOfModel(model, reporting.acceptKnown);
  const page = options.html ? await writePage(model, runDir, { ...options, reporting, exitCode }) : {};
  const allure = options.html ? await allureOf(model, runDir, describe) : undefined;
  options.beforeTable?.();
  if (options.json) {
    const value = runJson(model, {
      ...(allure === undefined ? {} : { report: allure }),
      ...(page.page === undefined ? {} : { testReport: page.page }),
      ...(page.pdf === undefined ? {} : { pdf: page.pdf }),
      ...(page.trace === undefined ? {} : { trace: page.trace }),
      describe,
      exitCode,
    });
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
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
      reports: [
        ...shown('Report', page.page),
        ...shown('As PDF', page.pdf),
        ...shown('Steps, wires and history (Allure)', allure),
      ],
      acceptKnown: reporting.acceptKnown,
      ...deeper,
      describe,
    }),
  );
}

/** A path for the last lines of the table. */
function shown(name: string, path: string | undefined): { name: string; path: string }[] {
  return path === undefined ? [] : [{ name, path: pathForPeople(path) }];
}

async function allureOf(
  model: RunModel,
  runDir: string,
  describeCase: DescribeCase,
): Promise<string | undefined> {
  try {
    return (await writeAllure(model, runDir, { describeCase })).report;
  } catch (error) {
    process.stderr.write(`the Allure report could not be made: ${explain(error)}\n`);
    return undefined;
  }
}

/**
 * Makes all reports of a run once more, into another folder.
 *
 * @throws EvidenceError when Allure's cannot be made
 */
export async function makeReports(
  model: RunModel,
  runDir: string,
  { into, catalogue, reporting }: { into: string; catalogue: Catalogue; reporting: Reporting },
): Promise<void> {
  const exitCode = exitCodeOfModel(model, reporting.acceptKnown);
  await writePage(model, runDir, { catalogue, reporting, exitCode, into });
  await writeAllure(model, runDir, {
    describeCase: describer(catalogue),
    results: join(into, resultsFolder),
    report: join(into, 'report.html'),
  });
}

/**
 * Reads the record of a run that has ended, and reports it.
 *
 * @returns the run's exit code
 * @throws EvidenceError when the record is not as it was written
 */
export async function reportRun(runDir: string, options: ReportOptions): Promise<number> {
  const read = modelOf(readRun(runDir).entries);
  const { known } = options;
  const model = known === undefined ? read : withKnown(read, known);
  await writeReports(model, runDir, options);
  return exitCodeOfModel(model, options.reporting?.acceptKnown);
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
