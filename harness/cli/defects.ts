/** The named faults of the simulated device, as `boards/simulated/defects.yaml` lists them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BoardFileError, UsageError } from '../errors.ts';
import { verdicts } from '../verdict.ts';
import { nearest, suggestion } from '../board/index.ts';
import { depths } from '../lifecycle/run.ts';
import { packageRoot } from './paths.ts';

const verdict = z.enum(verdicts);
const reason = z.string().min(10, 'say why, in a sentence');

const defectSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  /** Board file, without its ending, whose simulated device has it. */
  board: z.string().default('simulated-gateway'),
  /** Depth of the run that must catch it: less where less suffices. */
  depth: z.enum(depths).default('standard'),
  /** Cases that must catch it, with the verdict that catching means. */
  expected: z.record(z.string(), verdict),
  /** Cases that may also change, for a stated reason. */
  collateral: z
    .record(z.string(), z.strictObject({ verdicts: z.array(verdict), why: z.string() }))
    .default({}),
});
export type Defect = z.output<typeof defectSchema>;

const boardSchema = z.strictObject({
  /** Board file, without its ending. */
  board: z.string(),
  /** Quick and sensitive cases, run with every defect: one that breaks more than it should shows here. */
  sentinels: z.array(z.string()).min(1),
  /** Ids or patterns of the cases that are of interest on this board; absent: all. */
  cases: z.union([z.string().transform((one) => [one]), z.array(z.string()).min(1)]).optional(),
  /** Cases that rightly do not conform on the faithful device, and why. */
  faithful: z
    .record(
      z.string(),
      z.strictObject({ verdict: z.enum(['not-applicable', 'not-executed', 'inconclusive']), why: reason }),
    )
    .default({}),
});
/** What qualification asks of one simulated board. */
export type QualifiedBoard = z.output<typeof boardSchema>;

const listSchema = z
  .strictObject({ boards: z.array(boardSchema).min(1), defects: z.array(defectSchema) })
  .check(({ value, issues }) => {
    const boards = value.boards.map(({ board }) => board);
    const names = value.defects.map(({ name }) => name);
    const problem = (path: (string | number)[], message: string): void =>
      void issues.push({ code: 'custom', input: value, path, message });
    for (const [index, board] of boards.entries()) {
      if (boards.indexOf(board) < index) problem(['boards', index, 'board'], `${board} is here twice`);
    }
    for (const [index, { name, board }] of value.defects.entries()) {
      if (names.indexOf(name) < index) problem(['defects', index, 'name'], `${name} is here twice`);
      if (!boards.includes(board)) {
        const message = `${name}: ${board} is not among boards:${suggestion(board, boards)}`;
        problem(['defects', index, 'board'], message);
      }
    }
  });
export type DefectList = z.output<typeof listSchema>;

const file = join(packageRoot, 'boards', 'simulated', 'defects.yaml');

/**
 * Boards and defects, checked.
 *
 * @param path of the list; default: that of the simulated devices
 * @throws BoardFileError when the file is not as it should be
 */
export function loadDefectList(path: string = file): DefectList {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new BoardFileError('defects-unreadable', `cannot read the list of defects ${path}`, { cause });
  }
  const result = listSchema.safeParse(content);
  if (result.success) return result.data;
  throw new BoardFileError('defects-invalid', `${path}: ${z.prettifyError(result.error)}`);
}

/** @throws BoardFileError when the file is not as it should be */
export function loadDefects(): Defect[] {
  return loadDefectList().defects;
}

/** @throws UsageError for a name that is not in the list, with the nearest */
export function knownDefects(names: readonly string[]): void {
  if (names.length === 0) return;
  const known = loadDefects().map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const close = nearest(name, known);
    throw new UsageError('unknown-defect', `there is no defect "${name}"`, {
      hint: close === undefined ? 'See `fieldproof list defects`.' : `Did you mean ${close}?`,
    });
  }
}
