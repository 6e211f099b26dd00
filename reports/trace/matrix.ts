/** The trace matrix: what is asked, which cases serve it, and what each of them came to in one run. */

import type { Catalogue, CatalogueCase } from '../../harness/catalogue/index.ts';
import type { RunModel } from '../../harness/record/run-model.ts';
import { combine, type Verdict } from '../../harness/verdict.ts';
import type { Mapping, MappedRow } from './load-mappings.ts';

/** What a case came to; `absent`: built, and not in this run; `unbuilt`: planned only. */
export type CellOutcome = Verdict | 'absent' | 'unbuilt';

export interface Cell {
  caseId: string;
  title: string;
  outcome: CellOutcome;
}

/** What a row came to. `uncovered`: no case that exists serves it. */
export type RowOutcome = Verdict | 'uncovered';

export interface MatrixRow {
  id: string;
  title: string;
  /** Mandatory, or conditional and when; only for requirements. */
  kind?: string;
  cells: readonly Cell[];
  /**
   * The verdicts of all cases combined; a case that is not in this run or not built counts as not executed, so that
   * nothing conforms which was not wholly tested.
   */
  outcome: RowOutcome;
  /** Why it is uncovered, wholly or in part. */
  why?: string;
  text?: string;
  textFrom?: string;
  claimedClause?: string;
  requirements?: readonly string[];
}

export interface MatrixTable {
  /** `claims`, `requirements`, or the id of a mapping. */
  id: string;
  title: string;
  note?: string;
  rows: readonly MatrixRow[];
  files: readonly { name: string; sha256: string }[];
}

/** How the catalogue begins to say which cases of a row are planned only. */
export const notBuilt = 'not built yet: ';

/** @returns requirements of the catalogue, claims, then one table for each mapping */
export function traceMatrix(
  model: RunModel,
  catalogue: Catalogue,
  mappings: readonly Mapping[],
): MatrixTable[] {
  const cellOf = cellMaker(model);
  const kinds = new Map(
    catalogue.requirements.map(({ id, kind, condition }) => [
      id,
      kind === 'mandatory' ? kind : `applies when ${condition ?? 'declared'}`,
    ]),
  );
  const clauses = new Map(catalogue.data.claims.map(({ id, claimedClause }) => [id, claimedClause]));
  const rows = catalogue.trace().map((row) => {
    const kind = kinds.get(row.id);
    const claimedClause = clauses.get(row.id);
    return {
      group: row.kind,
      row: {
        ...rowOf(row.id, row.title, row.cases.map(cellOf), row.why),
        ...(row.kind === 'claim' || kind === undefined ? {} : { kind }),
        ...(claimedClause === undefined ? {} : { claimedClause }),
      },
    };
  });
  const ofGroup = (group: string): MatrixRow[] =>
    rows.flatMap((one) => (one.group === group ? [one.row] : []));
  return [
    { id: 'requirements', title: 'Requirements of the catalogue', rows: ofGroup('requirement'), files: [] },
    { id: 'claims', title: 'Claims of the announcements', rows: ofGroup('claim'), files: [] },
    ...mappings.map((mapping) => mappedTable(mapping, catalogue, cellOf)),
  ];
}

function mappedTable(
  mapping: Mapping,
  catalogue: Catalogue,
  cellOf: (one: CatalogueCase) => Cell,
): MatrixTable {
  return {
    id: mapping.id,
    title: mapping.title,
    ...(mapping.note === undefined ? {} : { note: mapping.note }),
    rows: mapping.rows.map((row) => mappedRow(row, catalogue, cellOf)),
    files: mapping.files,
  };
}

function mappedRow(row: MappedRow, catalogue: Catalogue, cellOf: (one: CatalogueCase) => Cell): MatrixRow {
  const named = new Set(
    (row.cases ?? []).length === 0 ? [] : catalogue.select(row.cases ?? []).map(({ id }) => id),
  );
  const wanted = row.requirements ?? [];
  const cases = catalogue.cases.filter(
    (one) =>
      one.retired === undefined && (named.has(one.id) || one.requirements.some((id) => wanted.includes(id))),
  );
  const { text, textFrom, claimedClause, requirements } = row;
  return {
    ...rowOf(row.id, row.name ?? '', cases.map(cellOf), row.uncovered),
    ...(text === undefined ? {} : { text }),
    ...(textFrom === undefined ? {} : { textFrom }),
    ...(claimedClause === undefined ? {} : { claimedClause }),
    ...(requirements === undefined ? {} : { requirements }),
  };
}

function rowOf(id: string, title: string, cells: readonly Cell[], why: string | undefined): MatrixRow {
  const covered = cells.some(({ outcome }) => outcome !== 'unbuilt');
  const outcome = covered ? combine(cells.map((cell) => asVerdict(cell.outcome))) : 'uncovered';
  const unbuilt = cells.filter((cell) => cell.outcome === 'unbuilt').map(({ caseId }) => caseId);
  const reason =
    why ??
    (cells.length === 0
      ? 'no case serves it'
      : unbuilt.length === 0
        ? undefined
        : `${notBuilt}${unbuilt.join(', ')}`);
  return { id, title, cells, outcome, ...(reason === undefined ? {} : { why: reason }) };
}

function asVerdict(outcome: CellOutcome): Verdict {
  return outcome === 'absent' || outcome === 'unbuilt' ? 'not-executed' : outcome;
}

function cellMaker(model: RunModel): (one: CatalogueCase) => Cell {
  const verdicts = new Map(model.cases.map(({ id, verdict }) => [id, verdict]));
  return ({ id, title, built }) => ({
    caseId: id,
    title,
    outcome: verdicts.get(id) ?? (built ? 'absent' : 'unbuilt'),
  });
}
