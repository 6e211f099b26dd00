/** Where the board file of a run lies on this machine: a note for `--resume`, beside the record and no part of it. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder, writeWhole } from '../record/durable-file.ts';

/** In the folder that no package takes along. */
const noteFile = 'private/board-file.txt';

export function noteBoardFile(runDir: string, boardFile: string): void {
  const path = join(runDir, noteFile);
  makeFolder(dirname(path), 0o700);
  writeWhole(path, `${boardFile}\n`, 0o600);
}

/** Absolute path; undefined when there is no note, or no such file any more. */
export function boardFileOf(runDir: string): string | undefined {
  const path = join(runDir, noteFile);
  if (!existsSync(path)) return undefined;
  const file = readFileSync(path, 'utf8').trim();
  return existsSync(file) ? file : undefined;
}
