/** The table at the end of a run: what a person at a terminal needs to know, the reasons whole. */

import { judgeKnown, type KnownJudgement } from '../../harness/record/known-violations.ts';
import type { CaseModel, RunModel } from '../../harness/record/run-model.ts';
import { verdicts } from '../../harness/verdict.ts';
import type { DescribeCase } from '../case-description.ts';
import { sweepLine } from '../sweep/sweep-line.ts';
import { paint, plainText, wrap } from './terminal.ts';

export interface TableOptions {
  /** Width of the terminal in columns (default 100). */
  columns?: number;
  /** See `wantsColour`. */
  colour?: boolean;
  /** The reports that were made, the main one first; shown last. */
  reports?: readonly { name: string; path: string }[];
  /** Known violations that happened do not fail the run. */
  acceptKnown?: boolean;
  /** Command that runs the next depth, said with what this one left out. */
  deeper?: string;
  describe?: DescribeCase;
}

const longestVerdict = Math.max(...verdicts.map(({ length }) => length));
const gap = '  ';
const minTitleColumns = 20;
const idsShown = 6;

/** One table per suite, then the verdict in one word with the counts, then the path of the report. Ends with a newline. */
export function renderTable(model: RunModel, options: TableOptions = {}): string {
  const layout = layoutOf(model, options);
  const suites = grouped(model.cases, (one) => suiteOf(one, options));
  const tables = [...suites].map(([suite, cases]) =>
    [layout.paint(suite, 'bold'), ...cases.flatMap((one) => caseLines(one, layout))].join('\n'),
  );
  return `${[...tables, summary(model, layout, options)].join('\n\n')}\n`;
}

/** Groups in the order of their first member. Node 20 has no `Map.groupBy`. */
function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

interface Layout {
  columns: number;
  idColumns: number;
  titleOf(one: CaseModel): string;
  paint: typeof paint;
}

function layoutOf(model: RunModel, options: TableOptions): Layout {
  return {
    columns: Math.max(options.columns ?? 100, 40),
    idColumns: Math.max(...model.cases.map(({ id }) => id.length), 4),
    titleOf: (one) => plainText(one.title || (options.describe?.(one.id)?.title ?? '')),
    paint: options.colour === true ? paint : (text) => text,
  };
}

function suiteOf(one: CaseModel, options: TableOptions): string {
  return one.suite || (options.describe?.(one.id)?.suite ?? 'no suite');
}

function caseLines(one: CaseModel, layout: Layout): string[] {
  const verdict = layout.paint(one.verdict.padEnd(longestVerdict), one.verdict);
  const took = one.attempts === 0 ? '-' : duration(one.tookMs);
  const left = 2 + longestVerdict + gap.length + layout.idColumns + gap.length;
  const titleColumns = Math.max(minTitleColumns, layout.columns - left - gap.length - 8);
  const [title = '', ...more] = wrap(layout.titleOf(one), titleColumns);
  return [
    `  ${verdict}${gap}${one.id.padEnd(layout.idColumns)}${gap}${title.padEnd(titleColumns)}${gap}${took.padStart(8)}`,
    ...more.map((line) => `${' '.repeat(left)}${line}`),
    ...sweepLines(one, layout, left),
    ...reasonLines(one, layout, left),
  ];
}

/** What was cut, under every case that cut power, whatever it came to. */
function sweepLines({ sweeps }: CaseModel, layout: Layout, left: number): string[] {
  const width = Math.max(minTitleColumns, layout.columns - left);
  return sweeps.flatMap((sweep) =>
    wrap(plainText(sweepLine(sweep)), width).map((line) => `${' '.repeat(left)}${layout.paint(line, 'dim')}`),
  );
}

/** The reason, whole, under every case that does not conform; with its findings. */
function reasonLines(one: CaseModel, layout: Layout, left: number): string[] {
  if (one.verdict === 'conforms') return [];
  const width = Math.max(minTitleColumns, layout.columns - left);
  // A reason mostly is its finding; what it does not say already is added.
  const findings = one.findings
    .filter(({ observed }) => !one.reason.includes(observed))
    .map(({ code, expected, observed }) => `${code}: expected ${expected}; observed ${observed}`);
  return [...one.reason.split('\n'), ...findings].flatMap((text) =>
    wrap(plainText(text), width).map((line) => `${' '.repeat(left)}${layout.paint(line, 'dim')}`),
  );
}

function summary(model: RunModel, layout: Layout, options: TableOptions): string {
  const counts = verdicts.filter((verdict) => model.counts[verdict] > 0);
  const parts = counts.map((verdict) => `${model.counts[verdict]} ${verdict}`);
  const word = layout.paint(model.verdict.toUpperCase(), model.verdict);
  const text = `${parts.join(', ') || 'no cases'} in ${duration(model.tookMs)}`;
  const left = model.verdict.length + gap.length;
  const [head = '', ...more] = wrap(text, Math.max(minTitleColumns, layout.columns - left));
  return [
    `${word}${gap}${head}`,
    ...more.map((line) => `${' '.repeat(left)}${line}`),
    ...(model.interrupted ? [interruption(model)] : []),
    ...(model.gaps.length === 0 ? [] : wrap(continued(model), layout.columns)),
    ...leftOut(model, layout, options),
    ...knownLines(model, layout, options),
    ...(options.reports ?? []).map(({ name, path }) => `${name}: ${path}`),
  ].join('\n');
}

/** What a deeper run would have tried: a pass says nothing of it. */
function leftOut({ header, imagesLeftOut }: RunModel, layout: Layout, { deeper }: TableOptions): string[] {
  const { length } = header.leftOut;
  const shown = header.leftOut.slice(0, idsShown).join(', ');
  const parts = [
    ...(length === 0 ? [] : [`${counted(length, 'case')} (${shown}${length > idsShown ? ' …' : ''})`]),
    ...(imagesLeftOut === 0 ? [] : [counted(imagesLeftOut, 'attack image')]),
  ];
  if (parts.length === 0) return [];
  const said = `Depth ${header.depth} left out ${parts.join(' and ')}`;
  return wrap(plainText(deeper === undefined ? said : `${said}: ${deeper}`), layout.columns);
}

/** What became of the board's list of known violations: each entry that matters for the next step, in a line. */
function knownLines(model: RunModel, layout: Layout, { acceptKnown }: TableOptions): string[] {
  const judged = judgeKnown(model).filter(({ outcome }) => outcome !== 'undecided');
  if (judged.length === 0) return [];
  const said = judged.flatMap((one) => knownTexts(one, acceptKnown === true));
  return [
    `Known violations (${model.header.known?.file ?? ''}):`,
    ...[...notTheRunsOwn(model), ...said].flatMap((text) =>
      wrap(plainText(text), layout.columns - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${line}`),
    ),
  ];
}

/** That the list was given after the run: nobody had agreed to it when the run was made. */
function notTheRunsOwn({ header, knownInsteadOf: own }: RunModel): string[] {
  if (own === undefined) return [];
  const said = own === null ? 'the run had none' : `${own.file} (SHA-256 ${own.sha256.slice(0, 12)}…)`;
  return [`${header.known?.file ?? ''} is not the list that the run was made with: ${said}`];
}

function knownTexts(one: KnownJudgement, accepted: boolean): string[] {
  const { outcome, unseen, reason, agreedBy, expires } = one;
  const who = `${reason} (agreed by ${agreedBy}, until ${expires})`;
  const texts = {
    happened: `known${accepted ? ' and accepted' : ''}: ${who}`,
    other: 'violates in another way than listed: a new violation',
    expired: `the entry expired on ${expires}: a violation counts as new`,
    gone: 'no longer happens: take it off the list',
    undecided: 'could not be told',
  } as const;
  const stale = unseen.length === 0 ? [] : [`${one.case} listed, and no longer found: ${unseen.join(', ')}`];
  return [`${one.case} ${texts[outcome]}`, ...stale];
}

const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

function interruption({ root }: RunModel): string {
  return root === undefined
    ? 'The run was interrupted, and its record is not closed: run --resume goes on with it.'
    : 'The run was ended before its time; its record is closed.';
}

/** That a run came in parts, and how long nothing was done in between. */
function continued({ gaps }: RunModel): string {
  const [first] = gaps;
  const pauses = gaps.map(({ lengthMs }) => duration(lengthMs)).join(', ');
  return gaps.length === 1
    ? `The run was interrupted at ${first?.from.tUtc} and went on after ${pauses}, which are not counted.`
    : `The run was interrupted ${gaps.length} times and went on each time, after ${pauses}, which are not counted.`;
}

/** A duration for a person: `41 ms`, `3.2 s`, `12 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
