/** `fieldproof run`: the main job. */

import { resolve } from 'node:path';
import { defaultBoard, defaultOutDir } from './paths.ts';
import type { RunOptions } from './program.ts';
import { liveProgress, silentProgress } from './progress.ts';
import { reportRun } from './reports.ts';
import { prepare, Session } from './session.ts';
import { loadSuites, runSuites, selectCases } from './suites.ts';
import { knownDefects } from './defects.ts';

/** @returns the exit code, taken from the record */
export async function runCommand(
  boardFile: string | undefined,
  options: RunOptions,
  argv: readonly string[],
): Promise<number> {
  const prepared = await prepare(boardFile ?? defaultBoard());
  knownDefects(options.defect);
  const mocha = await loadSuites();
  const selected = selectCases(prepared.catalogue, options.case, options.suite);
  const quiet = options.json === true;
  const live = quiet ? undefined : liveProgress(selected.length, process.stderr);
  if (!quiet) announce(prepared.board.title, selected.length, options.defect);
  const session = await Session.open(prepared, {
    outDir: resolve(options.out ?? defaultOutDir()),
    selected,
    progress: live ?? silentProgress,
    command: ['fieldproof', ...argv],
    defects: options.defect,
    cuts: options.cuts,
    lane: options.lane,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    withinMs: options.within * 60_000,
  });
  const release = stopOnSignal(session);
  try {
    await runSuites(mocha, selected);
  } finally {
    live?.done();
    await session.close();
    release();
  }
  return reportRun(session.runDir, { catalogue: prepared.catalogue, json: quiet, html: options.report });
}

function announce(title: string, cases: number, defects: readonly string[]): void {
  const broken = defects.length === 0 ? '' : `, broken on purpose: ${defects.join(', ')}`;
  process.stderr.write(`Fieldproof: ${cases} cases against ${title}${broken}\n`);
}

/** First signal: end the case, tear down, write the report so far. Second: the safe state, and out. */
export function stopOnSignal(session: Session): () => void {
  let count = 0;
  const stop = (signal: NodeJS.Signals): void => {
    count += 1;
    if (count === 1) {
      process.stderr.write(`\n${signal}: ending the case and tearing down; once more to leave at once\n`);
      session.interrupt(`the operator ended the run (${signal})`);
      return;
    }
    process.stderr.write('leaving at once: safe state, then out\n');
    const leave = (): never => process.exit(3);
    setTimeout(leave, 5000).unref();
    void session.safeState().then(leave, leave);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
}
