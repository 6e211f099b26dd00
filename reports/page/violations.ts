/** Violations, each with reason, expected, observed, and where its evidence is. */

import type { Entry } from '../../harness/record/entry.ts';
import type { CaseModel } from '../../harness/record/run-model.ts';
import { html, type Markup } from './html.ts';
import { badge, digest, table, type Section, type View } from './view.ts';

const stimuliShown = 12;

export function violationsSection(view: View): Section {
  const violating = view.model.cases.filter(({ verdict }) => verdict === 'violates');
  const body =
    violating.length === 0
      ? html`<p>${view.t('noViolations')}</p>`
      : violating.map((one) => violation(view, one));
  return { id: 'violations', title: 'violations', body };
}

function violation(view: View, one: CaseModel): Markup {
  const { t } = view;
  const known = view.known.find((listed) => listed.case === one.id);
  return html`<article class="violation" id="v-${one.id}">
    <h3>${badge(view, 'violates')} ${one.id} <span class="case-title">${view.titleOf(one)}</span></h3>
    <p class="meta">${metaOf(view, one)}</p>
    ${known === undefined ? undefined : html`<p class="known">${t('knownViolations')}: ${t(`known-${known.outcome}`)}. ${known.reason} (${t('agreedBy')}: ${known.agreedBy}; ${t('expires')}: ${known.expires})</p>`}
    <p class="reason"><b>${t('reason')}:</b> <span class="text">${one.reason}</span></p>
    ${findings(view, one)} ${evidence(view, one)}
  </article>`;
}

function metaOf(view: View, one: CaseModel): string {
  const { t } = view;
  const known = view.inCatalogue(one.id);
  const claims = view.tables
    .find(({ id }) => id === 'claims')
    ?.rows.filter(({ cells }) => cells.some(({ caseId }) => caseId === one.id));
  return [
    `${t('severity')}: ${severity(view, one.id)}`,
    ...(known === undefined ? [] : [`${t('requirement')}: ${known.requirements.join(', ')}`]),
    ...(claims === undefined || claims.length === 0
      ? []
      : [`${t('claims')}: ${claims.map(({ id }) => id).join(', ')}`]),
  ].join(' · ');
}

/** Of the catalogue; of the record's own word where the catalogue does not know the case. */
export function severity({ t, inCatalogue, model }: View, id: string): string {
  const known = inCatalogue(id)?.severity;
  return known === undefined ? (model.cases.find((one) => one.id === id)?.severity ?? '') : t(known);
}

function findings({ t }: View, { findings: found }: CaseModel): Markup | undefined {
  if (found.length === 0) return undefined;
  return table(
    [t('finding'), t('expected'), t('observed')],
    found.map(({ code, expected, observed }) => [html`<code>${code}</code>`, expected, observed]),
    'findings',
  );
}

function evidence(view: View, one: CaseModel): Markup {
  const { t } = view;
  const rows = [...placeRows(view, one), ...stimulusRows(view, one), ...wireRows(view, one)];
  return table(
    [t('evidence'), t('content'), t('digest')],
    rows.map(([what, where, hex]) => [what, where, hex === '' ? '' : digest(hex)]),
    'evidence',
  );
}

type Row = readonly [what: string, where: string, hex: string];

/** The entry of the verdict, and which entries to read around it. */
function placeRows({ t, model }: View, one: CaseModel): Row[] {
  const own = model.entries.filter(({ caseId }) => caseId === one.id);
  const said = own.findLast(({ kind }) => kind === 'verdict');
  const [first, last] = [own[0], own.at(-1)];
  if (first === undefined || last === undefined) return [];
  return [
    ...(said === undefined ? [] : [entryRow(t('verdictEntry'), said, t)]),
    [t('entriesOfCase'), t('entryRange', { n: own.length, from: first.seq, to: last.seq }), ''],
  ];
}

function entryRow(what: string, { seq, hash }: Entry, t: View['t']): Row {
  return [what, t('entryPlace', { seq, line: seq + 1 }), hash];
}

function stimulusRows({ t }: View, { stimuli }: CaseModel): Row[] {
  const shown = stimuli.slice(0, stimuliShown).map(({ name, rationale, ingress, image }): Row => {
    const way = ingress === undefined ? '' : ` (${ingress})`;
    return [t('stimulus'), `${image?.name ?? name}${way}: ${rationale}`, image?.sha256 ?? ''];
  });
  const rest = stimuli.length - shown.length;
  return rest === 0 ? shown : [...shown, [t('stimulus'), t('stimuliMore', { n: rest }), '']];
}

function wireRows({ t, wiresOf }: View, { id }: CaseModel): Row[] {
  return wiresOf(id).map(({ channel, file, from, to, bytes, sha256 }) => [
    `${t('wireSegments')}: ${channel}`,
    t('wirePlace', { file, from, to, bytes }),
    sha256,
  ]);
}
