/** Device, bench, and what deviated from the plan. */

import type { FirmwareState, Observed } from '../../harness/capabilities.ts';
import { verifyLine, type Stamp } from '../evidence/timestamp/stamps.ts';
import { html, type Content, type Markup } from './html.ts';
import { supplied } from './lab-sections.ts';
import { digest, table, type Section, type View } from './view.ts';

export function benchSection(view: View): Section {
  const { t } = view;
  const body = html`${identity(view)} ${table([t('item'), t('content')], benchRows(view), 'items')}`;
  return { id: 'bench', title: 'deviceAndBench', body };
}

/** What the declaration says the device is, beside what the device said. */
function identity(view: View): Markup {
  const { t, model } = view;
  const read = model.identities.at(-1)?.read ?? {};
  const { device } = model.header;
  const names = [...new Set([...Object.keys(device), ...Object.keys(read)])];
  return table(
    [t('property'), html`${t('declared')} ${supplied(view)}`, t('readBack')],
    names.map((name) => [name, device[name] ?? '–', read[name] ?? t('notRead')]),
    'items',
  );
}

function benchRows(view: View): Content[][] {
  const { t, model } = view;
  const { header } = model;
  const wires = [
    ...new Set(
      model.bench.flatMap(({ action, wire }) => (action === 'open' && wire !== undefined ? [wire] : [])),
    ),
  ];
  const ways = t(header.everyIngress ? 'everyWay' : 'primaryWay');
  return [
    [t('bench'), `${header.board.title} (${header.board.name})`],
    [t('wires'), wires.join(', ')],
    [t('depthRow'), t('depthText', { depth: header.depth, ways })],
    [t('platform'), `${header.harness}, Node ${header.node}, ${header.platform}`],
    [t('command'), html`<code>${header.command.join(' ')}</code>`],
    [t('seed'), html`<code>${header.seed}</code>`],
    ...(header.harmAccepted === undefined
      ? []
      : [
          [
            t('harm'),
            t('harmText', { stimuli: header.harmAccepted.stimuli.join(', '), by: header.harmAccepted.by }),
          ],
        ]),
    ...(model.finalState === undefined ? [] : [[t('finalState'), stateText(view, model.finalState)]]),
  ];
}

function stateText({ t }: View, state: FirmwareState): string {
  const term = (name: string, seen: Observed<string | number>): string =>
    `${name} ${seen.observable ? String(seen.value) : `${t('notObservable')} (${seen.why})`}`;
  return [
    term('version', state.version),
    term('digest', state.digest),
    term('security counter', state.securityCounter),
    term('confirmation', state.confirmation),
  ].join('; ');
}

export function deviationsSection(view: View): Section {
  const { t, lab } = view;
  const stated = lab?.lab.deviations ?? [];
  const shown = fromRecord(view);
  const list = (texts: readonly string[]): Markup =>
    texts.length === 0
      ? html`<p>${t('none')}</p>`
      : html`<ul>
          ${texts.map((text) => html`<li>${text}</li>`)}
        </ul>`;
  const body = html`<h3>${t('deviationsByRun')}</h3>
    ${list(shown)}
    <h3>${t('deviationsByLab')}</h3>
    ${list(stated)}`;
  return { id: 'deviations', title: 'deviations', body };
}

/** What a reader of the record would call a deviation: nothing here is a judgement on the device. */
function fromRecord({ t, model }: View): string[] {
  const { header, imagesLeftOut } = model;
  const leftOut = header.leftOut.length + imagesLeftOut > 0;
  const parts = { depth: header.depth, cases: header.leftOut.length, images: imagesLeftOut };
  return [
    ...(header.defects.length === 0 ? [] : [t('defectsOn', { defects: header.defects.join(', ') })]),
    ...(model.interrupted ? [t('saysInterrupted')] : []),
    ...(model.resumed === 0 ? [] : [t('resumed', { n: model.resumed })]),
    ...(leftOut ? [t('leftOutDeviation', parts)] : []),
    ...model.identities
      .filter(({ matches }) => !matches)
      .map((one) => t('identityDiffers', { differences: one.differences.join('; ') })),
    ...(model.poisoned === undefined
      ? []
      : [t('poisonedBy', { id: model.poisoned.byCase, cause: model.poisoned.cause })]),
    ...model.cases
      .filter(({ attempts }) => attempts > 1)
      .map(({ id, attempts }) => t('repeated', { id, n: attempts })),
    ...model.bench
      .filter(({ ok }) => !ok)
      .map(({ action, wire, detail }) =>
        t('benchTrouble', {
          action: wire === undefined ? action : `${action} ${wire}`,
          detail: detail === undefined ? '' : ` (${detail})`,
        }),
      ),
  ];
}

/** Everything by digest: what a later dispute is settled with. */
export function identificationSection(view: View): Section {
  const { t, model, lab, madeBy } = view;
  const { header } = model;
  const inputs = new Map((header.inputs ?? []).map(({ name, sha256 }) => [name, sha256]));
  const byCustomer = (name: string): Content => html`${name} ${supplied(view)}`;
  const rows: (readonly [Content, string | undefined])[] = [
    [t('recordRoot'), model.root],
    [t('runRecord'), model.entries.at(-1)?.hash],
    [html`${t('boardFile')} ${header.board.file}`, header.board.sha256],
    [byCustomer(`${t('declaration')} ${header.declaration.file}`), header.declaration.sha256],
    [`${t('catalogueRow')} ${header.catalogue.version}`, header.catalogue.sha256],
    ...header.images.map(({ name, sha256 }) => [byCustomer(t('image', { name })), sha256] as const),
    ...[...inputs].map(([name, sha256]) => [name, sha256] as const),
    ...(header.known === undefined
      ? []
      : [[`${t('knownFile')} ${header.known.file}`, header.known.sha256] as const]),
    ...(lab === undefined ? [] : [[`${t('labFile')} ${lab.file}`, lab.sha256] as const]),
    ...view.mappings.flatMap(({ id, files }) =>
      files.map(({ name, sha256 }) => [`${t('mappingFile', { id })} ${name}`, sha256] as const),
    ),
  ];
  const body = html`<p>
      ${t('run')}: <code>${model.runId}</code>. ${t('recordEntries')}: ${model.entries.length}.
      ${t('madeBy', { harness: madeBy })}.
    </p>
    ${table(
      [t('what'), t('digest')],
      rows.map(([what, hex]) => [what, hex === undefined || hex === '' ? t('notClosed') : digest(hex)]),
      'digests',
    )}
    ${view.stamps.map((stamp) => html`<p>${stampText(view, stamp)}</p>`)}
    <p class="note">${t('howToCheck')}</p>`;
  return { id: 'identification', title: 'identification', body };
}

function stampText({ t }: View, stamp: Stamp): string {
  const what = t(stamp.subject === 'opening' ? 'stampOfOpening' : 'stampOfRoot');
  if (stamp.state === 'wrong') return t('stampWrong', { what, why: stamp.why });
  if (stamp.state !== 'stamped') return t('stampPending', { what });
  const { time, accuracyMs } = stamp.stamped;
  const accuracy = accuracyMs === undefined ? '' : ` (± ${accuracyMs} ms)`;
  return t('stamped', { what, time: `${time}${accuracy}`, line: verifyLine(stamp) });
}
