/** What a qualification has to run: per board the faithful device, and each defect. */

import type { Catalogue } from '../catalogue/index.ts';
import { UsageError } from '../errors.ts';
import { nearest } from '../board/index.ts';
import type { Depth } from '../lifecycle/run.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import type { Defect, DefectList, QualifiedBoard } from './defects.ts';

/** One run in a process of its own. */
export interface QualifyJob {
  board: QualifiedBoard;
  /** Undefined for the faithful device. */
  defect: Defect | undefined;
  cases: readonly string[];
  depth: Depth;
}

export interface QualifySelection {
  /** Names of boards; empty: all. */
  boards: readonly string[];
  /** Names of defects; empty: all. */
  defects: readonly string[];
  /** Every case against every defect of its board. */
  full: boolean;
}

/**
 * Jobs in the order of the list: each board's faithful device, then its defects. When single defects are asked for,
 * the faithful device shows only the cases that are run with them.
 *
 * @param built every case that there is, in order
 * @throws UsageError for a board that is not in the list, and when nothing is left
 */
export function qualifyJobs(
  list: DefectList,
  built: readonly string[],
  catalogue: Pick<Catalogue, 'select'>,
  selection: QualifySelection,
): QualifyJob[] {
  mustBeKnown(list, selection.boards);
  const jobs = list.boards.flatMap((board) => {
    const defects = list.defects.filter(
      ({ name, board: of }) =>
        of === board.board && (selection.defects.length === 0 || selection.defects.includes(name)),
    );
    const wanted = selection.boards.length === 0 || selection.boards.includes(board.board);
    if (!wanted || (selection.defects.length > 0 && defects.length === 0)) return [];
    return jobsOf(board, defects, casesOf(board, built, catalogue), selection);
  });
  if (jobs.length > 0) return jobs;
  throw new UsageError('nothing-selected', 'none of these defects belongs to one of these boards', {
    hint: 'See `fieldproof list defects`.',
  });
}

function mustBeKnown(list: DefectList, boards: readonly string[]): void {
  const known = list.boards.map(({ board }) => board);
  const stranger = boards.find((board) => !known.includes(board));
  if (stranger === undefined) return;
  const close = nearest(stranger, known);
  throw new UsageError('unknown-board', `no defect names a board "${stranger}"`, {
    hint: close === undefined ? `There are ${known.join(', ')}.` : `Did you mean ${close}?`,
  });
}

/** Built cases that are of interest on a board. */
function casesOf(
  { cases: patterns }: QualifiedBoard,
  built: readonly string[],
  catalogue: Pick<Catalogue, 'select'>,
): string[] {
  if (patterns === undefined) return [...built];
  const wanted = new Set(catalogue.select(patterns).map(({ id }) => id));
  return built.filter((id) => wanted.has(id));
}

function jobsOf(
  board: QualifiedBoard,
  defects: readonly Defect[],
  cases: readonly string[],
  { full, defects: named }: QualifySelection,
): QualifyJob[] {
  const broken = defects.map((defect) => ({
    board,
    defect,
    cases: full ? cases : casesFor(defect, board, cases),
    depth: defect.depth,
  }));
  const shown = new Set(broken.flatMap((job) => job.cases));
  const whole = named.length === 0 ? cases : cases.filter((id) => shown.has(id));
  return [{ board, defect: undefined, cases: whole, depth: 'standard' }, ...broken];
}

function casesFor({ expected }: Defect, { sentinels }: QualifiedBoard, cases: readonly string[]): string[] {
  const wanted = new Set([...Object.keys(expected), ...sentinels]);
  return cases.filter((id) => wanted.has(id));
}

/**
 * The longest first, so that no lane is left with a long one at the end.
 *
 * @returns positions in the list of jobs
 */
export function longestFirst(
  jobs: readonly QualifyJob[],
  registered: ReadonlyMap<string, RegisteredCase>,
): number[] {
  const weights = jobs.map(({ cases }) => cases.reduce((sum, id) => sum + weightOf(registered.get(id)), 0));
  return [...jobs.keys()].sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0));
}

/** About seconds on a simulated device, which boots in less than one; good for nothing but the order. */
function weightOf(registered: RegisteredCase | undefined): number {
  const { updates = 0, powerCycles = 0, seconds = 1 } = registered?.plan ?? {};
  return 0.5 * updates + 0.5 * powerCycles + seconds;
}
