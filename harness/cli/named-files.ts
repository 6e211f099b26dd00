/** Runs and files that the command line names: what is not there is wrong usage, no fault of the bench. */

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { recordFile } from '../record/entry.ts';
import { defaultOutDir, pathForPeople } from './paths.ts';

/**
 * @returns the folder of a run, absolute
 * @throws UsageError when no record lies there
 */
export function runFolder(named: string): string {
  const folder = resolve(named);
  if (existsSync(join(folder, recordFile))) return folder;
  throw new UsageError('no-run', `there is no run in ${folder}`, {
    hint: `Name the folder of a run, which holds ${recordFile}. ${whereRunsLie()}`,
  });
}

function whereRunsLie(): string {
  const out = defaultOutDir();
  const newest = runsIn(out).at(-1);
  const place = `Runs lie in ${pathForPeople(out)}, or where the --out of the run said`;
  return newest === undefined ? `${place}.` : `${place}; the newest there is ${pathForPeople(newest)}.`;
}

/** In the order of their names, which begin with the time. */
function runsIn(out: string): string[] {
  if (!existsSync(out)) return [];
  const folders = readdirSync(out).map((name) => join(out, name));
  return folders.filter((folder) => existsSync(join(folder, recordFile))).sort();
}

/** @throws UsageError naming the option when there is no such file */
export function mustExist(option: string, file: string, hint: string): void {
  if (existsSync(file)) return;
  throw new UsageError('no-such-file', `${option}: there is no file ${resolve(file)}`, { hint });
}
