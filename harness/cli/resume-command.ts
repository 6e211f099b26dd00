/** `fieldproof run --resume`: goes on with a run that was interrupted, at the next case. */

import { dirname, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { registeredCases, type RegisteredCase } from '../lifecycle/test-case.ts';
import type { Continuation } from '../record/continuation.ts';
import { RunRecord } from '../record/record.ts';
import { sealIfMissing } from '../record/resume.ts';
import type { Signer } from '../record/signing.ts';
import { boardFileOf } from './board-of-run.ts';
import { signerForRun } from './evidence/key-command.ts';
import { withinDepth } from './depth.ts';
import { acceptHarm, harmOf, operatorHere } from './harm.ts';
import { lockRecord } from './lock-board.ts';
import type { RunOptions } from './options.ts';
import { defaultBoard, defaultOutDir, pathForPeople } from './paths.ts';
import { planOf } from './plan-command.ts';
import { loadReporting } from './reporting.ts';
import { runAndReport } from './run-command.ts';
import { prepare, type Prepared } from './prepare.ts';
import type { SessionOptions } from './session.ts';
import { loadSuites, selectCases } from './suites.ts';
import {
  isFolder,
  mustBeTheSame,
  newestUnfinishedRun,
  runFolderOf,
  signedRun,
  unfinishedRun,
  type UnfinishedRun,
} from './unfinished-run.ts';

/**
 * @returns the exit code of the whole run, taken from the record
 * @throws EvidenceError naming each difference, when anything that the run is bound to is not as it was, or saying what
 * of its record the bench's key does not vouch for
 */
export async function resumeCommand(
  boardFile: string | undefined,
  options: RunOptions,
  argv: readonly string[],
): Promise<number> {
  const named = await findRun(boardFile, options);
  const { prepared } = named;
  const reporting = await loadReporting(options, prepared.catalogue);
  const mocha = await loadSuites();
  // Two processes must not write one record, whatever board files they were given.
  const lock = await lockRecord(named.run.dir);
  try {
    // What was read before the lock may have been the account of a run that was still going on.
    const found = unfinishedRun(named.run.dir);
    const bound = boundOptions(prepared, found, options, argv);
    mustBeTheSame(found, prepared, bound);
    const run = signedRun(found, bound.signer);
    const { continuation } = run;
    tell(run, options);
    if (continuation.ended) {
      closeOnly(prepared, run.dir, bound.signer);
      return await runAndReport(prepared, { ...options, reporting }, run.dir);
    }
    const selected = casesOf(continuation.toRun);
    const harmAccepted = await acceptHarm(harmOf(prepared, selected), operatorHere(options.yes === true));
    const chosen = [...bound.selected, ...bound.leftOut];
    const plan = planOf(prepared, chosen, { depth: bound.depth, ingress: options.ingress, case: [] });
    return await runAndReport(
      prepared,
      { ...options, reporting },
      {
        mocha,
        ...bound,
        plan,
        selected,
        harmAccepted,
        resume: run,
      },
    );
  } finally {
    await lock.release();
  }
}

/** The run and its board file, whichever of the two was named. */
async function findRun(
  boardFile: string | undefined,
  { resume, out }: RunOptions,
): Promise<{ run: UnfinishedRun; prepared: Prepared }> {
  const outDir = resolve(out ?? defaultOutDir());
  const said = typeof resume === 'string' ? resume : undefined;
  const folder = said === undefined ? undefined : runFolderOf(said, outDir);
  if (said === undefined || folder === undefined || (boardFile === undefined && !isFolder(folder))) {
    // `--resume boards/x.yaml`: the board, where the run is not named.
    const prepared = await prepare(boardFile ?? said ?? defaultBoard());
    return { run: newestUnfinishedRun(outDir, prepared.board.board), prepared };
  }
  const run = unfinishedRun(folder);
  const board = boardFile ?? boardFileOf(folder);
  if (board !== undefined) return { run, prepared: await prepare(board) };
  throw new UsageError('no-board', `where the board file of ${folder} lies is not known on this machine`, {
    hint: `Name it: fieldproof run ${run.continuation.header.board.file} --resume ${said}`,
  });
}

/** What the run was started with; what the command line says beside `--resume` must say the same. */
function boundOptions(
  prepared: Prepared,
  { dir, continuation: { header } }: UnfinishedRun,
  options: RunOptions,
  argv: readonly string[],
): Omit<SessionOptions, 'plan' | 'progress'> {
  const given = new Set(options.given);
  const depth = given.has('depth') ? options.depth : header.depth;
  const { selected, leftOut } =
    given.has('case') || given.has('suite')
      ? withinDepth(selectCases(prepared.catalogue, options.case, options.suite), depth, options.case)
      : { selected: casesOf(header.selected), leftOut: casesOf(header.leftOut) };
  return {
    outDir: dirname(dir),
    selected,
    leftOut,
    command: ['fieldproof', ...argv],
    defects: given.has('defect') ? options.defect : header.defects,
    cuts: given.has('cuts') ? options.cuts : header.cuts,
    depth,
    everyIngress: given.has('ingress') ? options.ingress === 'all' : header.everyIngress,
    authority: options.authority,
    signer: signerForRun(options.benchKey, options.json === true),
    lane: options.lane,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    withinMs: options.within * 60_000,
  };
}

/** A case that is not there any more is told as a difference of the selection. */
function casesOf(ids: readonly string[]): RegisteredCase[] {
  return ids.flatMap((id) => registeredCases().get(id) ?? []);
}

/** The device has been left in order by the run itself; only the end of its record is missing. */
function closeOnly({ loaded: { secrets } }: Prepared, dir: string, signer: Signer | undefined): void {
  if (!sealIfMissing(dir, signer)) RunRecord.resume({ dir, secrets, signer }).closeAgain();
}

function tell({ dir, continuation }: UnfinishedRun, { json }: RunOptions): void {
  if (json === true) return;
  process.stderr.write(`Going on with ${pathForPeople(dir)}: ${standing(continuation)}\n`);
}

function standing({ decided, toRun, again, poisoned }: Continuation): string {
  return [
    `${decided.size} of ${decided.size + toRun.length} cases are decided`,
    ...again.map(({ id, why }) => `${id} begins again (${why})`),
    ...(poisoned === undefined ? [] : [`the board was poisoned by ${poisoned.byCase}`]),
  ].join('; ');
}
