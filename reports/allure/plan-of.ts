/** From the model of a run to what allure-mocha is to write. */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeKnown, type KnownJudgement } from '../../harness/record/known-violations.ts';
import type { CaseModel, RunModel } from '../../harness/record/run-model.ts';
import type { CaseDescription, DescribeCase } from '../case-description.ts';
import { environmentOf } from './environment.ts';
import { categoriesFile, categoryRules, messageOf, statusOf } from './categories.ts';
import { epochMs, stateText, stepsOf } from './case-steps.ts';
import type { AllurePlan, PlannedAttachment, PlannedTest } from './plan.ts';
import { stripChart } from '../sweep/strip-chart.ts';
import { transcripts, type Transcript } from './transcript.ts';

export interface PlanPlaces {
  runDir: string;
  results: string;
  report: string;
  history: { file: string; limit: number };
}

/** Writes the attachments into the results folder, and returns the rest as data. */
export function planOf(model: RunModel, places: PlanPlaces, describe: DescribeCase): AllurePlan {
  const windows = model.cases.flatMap(({ id, startedAt, endedAt }) =>
    startedAt === undefined || endedAt === undefined
      ? []
      : [{ caseId: id, fromMs: startedAt.tMono, toMs: endedAt.tMono }],
  );
  const texts = transcripts(places.runDir, model.entries, windows);
  const listed = new Map(judgeKnown(model).map((one) => [one.case, one]));
  return {
    results: places.results,
    report: places.report,
    title: titleOf(model),
    runId: model.runId,
    history: places.history,
    environment: environmentOf(model),
    categories: categoriesFile,
    rules: categoryRules,
    tests: [
      ...interruption(model),
      ...model.cases.map((one) => {
        const described = { known: listed.get(one.id), catalogue: describe(one.id) };
        return testOf(one, model, described, texts, places.results);
      }),
    ],
  };
}

/** A broken result of its own for a run that was ended before its time: its cases alone may all have passed. */
function interruption(model: RunModel): PlannedTest[] {
  if (!model.interrupted) return [];
  const caseId = 'the run';
  const at = epochMs(model.endedAt);
  return [
    {
      caseId,
      name: caseId,
      suite: caseId,
      status: statusOf.inconclusive,
      message: messageOf('inconclusive', 'the run was ended before its time: cases may be missing'),
      trace: '',
      uuid: stableUuid(`${model.runId}/${caseId}`),
      testCaseId: caseId,
      historyId: `${model.header.board.name}/${caseId}`,
      description: '',
      start: at,
      stop: at,
      labels: [
        { name: 'suite', value: caseId },
        { name: 'framework', value: 'fieldproof' },
      ],
      parameters: [],
      steps: [],
      attachments: [],
    },
  ];
}

/** Board and device; never the machine on which the run took place. */
export function titleOf({ header }: RunModel): string {
  const { vendor, model, firmware } = header.device;
  const device = [vendor, model, firmware].filter((part) => part !== undefined && part !== '').join(' ');
  return [header.board.title || header.board.name, device].filter((part) => part !== '').join(' - ');
}

/**
 * Allure has a word of its own for what is known (“resolutions”); it is not used, for it takes such failures out of the
 * rate of success: a run whose only violation is known would show 100 %.
 */
function knownText({ outcome, reason, agreedBy, expires, unseen }: KnownJudgement): string {
  const said = {
    happened: 'Known violation',
    other: 'Listed as known, and violates in another way',
    expired: 'Was known until its entry expired',
    gone: 'Listed as known, and no longer happens: take it off the list',
    undecided: 'Listed as known, and not decided in this run',
  } as const;
  const stale = unseen.length === 0 ? '' : ` No longer found: ${unseen.join(', ')}.`;
  return `${said[outcome]}: ${reason} (agreed by ${agreedBy}, until ${expires}).${stale}`;
}

function testOf(
  one: CaseModel,
  model: RunModel,
  { known, catalogue }: { known: KnownJudgement | undefined; catalogue: CaseDescription | undefined },
  texts: readonly Transcript[],
  results: string,
): PlannedTest {
  const title = one.title || (catalogue?.title ?? '');
  const suite = one.suite || (catalogue?.suite ?? 'no suite');
  const start = epochMs(one.startedAt ?? model.endedAt);
  const files = new AttachmentFolder(results, `${model.runId}/${one.id}`);
  return {
    caseId: one.id,
    name: title === '' ? one.id : `${one.id} ${title}`,
    suite,
    status: statusOf[one.verdict],
    message: messageOf(one.verdict, one.reason, known),
    trace: one.findings
      .map(({ code, expected, observed }) => `${code}\n  expected: ${expected}\n  observed: ${observed}`)
      .join('\n'),
    uuid: stableUuid(`${model.runId}/${one.id}`),
    testCaseId: one.id,
    historyId: `${model.header.board.name}/${one.id}`,
    description: descriptionOf(catalogue, known),
    start,
    stop: one.endedAt === undefined ? start : Math.max(start, epochMs(one.endedAt)),
    labels: [
      ...labelsOf(one, suite, model, catalogue),
      ...(known === undefined ? [] : [{ name: 'known violation', value: known.outcome }]),
    ],
    parameters: [
      { name: 'verdict', value: one.verdict, excluded: true },
      { name: 'attempts', value: String(one.attempts), excluded: true },
    ],
    steps: stepsOf(one),
    attachments: attachmentsOf(one, texts, files),
  };
}

/** Only what the catalogue and the board's list say: a device's words are never rendered as markup. */
function descriptionOf(known: CaseDescription | undefined, listed: KnownJudgement | undefined): string {
  const onList = listed === undefined ? [] : [knownText(listed)];
  if (known === undefined) return onList.join('');
  const list = (name: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`${name}: ${ids.join(', ')}`];
  return [
    `The device ${known.title}.`,
    ...list('Requirements', known.requirements),
    ...list('Claims', known.claims),
    `Source: ${known.source}`,
    ...onList,
  ].join('\n\n');
}

const severities: Readonly<Record<string, string>> = {
  C: 'critical',
  H: 'normal',
  M: 'minor',
  critical: 'critical',
  high: 'normal',
  medium: 'minor',
};

function labelsOf(
  one: CaseModel,
  suite: string,
  { header }: RunModel,
  known: CaseDescription | undefined,
): { name: string; value: string }[] {
  const label = (name: string, value: string | undefined) => (value ? [{ name, value }] : []);
  return [
    ...label('suite', suite),
    ...label('severity', severities[one.severity || (known?.severity ?? '')]),
    ...label('verdict', one.verdict),
    ...label('board', header.board.name),
    ...label('device', [header.device.vendor, header.device.model].filter(Boolean).join(' ')),
    ...label('firmware', header.device.firmware ?? versionSeen(one)),
    ...(known?.requirements ?? []).flatMap((id) => label('requirement', id)),
    ...(known?.claims ?? []).flatMap((id) => label('claim', id)),
    ...[suite, one.verdict].flatMap((tag) => label('tag', tag)),
    ...label('framework', 'fieldproof'),
  ];
}

function versionSeen({ states }: CaseModel): string | undefined {
  const version = states[0]?.state.version;
  return version?.observable === true ? version.value : undefined;
}

function attachmentsOf(
  one: CaseModel,
  texts: readonly Transcript[],
  files: AttachmentFolder,
): PlannedAttachment[] {
  const findings = one.findings.length === 0 ? [] : [files.json('findings', one.findings)];
  const states = one.states.map(
    ({ when, state, at }) => `${at.tUtc}  ${when}\n  ${stateText(state).join('\n  ')}\n`,
  );
  const images = one.stimuli.flatMap(({ image }) =>
    image === undefined ? [] : [`${image.sha256}  ${image.name}\n`],
  );
  const charts = one.sweeps.map((sweep, index) =>
    files.svg(`power cuts: ${sweep.of}${index === 0 ? '' : ` (${index + 1})`}`, stripChart(sweep)),
  );
  return [
    ...findings,
    ...charts,
    ...(states.length === 0 ? [] : [files.text('state before and after', states.join('\n'))]),
    ...(images.length === 0 ? [] : [files.text('images offered (SHA-256)', [...new Set(images)].join(''))]),
    ...texts
      .filter(({ caseId }) => caseId === one.id)
      .map(({ channel, text }) => files.text(`wire ${channel}`, text)),
  ];
}

class AttachmentFolder {
  readonly #folder: string;
  readonly #seed: string;

  constructor(folder: string, seed: string) {
    this.#folder = folder;
    this.#seed = seed;
  }

  text(name: string, text: string): PlannedAttachment {
    return this.#write(name, 'text/plain', 'txt', text);
  }

  svg(name: string, text: string): PlannedAttachment {
    return this.#write(name, 'image/svg+xml', 'svg', text);
  }

  json(name: string, value: unknown): PlannedAttachment {
    return this.#write(name, 'application/json', 'json', `${JSON.stringify(value, undefined, 2)}\n`);
  }

  #write(name: string, type: string, ending: string, text: string): PlannedAttachment {
    const source = `${stableUuid(`${this.#seed}/${name}`)}-attachment.${ending}`;
    writeFileSync(join(this.#folder, source), text);
    return { name, type, source };
  }
}

/** A UUID out of a name, the same every time. Source: RFC 9562, section 5.8 (version 8, from SHA-256). */
export function stableUuid(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
