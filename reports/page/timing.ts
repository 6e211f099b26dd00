/** Measured times with limits and uncertainties: a plot, and the figures. */

import { stripChart } from '../sweep/strip-chart.ts';
import { html, trusted, type Content, type Markup } from './html.ts';
import { rowsShown, timingChart } from './timing-chart.ts';
import { closestOf, outcomeOf, partOfLimit, quantity, timingsOf, type Timing } from './timings.ts';
import { table, type Section, type View } from './view.ts';

/** Up to this many figures all are printed; beyond, those closest to their limits, one a case and unit. */
const allUpTo = 60;

export function timingSection(view: View): Section {
  const { t, model } = view;
  const all = timingsOf(model);
  const cases = new Set(all.map(({ caseId }) => caseId)).size;
  const body =
    all.length === 0
      ? html`<p>${t('timingNone')}</p>
          ${sweeps(view)}`
      : html`<p>${t('timingIntro', { n: all.length, cases })}</p>
          ${plot(view, all)} ${figures(view, all)} ${sweeps(view)}`;
  return { id: 'timing', title: 'timing', body };
}

function plot({ t }: View, all: readonly Timing[]): Markup | undefined {
  const limited = closestOf(all.filter(({ limit }) => limit !== undefined && limit > 0));
  if (limited.length === 0) return undefined;
  const sorted = [...limited].sort((a, b) => partOfLimit(b) - partOfLimit(a)).slice(0, rowsShown);
  const more =
    limited.length > sorted.length && html`<figcaption>${t('timingMore', { n: sorted.length })}</figcaption>`;
  const words = { axis: t('axis'), limit: t('limit'), title: t('timing') };
  return html`<figure>${trusted(timingChart(sorted, words))}${more}</figure>`;
}

function figures({ t }: View, all: readonly Timing[]): Markup {
  const every = all.length <= allUpTo;
  const shown = every ? all : closestOf(all);
  const headings = [
    t('case'),
    t('measurement'),
    ...(every ? [] : [t('number')]),
    t('value'),
    t('uncertainty'),
    t('limit'),
    t('outcome'),
  ];
  const rows = shown.map((one): Content[] => {
    const outcome = outcomeOf(one);
    const { caseId, name, n, value, unit, uncertainty, limit } = one;
    return [
      caseId,
      name,
      ...(every ? [] : [n]),
      quantity(value, unit),
      uncertainty === undefined ? t('notStated') : `± ${quantity(uncertainty, unit)}`,
      limit === undefined ? '–' : quantity(limit, unit),
      outcome === undefined ? '–' : html`<span class="${outcome}">${t(outcome)}</span>`,
    ];
  });
  return html`<h3>${t(every ? 'timingAll' : 'timingWorst')}</h3>
    ${table(headings, rows, 'timings')}`;
}

function sweeps({ t, model }: View): Markup | undefined {
  const charts = model.cases.flatMap(({ id, sweeps: all }) =>
    all.map(
      (sweep) =>
        html`<figure>
          <figcaption>${id}</figcaption>
          ${trusted(stripChart(sweep))}
        </figure>`,
    ),
  );
  return charts.length === 0
    ? undefined
    : html`<h3>${t('sweeps')}</h3>
        ${charts}`;
}
