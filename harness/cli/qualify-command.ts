/**
 * `fieldproof qualify`: proves that every case can pass and can fail. The faithful device of each simulated board is
 * run whole; each defect is switched on and run against the cases that must catch it and the board's sentinels
 * (`--full`: against every case).
 */

import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadCatalogue } from '../catalogue/index.ts';
import { Deadline } from '../clock.ts';
import { BoardFileError, NotExecuted } from '../errors.ts';
import { exitCodes } from '../verdict.ts';
import { knownDefects, loadDefectList } from './defects.ts';
import { boardFileOf } from './defects-of-board.ts';
import { judgeMatrix, type BoardMatrix, type KillMatrix, type MatrixRow } from './kill-matrix.ts';
import { matrixPage, matrixText, type Making } from './kill-matrix-text.ts';
import { catalogueDir, defaultOutDir } from './paths.ts';
import { longestFirst, qualifyJobs, type QualifyJob } from './qualify-jobs.ts';
import { runJob } from './qualify-run.ts';
import { stopOnSignal } from './signals.ts';
import { loadSuites } from './suites.ts';
import { registeredCases } from '../lifecycle/test-case.ts';

export interface QualifyOptions {
  full?: boolean;
  json?: boolean;
  board: string[];
  defect: string[];
  lanes: number;
  out?: string;
  /** File that gets the matrix as Markdown. */
  write?: string;
}

export async function qualifyCommand(options: QualifyOptions): Promise<number> {
  const clock = new Deadline(0);
  knownDefects(options.defect);
  await loadSuites();
  const catalogue = await loadCatalogue(catalogueDir);
  const built = [...registeredCases().keys()];
  const full = options.full === true;
  const jobs = qualifyJobs(loadDefectList(), built, catalogue, {
    boards: options.board,
    defects: options.defect,
    full,
  });
  mustHaveBoards(jobs);
  const rows = await runAll(jobs, options);
  const matrix: KillMatrix = {
    boards: boardsOf(jobs, rows),
    cases: built,
    partial: options.board.length > 0 || options.defect.length > 0,
  };
  const problems = judgeMatrix(matrix);
  const making: Making = {
    catalogueVersion: catalogue.version,
    command: commandOf(options),
    tookMs: clock.elapsedMs,
  };
  if (options.write !== undefined)
    writeFileSync(resolve(options.write), matrixPage(matrix, problems, making));
  if (options.json === true)
    process.stdout.write(`${JSON.stringify(plain(matrix, problems, making), null, 2)}\n`);
  else process.stdout.write(matrixText(matrix, problems, making));
  return problems.length === 0 ? exitCodes.conforms : exitCodes.violates;
}

/** What decides what the matrix holds; not where it went. */
function commandOf({ full, board, defect }: QualifyOptions): string {
  return [
    'fieldproof qualify',
    ...(full === true ? ['--full'] : []),
    ...board.map((name) => `--board ${name}`),
    ...defect.map((name) => `--defect ${name}`),
  ].join(' ');
}

function mustHaveBoards(jobs: readonly QualifyJob[]): void {
  const missing = jobs.find(({ board }) => !existsSync(boardFileOf(board.board)));
  if (missing === undefined) return;
  throw new BoardFileError(
    'board-missing',
    `defects.yaml names the board ${missing.board.board}, and there is no ${boardFileOf(missing.board.board)}`,
  );
}

/**
 * @returns a row per job, in the order of the jobs
 * @throws NotExecuted when the operator ended it
 */
async function runAll(jobs: readonly QualifyJob[], options: QualifyOptions): Promise<MatrixRow[]> {
  const out = resolve(options.out ?? join(defaultOutDir(), 'qualify'));
  const rows: MatrixRow[] = [];
  const queue = longestFirst(jobs, registeredCases());
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
      const job = jobs[next];
      if (job === undefined) continue;
      const clock = new Deadline(0);
      const row = await runJob(job, { out, lane: `#${number}`, children });
      rows[next] = row;
      process.stderr.write(progressLine(job, row, clock.elapsedMs, queue.length));
    }
  };
  try {
    await Promise.all(Array.from({ length: options.lanes }, (_unused, number) => lane(number + 1)));
  } finally {
    await endChildren();
    release();
  }
  if (stopped) throw new NotExecuted('interrupted', 'the operator ended the qualification');
  return rows;
}

function progressLine({ board, defect }: QualifyJob, row: MatrixRow, tookMs: number, left: number): string {
  const said =
    row.failed ??
    [...row.verdicts]
      .filter(([, verdict]) => verdict !== 'conforms')
      .map(([id, verdict]) => `${id} ${verdict}`)
      .join(', ');
  const took = `${(tookMs / 1000).toFixed(1)} s, ${left} to start`;
  return `${board.board}, ${defect?.name ?? 'faithful device'} (${took}): ${said === '' ? 'all conform' : said}\n`;
}

function boardsOf(jobs: readonly QualifyJob[], rows: readonly MatrixRow[]): BoardMatrix[] {
  const boards = [...new Set(jobs.map(({ board }) => board))];
  return boards.map((board) => {
    const own = [...jobs.entries()].filter(([, job]) => job.board === board);
    return {
      board,
      cases: own.find(([, { defect }]) => defect === undefined)?.[1].cases ?? [],
      rows: own.flatMap(([index]) => rows[index] ?? []),
      defects: own.flatMap(([, { defect }]) => defect ?? []),
    };
  });
}

function plain(matrix: KillMatrix, problems: readonly string[], making: Making) {
  const boards = matrix.boards.map(({ board, cases, rows }) => ({
    board: board.board,
    cases,
    rows: rows.map(({ defect, verdicts, reasons, failed }) => ({
      defect: defect ?? null,
      verdicts: Object.fromEntries(verdicts),
      reasons: Object.fromEntries(reasons ?? []),
      failed: failed ?? null,
    })),
  }));
  return { ...making, partial: matrix.partial, boards, problems };
}
