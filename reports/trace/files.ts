/** The trace matrix for programs: as JSON, and as CSV with a line for each row and case. */

import type { RunModel } from '../../harness/record/run-model.ts';
import type { MatrixTable } from './matrix.ts';

/** Changes only when a member changes its meaning or goes. */
export const traceJsonSchema = 'fieldproof-trace/1';

/** @returns JSON text that ends with a newline */
export function traceJson(model: RunModel, tables: readonly MatrixTable[]): string {
  const { catalogue } = model.header;
  const value = {
    schema: traceJsonSchema,
    runId: model.runId,
    catalogue,
    recordRoot: model.root ?? null,
    tables,
  };
  return `${JSON.stringify(value, null, 1)}\n`;
}

const columns = [
  'table',
  'row',
  'title',
  'row outcome',
  'why',
  'case',
  'case title',
  'case outcome',
] as const;

/** One line for each row and case; a row without cases has one line, so that it is not lost. Source: RFC 4180. */
export function traceCsv(tables: readonly MatrixTable[]): string {
  const lines = tables.flatMap(({ id: table, rows }) =>
    rows.flatMap(({ id, title, outcome, why = '', cells }) => {
      const row = [table, id, title, outcome, why];
      if (cells.length === 0) return [[...row, '', '', '']];
      return cells.map((cell) => [...row, cell.caseId, cell.title, cell.outcome]);
    }),
  );
  return [columns, ...lines].map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('');
}

/** A leading quote keeps a spreadsheet from taking a text for a formula. */
function quoted(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
