/** The trace matrix as part of the report: every row, the uncovered ones too. */

import {
  notBuilt,
  type Cell,
  type CellOutcome,
  type MatrixRow,
  type MatrixTable,
  type RowOutcome,
} from '../trace/matrix.ts';
import { html, type Content, type Markup } from './html.ts';
import type { Label } from './labels.ts';
import { badge, signs, table, type Section, type View } from './view.ts';

const outcomes: readonly CellOutcome[] = [
  'conforms',
  'violates',
  'inconclusive',
  'error',
  'not-executed',
  'not-applicable',
  'absent',
  'unbuilt',
];

export function traceSection(view: View): Section {
  const { t } = view;
  const body = html`<p>${t('traceIntro')}</p>
    <p class="legend">
      ${t('legend')}:
      ${outcomes.map((outcome) => html`<span class="chip ${outcome}">${signs[outcome]}</span> ${t(outcome)} `)}
    </p>
    ${view.tables.map((one) => matrix(view, one))}`;
  return { id: 'trace', title: 'trace', body };
}

function titleOf({ t }: View, { id, title }: MatrixTable): string {
  if (id === 'requirements') return t('requirementsOfCatalogue');
  return id === 'claims' ? t('claimsOfAnnouncements') : t('mappingTitle', { title });
}

function matrix(view: View, one: MatrixTable): Markup {
  const { t } = view;
  return html`<h3 id="trace-${one.id}">${titleOf(view, one)}</h3>
    <p class="tally">${tally(view, one)}</p>
    ${one.note === undefined ? undefined : html`<p class="note">${one.note}</p>`}
    ${table(
      [t('requirement'), t('rowStatus'), t('cases')],
      one.rows.map((row) => cells(view, row, one.id)),
      'trace',
    )}`;
}

/** `3 conforms, 2 violates, 20 uncovered` over the rows. */
function tally({ t }: View, one: MatrixTable): string {
  const order = [
    'violates',
    'error',
    'inconclusive',
    'not-executed',
    'conforms',
    'not-applicable',
    'uncovered',
  ] as const;
  return order
    .map((outcome) => ({ outcome, n: one.rows.filter((row) => row.outcome === outcome).length }))
    .filter(({ n }) => n > 0)
    .map(({ outcome, n }) => t('count', { n, verdict: t(rowLabel(outcome, one.id)) }))
    .join(', ');
}

/**
 * Of a row, not executed means that some of its cases were not: it stays open. Of somebody else’s document we say no
 * more than that the cases conform.
 */
function rowLabel(outcome: RowOutcome, table: string): Label {
  if (outcome === 'conforms' && table !== 'requirements') return 'rowConforms';
  return outcome === 'not-executed' ? 'rowOpen' : outcome;
}

function cells(view: View, row: MatrixRow, table: string): Content[] {
  const { t } = view;
  const details = [row.kind, row.claimedClause, row.requirements?.join(', ')].filter(
    (one) => one !== undefined && one !== '',
  );
  const name = html`<b>${row.id}</b> ${row.title}
    ${details.length > 0 && html`<br /><small>${details.join(' · ')}</small>`}
    ${
      row.text === undefined
        ? undefined
        : html`<blockquote>
            ${row.text}
            <footer>${t('textOfUser', { file: row.textFrom ?? '' })}</footer>
          </blockquote>`
    }`;
  // Which cases are not built, the chips show.
  const said = row.why?.startsWith(notBuilt) === true ? undefined : row.why;
  const why = said !== undefined && html`<div class="why">${t('uncoveredWhy', { why: said })}</div>`;
  return [
    name,
    badge(view, row.outcome, rowLabel(row.outcome, table)),
    html`<div class="chips">${chips(view, row.cells)}</div>
      ${why}`,
  ];
}

function chips({ t }: View, all: readonly Cell[]): Content {
  return all.map(
    ({ caseId, title, outcome }) =>
      html`<span class="chip ${outcome}" title="${title}: ${t(outcome)}"
        >${signs[outcome]}&#8239;${caseId}</span
      > `,
  );
}
