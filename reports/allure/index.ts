/** Allure results and a single-file HTML report, made from the record after the run. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { within } from '../../harness/clock.ts';
import { EvidenceError } from '../../harness/errors.ts';
import type { RunModel } from '../../harness/record/run-model.ts';
import type { DescribeCase } from '../case-description.ts';
import { executorOf } from './environment.ts';
import { planOf } from './plan-of.ts';

/** Where Allure's results lie in the folder of a run. */
export const resultsFolder = 'allure-results';

export interface AllureOptions {
  describeCase: DescribeCase;
  /** Folder of the Allure results; emptied first (default: `allure-results` in the run folder). */
  results?: string;
  /** Path of the HTML file (default: `report.html` in the run folder). */
  report?: string;
  /** JSON Lines with the runs of this board (default: `history/<board>.jsonl` beside the run folder). */
  historyFile?: string;
  /** Runs kept there and shown in the report (default 30). */
  historyLimit?: number;
  /** How long the making may take (default 120 000 ms). */
  withinMs?: number;
}

/**
 * Writes the results and the report of a run. Mocha runs in a process of its own, so that this may be called while
 * another mocha is at work here.
 *
 * @param runDir folder of the run: its wire segments become transcripts
 * @returns paths of the results folder and of the HTML file
 * @throws EvidenceError when the report cannot be made, or would load anything from the network
 */
export async function writeAllure(
  model: RunModel,
  runDir: string,
  options: AllureOptions,
): Promise<{ results: string; report: string }> {
  const results = resolve(options.results ?? join(runDir, resultsFolder));
  const report = resolve(options.report ?? join(runDir, 'report.html'));
  const board = model.header.board.name.replace(/[^A-Za-z0-9._-]/g, '_');
  const historyFile = options.historyFile ?? join(dirname(resolve(runDir)), 'history', `${board}.jsonl`);
  const history = { file: resolve(historyFile), limit: options.historyLimit ?? 30 };
  const scratch = mkdtempSync(join(tmpdir(), 'fieldproof-plan-'));
  try {
    rmSync(results, { recursive: true, force: true });
    mkdirSync(results, { recursive: true });
    const plan = planOf(model, { runDir, results, report, history }, options.describeCase);
    writeFileSync(join(results, 'executor.json'), `${JSON.stringify(executorOf(model))}\n`);
    const planFile = join(scratch, 'plan.json');
    writeFileSync(planFile, JSON.stringify(plan));
    await runWorker(planFile, scratch, options.withinMs ?? 120_000);
  } catch (cause) {
    if (cause instanceof EvidenceError) throw cause;
    throw new EvidenceError('no-report', `cannot make the Allure report of run ${model.runId}`, {
      hint: 'The record is untouched: make the report again with `fieldproof report`.',
      cause,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { results, report };
}

async function runWorker(planFile: string, cwd: string, withinMs: number): Promise<void> {
  // From the sources under tsx, or compiled.
  const typescript = import.meta.url.endsWith('.ts');
  const script = fileURLToPath(new URL(`./worker${typescript ? '.ts' : '.js'}`, import.meta.url));
  const loader = typescript
    ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]
    : [];
  // Allure reads CI variables, labels and the git checkout from its surroundings; none of them is part of the run.
  const child = spawn(process.execPath, [...loader, script, planFile], {
    cwd,
    env: { NODE_ENV: 'production', TMPDIR: tmpdir() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  try {
    const code = await within(ended, withinMs, 'making the Allure report');
    if (code !== 0) throw new Error(`the report worker ended with ${code}: ${said.trim()}`);
  } finally {
    child.kill('SIGKILL');
  }
}
