/** The kill matrix: which case caught which defect, and what is wrong with that. */

import type { Verdict } from '../verdict.ts';
import type { Defect } from './defects.ts';

export interface MatrixRow {
  /** Undefined for the faithful device. */
  defect: string | undefined;
  verdicts: ReadonlyMap<string, Verdict>;
}

export interface Matrix {
  cases: readonly string[];
  rows: readonly MatrixRow[];
  defects: readonly Defect[];
  /** True when only some defects were asked for: then a case may catch nothing. */
  partial: boolean;
}

/**
 * Everything that keeps the matrix from being green: a defect that survives, a case that catches nothing, a faithful
 * device that does not pass, collateral that is not declared.
 */
export function judgeMatrix(matrix: Matrix): string[] {
  return [
    ...matrix.rows.flatMap((row) => (row.defect === undefined ? faithful(row, matrix) : caught(row, matrix))),
    ...(matrix.partial ? [] : idle(matrix)),
  ];
}

function faithful({ verdicts }: MatrixRow, { cases }: Matrix): string[] {
  return cases
    .filter((id) => verdicts.get(id) !== 'conforms')
    .map((id) => {
      const verdict = verdicts.get(id);
      return `the faithful device: ${id} ${verdict === undefined ? 'was not run' : `is ${verdict}`}`;
    });
}

function caught(row: MatrixRow, matrix: Matrix): string[] {
  const defect = matrix.defects.find(({ name }) => name === row.defect);
  if (defect === undefined) return [`${row.defect ?? ''}: not in the list of defects`];
  const survived = Object.entries(defect.expected)
    .filter(([id, verdict]) => row.verdicts.get(id) !== verdict)
    .map(
      ([id, verdict]) =>
        `${defect.name} survives ${id}: expected ${verdict}, got ${row.verdicts.get(id) ?? 'nothing'}`,
    );
  const undeclared = [...row.verdicts]
    .filter(([id, verdict]) => verdict !== 'conforms' && defect.expected[id] === undefined)
    .filter(([id, verdict]) => defect.collateral[id]?.verdicts.includes(verdict) !== true)
    .map(([id, verdict]) => `${defect.name}: ${id} is ${verdict}, which is not declared`);
  const nothing =
    Object.keys(defect.expected).length === 0 ? [`${defect.name}: no case is expected to catch it`] : [];
  return [...survived, ...undeclared, ...nothing];
}

function idle({ cases, defects }: Matrix): string[] {
  return cases
    .filter((id) => !defects.some(({ expected }) => expected[id] === 'violates'))
    .map((id) => `${id} catches no defect`);
}

const marks: Readonly<Record<Verdict, string>> = {
  violates: 'V',
  error: 'E',
  inconclusive: 'I',
  'not-executed': 'x',
  conforms: '.',
  'not-applicable': '-',
};

/** The matrix as text: a row per defect, a column per case. */
export function matrixText(matrix: Matrix, problems: readonly string[], catalogueVersion: string): string {
  const width = Math.max(...matrix.rows.map(({ defect }) => (defect ?? 'faithful device').length));
  const height = Math.max(...matrix.cases.map((id) => id.length));
  const header = Array.from(
    { length: height },
    (_unused, line) =>
      `${' '.repeat(width)}  ${matrix.cases.map((id) => id.padStart(height)[line] ?? ' ').join(' ')}`,
  );
  const rows = matrix.rows.map(({ defect, verdicts }) => {
    const cells = matrix.cases.map((id) => {
      const verdict = verdicts.get(id);
      return verdict === undefined ? ' ' : marks[verdict];
    });
    return `${(defect ?? 'faithful device').padEnd(width)}  ${cells.join(' ')}`;
  });
  const perCase = matrix.cases.map((id) => {
    const by = matrix.rows.filter(
      ({ defect, verdicts }) => defect !== undefined && verdicts.get(id) === 'violates',
    );
    return `${id.padEnd(height)}  catches ${by.map(({ defect }) => defect).join(', ') || 'nothing here'}`;
  });
  return `${[
    `Kill matrix, catalogue ${catalogueVersion}: V violates, I inconclusive, E error, x not executed, . conforms`,
    '',
    ...header,
    ...rows,
    '',
    ...perCase,
    '',
    ...(problems.length === 0
      ? ['QUALIFIED: every defect was caught, every case can fail']
      : ['NOT QUALIFIED', ...problems]),
  ].join('\n')}\n`;
}
