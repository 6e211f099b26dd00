/** What is wrong in a file, where, and what to write instead; gathered so that a person sees everything at once. */

import { BoardFileError } from '../errors.ts';

/** A key path in a file: `['wires', 'modbus', 'port']`. */
export type KeyPath = readonly (string | number)[];

/** A place in a file; line and column count from 1. */
export interface Mark {
  line: number;
  column: number;
}

/** One thing wrong (or, as a warning, doubtful) in one file. */
export interface Problem extends Mark {
  file: string;
  path: KeyPath;
  /** What is wrong and what to write instead, without the place. */
  message: string;
}

/** `wires.modbus.port`, `notApplicable[0].reason`; the empty path is the file itself. */
export function pathText(path: KeyPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** `board.yaml:12:5 wires.modbus.port: …` */
export function problemText(problem: Problem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  const path = pathText(problem.path);
  return path === '' ? `${where} ${problem.message}` : `${where} ${path}: ${problem.message}`;
}

/**
 * Ends the loading of a file, if anything is wrong in it, with one error that lists every problem in order of place.
 *
 * @throws BoardFileError (`file-invalid`) with `data.problems`
 */
export function refuseIfAny(file: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const sorted = inOrder(problems);
  const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`;
  throw new BoardFileError(
    'file-invalid',
    [`${file}: ${count}`, ...sorted.map((problem) => `  ${problemText(problem)}`)].join('\n'),
    { data: { file, problems: sorted } },
  );
}

/** Sorted by file and place, each said once. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [problemText(problem), problem]));
  return [...unique.values()].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
}
