/** `fieldproof run`: the main job. */

import { resolve } from 'node:path';
import type Mocha from 'mocha';
import { defaultBoard, defaultOutDir, pathForPeople } from './paths.ts';
import type { RunOptions } from './options.ts';
import { signerForRun } from './evidence/key-command.ts';
import { liveProgress, silentProgress, type Progress } from './progress.ts';
import { reportRun } from './reports.ts';
import { prepare, Session, type Prepared, type SessionOptions } from './session.ts';
import { loadSuites, runSuites, selectCases } from './suites.ts';
import { mustHaveDefects } from './defects-of-board.ts';
import { mustBeSome, withinDepth } from './depth.ts';
import { acceptHarm, harmOf, operatorHere } from './harm.ts';

/** @returns the exit code, taken from the record */
export async function runCommand(
  boardFile: string | undefined,
  options: RunOptions,
  argv: readonly string[],
): Promise<number> {
  const prepared = await prepare(boardFile ?? defaultBoard());
  mustHaveDefects(prepared.board, options.defect);
  const mocha = await loadSuites();
  const chosen = selectCases(prepared.catalogue, options.case, options.suite);
  const { selected, leftOut } = withinDepth(chosen, options.depth, options.case);
  mustBeSome(selected, options.depth);
  const harmAccepted = await acceptHarm(harmOf(prepared, selected), operatorHere(options.yes === true));
  const quiet = options.json === true;
  const signer = signerForRun(options.benchKey, quiet);
  const live = quiet ? silentProgress : liveProgress(selected.length, process.stderr);
  if (!quiet) announce(prepared.board.title, selected.length, options.defect);
  try {
    live.phase('opening the wires');
    const runDir = await runCases(prepared, mocha, {
      outDir: resolve(options.out ?? defaultOutDir()),
      selected,
      leftOut,
      harmAccepted,
      progress: live,
      command: ['fieldproof', ...argv],
      defects: options.defect,
      cuts: options.cuts,
      depth: options.depth,
      everyIngress: options.ingress === 'all',
      signer,
      lane: options.lane,
      interactive: process.stdin.isTTY && process.stderr.isTTY,
      withinMs: options.within * 60_000,
    });
    if (options.report) live.phase('making the report');
    return await reportRun(runDir, {
      catalogue: prepared.catalogue,
      json: quiet,
      html: options.report,
      beforeTable: () => live.done(),
    });
  } finally {
    live.done();
  }
}

/** @returns the folder of the run, whose record is closed */
async function runCases(prepared: Prepared, mocha: Mocha, options: SessionOptions & { progress: Progress }) {
  let runDir = '';
  const session = await Session.open(prepared, { ...options, recordOpened: (dir) => (runDir = dir) }).catch(
    (error: unknown) => {
      options.progress.done();
      if (runDir !== '')
        process.stderr.write(`The run could not start; its record: ${pathForPeople(runDir)}\n`);
      throw error;
    },
  );
  try {
    await runSuites(mocha, options.selected);
  } finally {
    options.progress.phase('closing the wires');
    await session.close();
  }
  return session.runDir;
}

function announce(title: string, cases: number, defects: readonly string[]): void {
  const broken = defects.length === 0 ? '' : `, broken on purpose: ${defects.join(', ')}`;
  process.stderr.write(`Fieldproof: ${cases} ${cases === 1 ? 'case' : 'cases'} against ${title}${broken}\n`);
}
