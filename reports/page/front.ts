/** The top of the report: what a busy person has to know. */

import { exitCodes, verdicts, type Verdict } from '../../harness/verdict.ts';
import { knownCases } from '../../harness/record/known-violations.ts';
import { html, type Content, type Markup } from './html.ts';
import { knownLater } from './ledger.ts';
import { badge, minutes, todo, type Section, type View } from './view.ts';

const idsShown = 12;

export function front(view: View, sections: readonly Section[]): Markup {
  const { t, model, reportId } = view;
  return html`<header class="front">
    <p class="number">${t('reportNumber')}: <b>${reportId}</b></p>
    <h1>${t('testReport')}</h1>
    <p class="subtitle">${t('subtitle')}</p>
    ${particulars(view)}
    <section class="summary ${model.verdict}" id="summary">
      <p class="sentence">${badge(view, model.verdict)} ${sentences(view).join(' ')}</p>
      <ul class="counts">
        ${counts(view)}
        <li>${exitText(view)}</li>
      </ul>
      ${violationList(view)}
      <p>${basis(view)} ${t('noConformity')}</p>
      ${warnings(view)}
    </section>
    <nav class="contents">
      <b>${t('contents')}:</b> ${sections.map(
        ({ id, title }, at) => html`<a href="#${id}">${at + 1}&nbsp;${t(title)}</a> `,
      )}
    </nav>
  </header>`;
}

function particulars(view: View): Markup {
  const { t, model, lab } = view;
  const { device, board } = model.header;
  const lines: [string, Content][] = [
    [
      t('itemDescription'),
      [device.vendor, device.model, device.hardware, device.serial, device.firmware]
        .filter(Boolean)
        .join(' · '),
    ],
    [t('bench'), `${board.title} (${board.name})`],
    [t('testDates'), `${minutes(model.startedAt.tUtc)} – ${minutes(model.endedAt.tUtc)}`],
    [t('laboratory'), lab?.lab.laboratory?.name ?? todo(view, t('laboratory'))],
    [t('customer'), lab?.lab.customer?.name ?? todo(view, t('customer'))],
  ];
  return html`<table class="particulars">
    <tbody>
      ${lines.map(
        ([name, value]) =>
          html`<tr>
            <th>${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** The verdict in one sentence, and what must be known to read it rightly. */
export function sentences(view: View): string[] {
  const { t, model, known } = view;
  const { defects } = model.header;
  const count = knownCases(known).size;
  const later = knownLater(view);
  return [
    mainSentence(view),
    ...(count === 0 ? [] : [t('saysKnown', { n: count })]),
    ...(later === undefined ? [] : [later]),
    ...(model.interrupted ? [t('saysInterrupted')] : []),
    ...(defects.length === 0 ? [] : [t('saysDefects', { defects: defects.join(', ') })]),
  ];
}

function mainSentence({ t, model }: View): string {
  const { counts: by } = model;
  const executed = by.violates + by.conforms + by.inconclusive + by.error;
  if (by.violates > 0) return t('saysViolates', { n: by.violates, executed });
  if (by.error > 0) return t('saysError', { n: by.error });
  const open = by.inconclusive + by['not-executed'];
  if (executed === 0 && by['not-applicable'] === model.cases.length) return t('saysNothing');
  if (open > 0) return t('saysUndecided', { n: open });
  return t('saysConforms', { n: by.conforms, executed });
}

/** Where known violations were accepted, the exit code alone would mislead. */
function exitText({ t, exitCode, model }: View): string {
  const accepted = model.counts.violates > 0 && exitCode !== exitCodes.violates;
  return t(accepted ? 'exitAccepted' : 'exitCode', { code: exitCode });
}

function counts({ t, model }: View): Markup[] {
  return verdicts
    .filter((verdict) => model.counts[verdict] > 0)
    .map(
      (verdict: Verdict) =>
        html`<li class="${verdict}">${t('count', { n: model.counts[verdict], verdict: t(verdict) })}</li>`,
    );
}

function violationList(view: View): Markup | undefined {
  const violating = view.model.cases.filter(({ verdict }) => verdict === 'violates');
  if (violating.length === 0) return undefined;
  const rest = violating.length - idsShown;
  return html`<ul class="violating">
    ${violating
      .slice(0, idsShown)
      .map((one) => html`<li><a href="#v-${one.id}">${one.id}</a> ${view.titleOf(one)}</li>`)}${
      rest > 0 && html`<li>${view.t('more', { n: rest })}</li>`
    }
  </ul>`;
}

function basis({ t, model, catalogue }: View): string {
  const { header } = model;
  return t('testedTo', {
    catalogue: catalogue.data.name,
    version: header.catalogue.version,
    depth: header.depth,
    section: t('notTested'),
  });
}

function warnings({ t, model, catalogue, language }: View): Markup[] {
  const then = model.header.catalogue;
  const differs =
    then.sha256 === catalogue.sha256
      ? []
      : [
          t('catalogueDiffers', {
            now: catalogue.version,
            nowSha: catalogue.sha256.slice(0, 12),
            then: then.version,
            thenSha: then.sha256.slice(0, 12),
          }),
        ];
  const notes = [...differs, ...(language === 'zh' ? [t('englishTitles')] : [])];
  return notes.map((note) => html`<p class="note">${note}</p>`);
}
