/** The standards ledger in short, and the list of known violations. */

import { html } from './html.ts';
import type { Label } from './labels.ts';
import { table, type Section, type View } from './view.ts';

export function ledgerSection({ t, catalogue }: View): Section {
  const { claims, ledger, documents } = catalogue.data;
  const body = html`<p>${t('ledgerIntro')}</p>
    ${table(
      ['', t('said'), t('known')],
      ledger.map(({ id, title, said, known }) => [html`<b>${id}</b> ${title}`, said, known]),
      'ledger',
    )}
    ${table(
      [t('claim'), t('claimStatus'), t('document')],
      claims.map(({ id, claim, status, counterEvidence, document, claimedClause }) => [
        html`<b>${id}</b> ${claim}`,
        [t(status), ...counterEvidence].join(', '),
        [documents[document]?.title ?? document, claimedClause].filter(Boolean).join(', '),
      ]),
      'ledger',
    )}`;
  return { id: 'ledger', title: 'ledger', body };
}

/** That the list was given after the run; undefined for the run's own. */
export function knownLater({ t, model }: View): string | undefined {
  const { header, knownInsteadOf: own } = model;
  if (own === undefined) return undefined;
  const said = own === null ? t('knownLaterThanNone') : `${own.file} (SHA-256 ${own.sha256.slice(0, 12)}…)`;
  return t('knownLater', { file: header.known?.file ?? '', own: said });
}

/** Only where there is a list. */
export function knownSection(view: View): Section[] {
  const { t, model, known } = view;
  const list = model.header.known;
  if (list === undefined) return [];
  const rows = known.map((one) => {
    const gone = one.unseen.length === 0 ? '' : ` (${t('known-gone')}: ${one.unseen.join(', ')})`;
    const label: Label = `known-${one.outcome}`;
    return [one.case, t(label) + gone, one.findings.join(', '), one.reason, one.agreedBy, one.expires];
  });
  const later = knownLater(view);
  const headings = [t('case'), t('outcome'), t('finding'), t('listReason'), t('agreedBy'), t('expires')];
  const intro = html`<p>${t('knownIntro', { file: list.file })}</p>`;
  const body = html`${intro} ${later === undefined ? undefined : html`<p class="known">${later}</p>`}
  ${table(headings, rows, 'known-list')}`;
  return [{ id: 'known', title: 'knownViolations', body }];
}
