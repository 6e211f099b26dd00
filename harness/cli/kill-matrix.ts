/** The kill matrix: which case caught which defect on which simulated device, and what is wrong with that. */

import type { Verdict } from '../verdict.ts';
import type { Defect, QualifiedBoard } from './defects.ts';

export interface MatrixRow {
  /** Undefined for the faithful device. */
  defect: string | undefined;
  verdicts: ReadonlyMap<string, Verdict>;
  /** Why, for verdicts other than *conforms*. */
  reasons?: ReadonlyMap<string, string>;
  /** Why there is not a single verdict: the run itself failed. */
  failed?: string;
}

/** The matrix of one simulated device. */
export interface BoardMatrix {
  board: QualifiedBoard;
  /** Cases that are of interest on this board and were run on its faithful device. */
  cases: readonly string[];
  rows: readonly MatrixRow[];
  defects: readonly Defect[];
}

export interface KillMatrix {
  boards: readonly BoardMatrix[];
  /** Every case that is built. */
  cases: readonly string[];
  /** True when only some boards or defects were asked for: then a case may conform or catch nowhere. */
  partial: boolean;
}

/**
 * Everything that keeps the matrix from being green: a defect that survives, collateral that is not declared, a
 * faithful device that is not judged as declared; and over all boards a case that conforms nowhere or catches nothing.
 */
export function judgeMatrix(matrix: KillMatrix): string[] {
  return [...matrix.boards.flatMap(judgeBoard), ...(matrix.partial ? [] : gaps(matrix))];
}

/** What is wrong on one board. */
export function judgeBoard(matrix: BoardMatrix): string[] {
  const strangers = matrix.board.sentinels
    .filter((id) => !matrix.cases.includes(id))
    .map((id) => `${matrix.board.board}: the sentinel ${id} is no case that runs on this board`);
  return [
    ...strangers,
    ...matrix.rows.flatMap((row) => {
      if (row.failed !== undefined) return [`${nameOf(row, matrix)}: ${row.failed}`];
      return row.defect === undefined ? faithful(row, matrix) : caught(row, matrix);
    }),
  ];
}

function nameOf({ defect }: MatrixRow, { board }: BoardMatrix): string {
  return defect ?? `the faithful device of ${board.board}`;
}

/** What a person needs to look into it, where the run said why. */
function because({ reasons }: MatrixRow, id: string): string {
  const reason = reasons?.get(id);
  return reason === undefined ? '' : `: ${reason}`;
}

function faithful(row: MatrixRow, matrix: BoardMatrix): string[] {
  return matrix.cases.flatMap((id) => {
    const verdict = row.verdicts.get(id);
    const declared = matrix.board.faithful[id]?.verdict;
    if (verdict === (declared ?? 'conforms')) return [];
    const got = verdict === undefined ? 'was not run' : `is ${verdict}`;
    const asDeclared = declared === undefined ? '' : `, declared as ${declared}`;
    return [`${nameOf(row, matrix)}: ${id} ${got}${asDeclared}${because(row, id)}`];
  });
}

function caught(row: MatrixRow, matrix: BoardMatrix): string[] {
  const defect = matrix.defects.find(({ name }) => name === row.defect);
  if (defect === undefined) return [`${row.defect ?? ''}: not in the list of defects`];
  const survived = Object.entries(defect.expected)
    .filter(([id, verdict]) => row.verdicts.get(id) !== verdict)
    .map(
      ([id, verdict]) =>
        `${defect.name} survives ${id}: expected ${verdict}, got ${row.verdicts.get(id) ?? 'nothing'}${because(row, id)}`,
    );
  const undeclared = [...row.verdicts]
    .filter(([id, verdict]) => !isDeclared(id, verdict, defect, matrix.board))
    .map(([id, verdict]) => `${defect.name}: ${id} is ${verdict}, which is not declared${because(row, id)}`);
  const nothing =
    Object.keys(defect.expected).length === 0 ? [`${defect.name}: no case is expected to catch it`] : [];
  return [...survived, ...undeclared, ...nothing];
}

/** As on the faithful device, or as the defect says. */
function isDeclared(id: string, verdict: Verdict, defect: Defect, board: QualifiedBoard): boolean {
  if (defect.expected[id] !== undefined) return true; // judged as survived or caught
  if (verdict === (board.faithful[id]?.verdict ?? 'conforms')) return true;
  return defect.collateral[id]?.verdicts.includes(verdict) === true;
}

/** What no board shows: that a case can pass, and that it can fail. */
function gaps({ boards, cases }: KillMatrix): string[] {
  const passes = (id: string): boolean =>
    boards.some(({ rows }) =>
      rows.some(({ defect, verdicts }) => defect === undefined && verdicts.get(id) === 'conforms'),
    );
  const fails = (id: string): boolean =>
    boards.some(({ defects }) => defects.some(({ expected }) => expected[id] === 'violates'));
  return [
    ...cases.filter((id) => !passes(id)).map((id) => `gap: ${id} conforms on no faithful device`),
    ...cases.filter((id) => !fails(id)).map((id) => `gap: ${id} catches no defect`),
  ];
}
