/** Every case with its verdict, by suite; a little script in the page lets a reader narrow it down. */

import type { CaseModel } from '../../harness/record/run-model.ts';
import { verdicts } from '../../harness/verdict.ts';
import { html, type Content, type Markup } from './html.ts';
import { severity } from './violations.ts';
import { badge, type Section, type View } from './view.ts';

export function resultsSection(view: View): Section {
  const { t, model } = view;
  const suites = new Map<string, CaseModel[]>();
  for (const one of model.cases) {
    const suite = one.suite || (view.inCatalogue(one.id)?.suite ?? '–');
    suites.set(suite, [...(suites.get(suite) ?? []), one]);
  }
  const body =
    model.cases.length === 0
      ? html`<p>${t('noCases')}</p>`
      : html`${filters(view)}
          <table class="results">
            <thead>
              <tr>
                <th>${t('case')}</th>
                <th>${t('title')}</th>
                <th>${t('severity')}</th>
                <th>${t('verdict')}</th>
                <th>${t('took')}</th>
              </tr>
            </thead>
            ${[...suites].map(
              ([suite, cases]) =>
                html`<tbody>
                  <tr class="suite">
                    <th colspan="5">${suite}</th>
                  </tr>
                  ${cases.map((one) => row(view, one))}
                </tbody> `,
            )}
          </table>`;
  return { id: 'results', title: 'allCases', body };
}

/** Shown only where scripts run: without them nothing is hidden. */
function filters({ t, model }: View): Markup {
  const present = verdicts.filter((verdict) => model.counts[verdict] > 0);
  return html`<form class="filters" hidden>
    ${t('filter')}:
    ${present.map(
      (verdict) =>
        html`<label
          ><input type="checkbox" checked value="${verdict}" /> ${t(verdict)}
          (${model.counts[verdict]})</label
        > `,
    )}<input type="search" placeholder="${t('filterText')}" aria-label="${t('filterText')}" />
  </form>`;
}

function row(view: View, one: CaseModel): Markup {
  const { t } = view;
  const { id, verdict, attempts, tookMs } = one;
  const linked =
    verdict === 'violates'
      ? html`<a href="#v-${id}">${id}</a>`
      : verdict === 'conforms'
        ? id
        : html`<a href="#c-${id}">${id}</a>`;
  const more: Content = attempts > 1 && html` <small>(${t('attempts', { n: attempts })})</small>`;
  // What a conforming case could not see or left out is said here; all others have their reason in a section.
  const remark: Content =
    verdict === 'conforms' &&
    one.reason !== '' &&
    html`<br /><small><span class="text">${one.reason}</span></small>`;
  return html`<tr class="case" data-verdict="${verdict}">
    <td>${linked}</td>
    <td>${view.titleOf(one)}${remark}</td>
    <td>${severity(view, id)}</td>
    <td>${badge(view, verdict)}${more}</td>
    <td class="num">${attempts === 0 ? '–' : duration(tookMs)}</td>
  </tr> `;
}

/** `41 ms`, `3.2 s`, `12 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
