/** What ISO/IEC 17025:2017, 7.8.2 to 7.8.8, asks of a report beside its results. */

import { html, type Content, type Markup } from './html.ts';
import { badge, minutes, table, todo, type Section, type View } from './view.ts';

/** Clause, item, content. Where only the laboratory can know it and has not said it, a placeholder. */
export function particularsSection(view: View): Section {
  const { t } = view;
  const rows = [...identityRows(view), ...itemRows(view), ...closingRows(view)];
  const body = html`${amendment(view)}
    ${table(
      [t('clause'), t('item'), t('content')],
      rows.map(([clause, name, content]) => [clause, name, content]),
      'items',
    )}
    <p class="note">${supplied(view)} ${t('suppliedNote')}</p>`;
  return { id: 'particulars', title: 'particulars', body };
}

type Row = readonly [clause: string, name: string, content: Content];

/** Data that the customer supplied are marked (7.8.2.2). */
export function supplied({ t }: View): Markup {
  return html`<span class="supplied">${t('supplied')}</span>`;
}

function amendment(view: View): Markup | undefined {
  const amends = view.lab?.lab.report?.amends;
  if (amends === undefined) return undefined;
  return html`<p class="amends"><b>${view.t('amendment')} (7.8.8):</b> ${view.t('replaces', amends)}</p>`;
}

function identityRows(view: View): Row[] {
  const { t, lab, model, catalogue } = view;
  const { laboratory, customer } = lab?.lab ?? {};
  const place =
    laboratory === undefined
      ? todo(view, t('laboratory'))
      : html`${laboratory.name}<br />${laboratory.address}`;
  const { harness, catalogue: used } = model.header;
  return [
    ['7.8.2.1 b', t('laboratory'), place],
    ['7.8.2.1 c', t('location'), laboratory?.location ?? laboratory?.address ?? todo(view, t('location'))],
    ['7.8.2.1 d', t('reportNumber'), view.reportId],
    [
      '7.8.2.1 e',
      t('customer'),
      customer === undefined
        ? todo(view, t('customer'))
        : html`${customer.name}<br />${customer.contact ?? todo(view, t('customer'))}`,
    ],
    [
      '7.8.2.1 f',
      t('method'),
      t('methodText', {
        catalogue: catalogue.data.name,
        version: used.version,
        sha256: used.sha256,
        harness,
      }),
    ],
  ];
}

function itemRows(view: View): Row[] {
  const { t, lab, model } = view;
  const { item, sampling, report } = lab?.lab ?? {};
  const { device } = model.header;
  const declared = Object.entries(device).map(([name, value]) => `${name} ${value}`);
  return [
    [
      '7.8.2.1 g',
      t('itemDescription'),
      html`${declared.join(', ')} ${supplied(view)}<br />${item?.description ?? todo(view, t('itemDescription'))}`,
    ],
    ['7.8.2.1 g', t('itemCondition'), item?.condition ?? todo(view, t('itemCondition'))],
    ['7.8.2.1 h', t('received'), item?.receivedOn ?? todo(view, t('received'))],
    ['7.8.2.1 h', t('sampled'), item?.sampledOn ?? todo(view, t('sampled'))],
    ['7.8.2.1 i', t('testDates'), `${minutes(model.startedAt.tUtc)} – ${minutes(model.endedAt.tUtc)}`],
    ['7.8.2.1 j', t('issued'), report?.issuedOn ?? todo(view, t('issued'))],
    ['7.8.2.1 k', t('sampling'), sampling ?? todo(view, t('sampling'))],
  ];
}

function closingRows(view: View): Row[] {
  const { t, lab } = view;
  const { report, externalResults, conditions, equipment } = lab?.lab ?? {};
  const authoriser = report?.authorisedBy;
  return [
    ['7.8.2.1 l', t('statement'), t('onlyItems')],
    [
      '7.8.2.1 o',
      t('authoriser'),
      authoriser === undefined
        ? todo(view, t('authoriser'))
        : [authoriser.name, authoriser.function].filter(Boolean).join(', '),
    ],
    ['7.8.2.1 p', t('external'), externalResults === undefined ? t('externalNone') : lines(externalResults)],
    [
      '7.8.3.1 a',
      t('conditions'),
      conditions === undefined
        ? todo(view, t('conditions'))
        : lines(conditions.map(({ name, value }) => `${name}: ${value}`)),
    ],
    [
      '7.8.3.1',
      t('equipment'),
      equipment === undefined
        ? todo(view, t('equipment'))
        : lines(
            equipment.map(({ name, id, calibratedUntil }) =>
              [
                `${name} (${id})`,
                ...(calibratedUntil === undefined ? [] : [t('calibratedUntil', { date: calibratedUntil })]),
              ].join(', '),
            ),
          ),
    ],
  ];
}

const lines = (texts: readonly string[]): Markup => html`${texts.map((text) => html`${text}<br />`)}`;

/** 7.8.6: the rule, to which results it applies, and with which uncertainty. */
export function ruleSection(view: View): Section {
  const { t } = view;
  const rules = [
    ['conforms', 'ruleConforms'],
    ['violates', 'ruleViolates'],
    ['inconclusive', 'ruleInconclusive'],
    ['not-executed', 'ruleNotExecuted'],
    ['not-applicable', 'ruleNotApplicable'],
    ['error', 'ruleError'],
  ] as const;
  const body = html`<p>${t('ruleIntro')}</p>
    <dl class="rule">
      ${rules.map(
        ([verdict, rule]) =>
          html`<dt>${badge(view, verdict)}</dt>
            <dd>${t(rule)}</dd>`,
      )}
    </dl>
    <p>${t('ruleTiming')}</p>`;
  return { id: 'rule', title: 'decisionRule', body };
}

/** 7.8.7: apart from results, and flagged as what they are. */
export function opinionsSection({ t, lab }: View): Section {
  const opinions = lab?.lab.opinions ?? [];
  const body =
    opinions.length === 0
      ? html`<p>${t('opinionsNone')}</p>`
      : opinions.map(
          ({ text, by }) =>
            html`<blockquote>
              ${text}
              <footer>${t('opinionBy', { by })}</footer>
            </blockquote>`,
        );
  return { id: 'opinions', title: 'opinions', body };
}
