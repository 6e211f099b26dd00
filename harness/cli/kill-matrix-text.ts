/** The kill matrix for people: on a terminal, and as a page to keep. */

import type { Verdict } from '../verdict.ts';
import type { BoardMatrix, KillMatrix } from './kill-matrix.ts';

const marks: Readonly<Record<Verdict, string>> = {
  violates: 'V',
  error: 'E',
  inconclusive: 'I',
  'not-executed': 'x',
  conforms: '.',
  'not-applicable': '-',
};
const legend =
  'V violates, I inconclusive, E error, x not executed, - not applicable, . conforms, blank not run';

/** What the matrix was made with. */
export interface Making {
  catalogueVersion: string;
  /** `fieldproof qualify --full`. */
  command: string;
  tookMs: number;
}

/** Per board a row per defect and a column per case; then who catches what; then all that is wrong. */
export function matrixText(matrix: KillMatrix, problems: readonly string[], making: Making): string {
  return `${[
    `Kill matrix, catalogue ${making.catalogueVersion}: ${legend}`,
    '',
    ...matrix.boards.flatMap((board) => [`${titleOf(board)}:`, '', ...table(board), '']),
    ...catches(matrix),
    '',
    ...conclusion(matrix, problems, making),
  ].join('\n')}\n`;
}

/** The same as Markdown. */
export function matrixPage(
  matrix: KillMatrix,
  problems: readonly string[],
  making: Making,
  at: Date = new Date(),
): string {
  const fenced = (lines: readonly string[]): string[] => ['```text', ...lines, '```', ''];
  return `${[
    '# Kill matrix',
    '',
    `Made by \`${making.command}\` on ${at.toISOString().slice(0, 10)}, catalogue ${making.catalogueVersion}. A row is a simulated device, broken in one way; a column is a case: ${legend}.`,
    '',
    ...matrix.boards.flatMap((board) => [`## ${titleOf(board)}`, '', ...fenced(table(board))]),
    '## Who catches what',
    '',
    ...fenced(catches(matrix)),
    '## Result',
    '',
    ...fenced(conclusion(matrix, problems, making)),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function titleOf({ board, rows }: BoardMatrix): string {
  const broken = rows.filter(({ defect }) => defect !== undefined).length;
  return `${board.board}, faithful and with ${broken} ${broken === 1 ? 'defect' : 'defects'}`;
}

/** Ids of the cases from top to bottom, as wide as one mark each. */
function table({ cases, rows }: BoardMatrix): string[] {
  const names = rows.map(({ defect }) => defect ?? 'faithful device');
  const width = Math.max(...names.map(({ length }) => length));
  const height = Math.max(...cases.map(({ length }) => length));
  const header = Array.from(
    { length: height },
    (_unused, line) =>
      `${' '.repeat(width)}  ${cases.map((id) => id.padStart(height)[line] ?? ' ').join(' ')}`,
  );
  const lines = rows.map(({ verdicts }, index) => {
    const cells = cases.map((id) => {
      const verdict = verdicts.get(id);
      return verdict === undefined ? ' ' : marks[verdict];
    });
    return `${(names[index] ?? '').padEnd(width)}  ${cells.join(' ')}`;
  });
  return [...header, ...lines].map((line) => line.trimEnd());
}

function catches({ boards }: KillMatrix): string[] {
  const cases = [...new Set(boards.flatMap((board) => board.cases))];
  const width = Math.max(...cases.map(({ length }) => length));
  return cases.map((id) => {
    const by = boards.flatMap(({ rows }) =>
      rows.flatMap(({ defect, verdicts }) =>
        defect !== undefined && verdicts.get(id) === 'violates' ? [defect] : [],
      ),
    );
    return `${id.padEnd(width)}  catches ${by.join(', ') || 'nothing here'}`;
  });
}

function conclusion(
  { boards, partial }: KillMatrix,
  problems: readonly string[],
  { tookMs }: Making,
): string[] {
  const took = `${Math.floor(tookMs / 60_000)} min ${Math.round((tookMs % 60_000) / 1000)} s`;
  const runs = boards.reduce((sum, { rows }) => sum + rows.length, 0);
  const what = `${runs} ${runs === 1 ? 'run' : 'runs'} in ${took}`;
  if (problems.length > 0) return [`NOT QUALIFIED (${what})`, ...problems];
  return [
    partial
      ? `CAUGHT: what was asked for, and nothing else is said (${what})`
      : `QUALIFIED: every defect was caught, every case can pass and can fail (${what})`,
  ];
}
