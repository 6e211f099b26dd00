/** Evidence needs room: looked at before a run and before each of its cases. */

import { statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EvidenceError } from '../errors.ts';
import type { RunProgress } from '../lifecycle/run.ts';

/** A case with firmware transfers on three wires leaves some 10 MiB; ten of them fit. */
export const diskNeededBytes = 100 * 1024 * 1024;

const mebibytes = (bytes: number): number => Math.floor(bytes / 2 ** 20);

/** Free bytes on the disk of a folder that may not exist yet; undefined when that cannot be told. */
export function freeBytes(folder: string): number | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    try {
      const { bavail, bsize } = statfsSync(at);
      return bavail * bsize;
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!missing || at === dirname(at)) return undefined; // making the folder will tell its own trouble
    }
  }
}

/** @throws EvidenceError when less than {@link diskNeededBytes} are free */
export function mustHaveSpace(folder: string, free = freeBytes(folder)): void {
  if (free === undefined || free >= diskNeededBytes) return;
  throw new EvidenceError(
    'disk-full',
    `only ${mebibytes(free)} MiB are free for evidence in ${folder}; ${mebibytes(diskNeededBytes)} are needed`,
    { data: { free, needed: diskNeededBytes }, hint: 'Free some space, or name another folder with --out.' },
  );
}

/** The same progress; `full` is told, with a reason, when the disk has no room for another case. */
export function watchingDisk(
  progress: RunProgress,
  folder: string,
  full: (reason: string) => void,
  free: () => number | undefined = () => freeBytes(folder),
): RunProgress {
  return {
    caseStarted: (id, title) => {
      const left = free();
      if (left !== undefined && left < diskNeededBytes)
        full(`only ${mebibytes(left)} MiB are left on the disk of ${folder}`);
      progress.caseStarted(id, title);
    },
    caseEnded: (...ended) => progress.caseEnded(...ended),
  };
}
