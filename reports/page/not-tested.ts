/** What was not tested or not decided, and why: what a pass does not cover. */

import type { CatalogueCase } from '../../harness/catalogue/index.ts';
import type { CaseModel } from '../../harness/record/run-model.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { html, type Content, type Markup } from './html.ts';
import type { Label } from './labels.ts';
import { badge, table, type Section, type View } from './view.ts';

/** Up to this many cases are listed with their titles. */
const titlesUpTo = 40;

const groups = [
  ['inconclusive', 'notDecided'],
  ['error', 'benchFailed'],
  ['not-executed', 'notExecuted'],
  ['not-applicable', 'notApplicable'],
] as const satisfies readonly (readonly [Verdict, Label])[];

export function notTestedSection(view: View): Section {
  const parts = [
    ...groups.flatMap(([verdict, title]) => openCases(view, verdict, title)),
    ...leftOut(view),
    ...catalogueRest(view),
  ];
  return {
    id: 'not-tested',
    title: 'notTested',
    body: parts.length === 0 ? html`<p>${view.t('nothingLeft')}</p>` : parts,
  };
}

function openCases(view: View, verdict: Verdict, title: Label): Markup[] {
  const { t } = view;
  const cases = view.model.cases.filter((one) => one.verdict === verdict);
  if (cases.length === 0) return [];
  const rows = cases.map((one): Content[] => [
    html`<b id="c-${one.id}">${one.id}</b>`,
    view.titleOf(one),
    html`<span class="text">${reasonWithFindings(one)}</span>`,
  ]);
  return [
    html`<h3>${badge(view, verdict)} ${t(title)} (${cases.length})</h3>
      ${table([t('case'), t('title'), t('reason')], rows, 'open-cases')}`,
  ];
}

/** A reason mostly is its finding; what it does not say already is added. */
function reasonWithFindings({ reason, findings }: CaseModel): string {
  const more = findings
    .filter(({ observed }) => !reason.includes(observed))
    .map(({ code, expected, observed }) => `${code}: expected ${expected}; observed ${observed}`);
  return [reason, ...more].join('\n');
}

function leftOut({ t, model }: View): Markup[] {
  const { header, imagesLeftOut } = model;
  if (header.leftOut.length === 0 && imagesLeftOut === 0) return [];
  const cases = model.cases
    .filter(({ notes }) => notes.some(({ text }) => text.includes('deeper run')))
    .map(({ id }) => id);
  const { length } = header.leftOut;
  return [
    html`<h3>${t('leftOutByDepth', { depth: header.depth })}</h3>
      ${length > 0 && html`<p>${t('leftOutCases', { n: length, ids: header.leftOut.join(', ') })}</p>`}
      ${imagesLeftOut > 0 && html`<p>${t('leftOutImages', { n: imagesLeftOut, ids: cases.join(', ') || '–' })}</p>`}`,
  ];
}

/** Cases of the catalogue that this run knows nothing of: built ones that were not selected, and planned ones. */
function catalogueRest({ t, model, catalogue }: View): Markup[] {
  const inRun = new Set([...model.cases.map(({ id }) => id), ...model.header.leftOut]);
  const rest = catalogue.cases.filter(({ id, retired }) => retired === undefined && !inRun.has(id));
  const list = (title: Label, built: boolean): Markup[] => {
    const cases = rest.filter((one) => one.built === built);
    if (cases.length === 0) return [];
    const heading = html`<h3>${t(title)} (${cases.length})</h3>`;
    return [html`${heading}${built && cases.length <= titlesUpTo ? titled(cases) : bySuite(cases)}`];
  };
  return [...list('notSelected', true), ...list('notBuilt', false)];
}

function titled(cases: readonly CatalogueCase[]): Markup {
  return html`<ul class="columns">
    ${cases.map(({ id, title }) => html`<li><b>${id}</b> ${title}</li>`)}
  </ul>`;
}

/** Ids alone: the trace has every one of them beside what it would show. */
function bySuite(cases: readonly CatalogueCase[]): Markup {
  const suites = [...new Set(cases.map(({ suite }) => suite))];
  const idsOf = (suite: string): string =>
    cases.flatMap((one) => (one.suite === suite ? [one.id] : [])).join(', ');
  return html`<ul>
    ${suites.map((suite) => html`<li><b>${suite}</b>: ${idsOf(suite)}</li>`)}
  </ul>`;
}
