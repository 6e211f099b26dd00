/** `fieldproof run`: the main job. */

import { resolve } from 'node:path';
import type Mocha from 'mocha';
import { defaultBoard, defaultOutDir, pathForPeople } from './paths.ts';
import type { RunOptions } from './options.ts';
import { planOf } from './plan-command.ts';
import { signerForRun } from './evidence/key-command.ts';
import { liveProgress, silentProgress, type Progress } from './progress.ts';
import { loadReporting, type Reporting } from './reporting.ts';
import { reportRun } from './reports.ts';
import { prepare, type Prepared } from './prepare.ts';
import { Session, type SessionOptions } from './session.ts';
import { loadSuites, runSuites, selectCases } from './suites.ts';
import { mustHaveDefects } from './defects-of-board.ts';
import { mustBeSome, withinDepth } from './depth.ts';
import { stampRest } from './evidence/stamp-run.ts';
import { acceptHarm, harmOf, operatorHere } from './harm.ts';

/** @returns the exit code, taken from the record */
export async function runCommand(
  boardFile: string | undefined,
  options: RunOptions,
  argv: readonly string[],
): Promise<number> {
  const prepared = await prepare(boardFile ?? defaultBoard());
  mustHaveDefects(prepared.board, options.defect);
  const reporting = await loadReporting(options, prepared.catalogue);
  const mocha = await loadSuites();
  const chosen = selectCases(prepared.catalogue, options.case, options.suite);
  const { selected, leftOut } = withinDepth(chosen, options.depth, options.case);
  mustBeSome(selected, options.depth);
  const harmAccepted = await acceptHarm(harmOf(prepared, selected), operatorHere(options.yes === true));
  return runAndReport(
    prepared,
    { ...options, reporting },
    {
      mocha,
      outDir: resolve(options.out ?? defaultOutDir()),
      selected,
      leftOut,
      harmAccepted,
      plan: planOf(prepared, chosen, options),
      command: ['fieldproof', ...argv],
      defects: options.defect,
      cuts: options.cuts,
      depth: options.depth,
      everyIngress: options.ingress === 'all',
      authority: options.authority,
      signer: signerForRun(options.benchKey, options.json === true),
      lane: options.lane,
      interactive: process.stdin.isTTY && process.stderr.isTTY,
      withinMs: options.within * 60_000,
    },
  );
}

/** A session to be, with the suites that it drives. */
export type RunToCome = Omit<SessionOptions, 'progress'> & { mocha: Mocha };

/**
 * @param run to be made, or the folder of one that has been made
 * @returns the exit code, taken from the record
 */
export async function runAndReport(
  prepared: Prepared,
  options: RunOptions & { reporting: Reporting },
  run: RunToCome | string,
): Promise<number> {
  const quiet = options.json === true;
  const cases = typeof run === 'string' ? 0 : run.selected.length;
  const live = quiet ? silentProgress : liveProgress(cases, process.stderr);
  try {
    if (typeof run !== 'string' && !quiet) announce(prepared.board.title, cases, run.defects);
    const runDir = typeof run === 'string' ? run : await runCases(prepared, run, live);
    if (options.authority !== undefined) {
      live.phase('asking the time-stamping authority');
      await stampRest(runDir, options.authority);
    }
    if (options.report) live.phase('making the report');
    return await reportRun(runDir, {
      catalogue: prepared.catalogue,
      json: quiet,
      html: options.report,
      reporting: options.reporting,
      beforeTable: () => live.done(),
    });
  } finally {
    live.done();
  }
}

/** @returns the folder of the run, whose record is closed, or left open to be gone on with */
async function runCases(prepared: Prepared, { mocha, ...run }: RunToCome, progress: Progress) {
  let runDir = '';
  progress.phase('opening the wires');
  const options = { ...run, progress, recordOpened: (dir: string) => (runDir = dir) };
  const session = await Session.open(prepared, options).catch((error: unknown) => {
    progress.done();
    if (runDir !== '')
      process.stderr.write(
        `The run could not ${run.resume === undefined ? 'start' : 'go on'}; its record: ${pathForPeople(runDir)}\n`,
      );
    throw error;
  });
  try {
    await runSuites(mocha, run.selected);
  } finally {
    progress.phase('closing the wires');
    await session.close();
  }
  return session.runDir;
}

function announce(title: string, cases: number, defects: readonly string[]): void {
  const broken = defects.length === 0 ? '' : `, broken on purpose: ${defects.join(', ')}`;
  process.stderr.write(`Fieldproof: ${cases} ${cases === 1 ? 'case' : 'cases'} against ${title}${broken}\n`);
}
