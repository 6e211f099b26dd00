/** Findings on disk: each in a folder of its own, with what is needed to see it again. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import type { FindingFile, FuzzInput } from './job.ts';

/** @returns the folder */
export function writeFinding(out: string, finding: FindingFile, { bytes }: FuzzInput): string {
  const digest = createHash('sha256').update(finding.key).digest('hex').slice(0, 8);
  const folder = join(out, 'findings', `${finding.target}-${digest}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'input.bin'), bytes);
  writeFileSync(join(folder, 'finding.json'), `${JSON.stringify(finding, undefined, 1)}\n`);
  return folder;
}

export function reproduceCommand(folder: string, target: string): string {
  return `npx tsx .ci/fuzz/main.ts --minutes 0 --format ${target} --from ${relative(process.cwd(), folder) || '.'}`;
}

/** Findings in a folder and below. */
export function findingsIn(folder: string): { finding: FindingFile; input: FuzzInput; folder: string }[] {
  return filesIn(folder, 'finding.json').map((path) => {
    const finding = JSON.parse(readFileSync(path, 'utf8')) as FindingFile;
    const bytes = Uint8Array.from(readFileSync(join(dirname(path), 'input.bin')));
    return { finding, input: { bytes, judge: finding.judge }, folder: dirname(path) };
  });
}

/** Inputs in a folder and below that are no findings. */
export function inputsIn(folder: string): Uint8Array[] {
  return filesIn(folder, '.bin')
    .filter((path) => !existsSync(join(dirname(path), 'finding.json')))
    .map((path) => Uint8Array.from(readFileSync(path)));
}

function filesIn(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return [];
  if (statSync(folder).isFile()) return folder.endsWith(ending) ? [folder] : [];
  return readdirSync(folder)
    .sort()
    .flatMap((name) => filesIn(join(folder, name), ending));
}

/** What an earlier run of the target started from. */
export function recordIn(folder: string, target: string): unknown {
  const path = join(folder, 'start', `${basename(target)}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as unknown) : undefined;
}

export function writeRecord(folder: string, target: string, record: unknown): void {
  mkdirSync(join(folder, 'start'), { recursive: true });
  writeFileSync(join(folder, 'start', `${basename(target)}.json`), JSON.stringify(record));
}
