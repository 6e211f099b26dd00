/**
 * `fieldproof qualify`: proves that every case can fail. The faithful device is run whole; each defect is switched
 * on and run against the cases that must catch it and one sentinel per suite (`--full`: against every case).
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalogue } from '../catalogue/index.ts';
import { BenchError, NotExecuted } from '../errors.ts';
import type { Verdict } from '../verdict.ts';
import { exitCodes } from '../verdict.ts';
import { knownDefects, loadDefects, type Defect } from './defects.ts';
import { judgeMatrix, matrixText, type Matrix, type MatrixRow } from './kill-matrix.ts';
import { catalogueDir, compiled, defaultOutDir } from './paths.ts';
import { stopOnSignal } from './signals.ts';
import { loadSuites } from './suites.ts';
import { registeredCases } from '../lifecycle/test-case.ts';

export interface QualifyOptions {
  full?: boolean;
  json?: boolean;
  defect: string[];
  lanes: number;
  out?: string;
}

/** One per suite, quick and sensitive: a defect that breaks more than it should shows here. */
const sentinels = ['SIG-02', 'RB-01', 'INT-03', 'REP-02'];

export async function qualifyCommand(options: QualifyOptions): Promise<number> {
  knownDefects(options.defect);
  const chosen = loadDefects().filter(
    ({ name }) => options.defect.length === 0 || options.defect.includes(name),
  );
  await loadSuites();
  const catalogue = await loadCatalogue(catalogueDir);
  const cases = [...registeredCases().keys()];
  const jobs = [
    { name: undefined, cases },
    ...chosen.map((defect) => ({
      name: defect.name,
      cases: options.full === true ? cases : casesFor(defect, cases),
    })),
  ];
  const rows: MatrixRow[] = [];
  const queue = [...jobs.entries()];
  const children = new Set<ChildProcess>();
  const endChildren = async (): Promise<void> => {
    for (const child of children) child.kill('SIGTERM'); // each tears its own bench down
  };
  let stopped = false;
  const interrupt = (): void => {
    stopped = true;
    queue.length = 0;
    void endChildren();
  };
  const release = stopOnSignal({ interrupt, safeState: endChildren });
  const lane = async (number: number): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, job] = next;
      const verdicts = await runJob(job, { ...options, lane: `#${number}` }, children);
      rows[index] = { defect: job.name, verdicts };
      process.stderr.write(`${job.name ?? 'faithful device'}: ${summary(verdicts)}\n`);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.lanes }, (_unused, number) => lane(number + 1)));
  } catch (error) {
    if (!stopped) throw error; // a run that was ended while it loaded has nothing to say
  } finally {
    await endChildren();
    release();
  }
  if (stopped) throw new NotExecuted('interrupted', 'the operator ended the qualification');
  const matrix: Matrix = { cases, rows, defects: chosen, partial: options.defect.length > 0 };
  const problems = judgeMatrix(matrix);
  if (options.json === true) {
    const plain = rows.map((row) => ({ ...row, verdicts: Object.fromEntries(row.verdicts) }));
    process.stdout.write(`${JSON.stringify({ ...matrix, rows: plain, problems }, null, 2)}\n`);
  } else process.stdout.write(matrixText(matrix, problems, catalogue.version));
  return problems.length === 0 ? exitCodes.conforms : exitCodes.violates;
}

function casesFor(defect: Defect, all: readonly string[]): string[] {
  const wanted = new Set([...Object.keys(defect.expected), ...sentinels]);
  return all.filter((id) => wanted.has(id));
}

function summary(verdicts: ReadonlyMap<string, Verdict>): string {
  return [...verdicts]
    .filter(([, verdict]) => verdict !== 'conforms')
    .map(([id, verdict]) => `${id} ${verdict}`)
    .join(', ')
    .replace(/^$/, 'all conform');
}

/** One run in a process of its own, as anybody would start it. */
async function runJob(
  job: { name: string | undefined; cases: readonly string[] },
  options: QualifyOptions & { lane: string },
  children: Set<ChildProcess>,
): Promise<ReadonlyMap<string, Verdict>> {
  const out = resolve(options.out ?? join(defaultOutDir(), 'qualify'));
  const main = fileURLToPath(new URL(compiled ? './main.js' : './main.ts', import.meta.url));
  const arguments_ = [
    ...(compiled ? [] : ['--import', 'tsx']),
    main,
    'run',
    '--json',
    '--no-report',
    '--out',
    out,
    '--lane',
    options.lane,
    ...(job.name === undefined ? [] : ['--defect', job.name]),
    ...job.cases.flatMap((id) => ['--case', id]),
  ];
  const { stdout, stderr, code } = await finished(process.execPath, arguments_, children);
  let result: { cases: { id: string; verdict: Verdict }[] };
  try {
    result = JSON.parse(stdout) as typeof result;
  } catch (cause) {
    const said = stderr.trim().split('\n').slice(-5).join('\n');
    throw new BenchError(
      'qualify-run-failed',
      `the run of ${job.name ?? 'the faithful device'} ended with code ${code}: ${said}`,
      { cause },
    );
  }
  return new Map(result.cases.map(({ id, verdict }) => [id, verdict]));
}

function finished(
  program: string,
  arguments_: readonly string[],
  children: Set<ChildProcess>,
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  return new Promise((done, fail) => {
    const child = spawn(program, arguments_, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', fail);
    child.once('close', (code) => {
      children.delete(child);
      done({ stdout, stderr, code });
    });
  });
}
