/** What changed between two runs: of the device, of the bench, and of every verdict. */

import type { Measurement } from '../../harness/record/events.ts';
import type { CaseModel, RunModel } from '../../harness/record/run-model.ts';
import { verdicts, type Verdict } from '../../harness/verdict.ts';

/** One thing that the two runs were made with and that differs. */
export interface Difference {
  what: string;
  before: string;
  after: string;
}

export type CaseChange = { id: string; title: string } & (
  | {
      kind: 'worse' | 'better' | 'other';
      before: Verdict;
      after: Verdict;
      reasonBefore: string;
      reasonAfter: string;
    }
  | { kind: 'findings'; verdict: Verdict; gone: readonly string[]; come: readonly string[] }
  | { kind: 'only-before' | 'only-after'; verdict: Verdict }
);

/** A figure that both runs measured with its uncertainty, and that differs by more than the uncertainties of the two. */
export interface FigureChange {
  id: string;
  name: string;
  unit: string;
  before: number;
  after: number;
  /** Sum of both uncertainties. */
  uncertainty: number;
  limit?: number;
}

export interface RunDiff {
  before: string;
  after: string;
  /** What makes the comparison more than one of two firmware versions; empty when only the firmware differs, or nothing. */
  conditions: readonly Difference[];
  /** What the device is, before and after: identity, firmware images. */
  device: readonly Difference[];
  cases: readonly CaseChange[];
  figures: readonly FigureChange[];
  /** Figures that differ, and of which a run has no uncertainty on record: whether they changed cannot be told. */
  notCompared: number;
  /** Ids of those of the two runs that were ended before their time. */
  interrupted: readonly string[];
  unchanged: number;
}

/** @param before and @param after runs of any boards; that they differ in more than the device is said, not refused */
export function compareRuns(before: RunModel, after: RunModel): RunDiff {
  const pairs = pairsOf(before.cases, after.cases);
  const cases = pairs.flatMap(({ a, b }) => changeOf(a, b));
  const figures = pairs.flatMap(({ a, b }) =>
    a === undefined || b === undefined ? [] : differingFigures(a, b),
  );
  return {
    before: before.runId,
    after: after.runId,
    conditions: conditionsOf(before, after),
    device: deviceOf(before, after),
    cases,
    figures: figures.flatMap(changedFigure),
    notCompared: figures.filter((figure) => figure.uncertainty === undefined).length,
    interrupted: [before, after].filter(({ interrupted }) => interrupted).map(({ runId }) => runId),
    unchanged: pairs.length - new Set(cases.map(({ id }) => id)).size,
  };
}

/** True when nothing became worse: no case fell, no violation is new or new in kind, and no decided case is missing. */
export function noneIsWorse({ cases }: RunDiff): boolean {
  return !cases.some(isWorse);
}

function isWorse(change: CaseChange): boolean {
  switch (change.kind) {
    case 'worse':
      return true;
    case 'findings':
      return change.verdict === 'violates' && change.come.length > 0;
    case 'only-before':
      return change.verdict === 'violates' || change.verdict === 'conforms';
    case 'only-after':
      return change.verdict === 'violates';
    case 'better':
    case 'other':
      return false;
  }
}

interface Pair {
  id: string;
  a: CaseModel | undefined;
  b: CaseModel | undefined;
}

function pairsOf(before: readonly CaseModel[], after: readonly CaseModel[]): Pair[] {
  const ids = [...new Set([...before, ...after].map(({ id }) => id))];
  const find = (cases: readonly CaseModel[], id: string) => cases.find((one) => one.id === id);
  return ids.map((id) => ({ id, a: find(before, id), b: find(after, id) }));
}

function changeOf(a: CaseModel | undefined, b: CaseModel | undefined): CaseChange[] {
  const about = { id: a?.id ?? b?.id ?? '', title: b?.title || (a?.title ?? '') };
  if (a === undefined || b === undefined) {
    const verdict = a?.verdict ?? b?.verdict ?? 'not-executed';
    return [{ ...about, kind: b === undefined ? 'only-before' : 'only-after', verdict }];
  }
  if (a.verdict !== b.verdict) {
    const { verdict: before, reason: reasonBefore } = a;
    const { verdict: after, reason: reasonAfter } = b;
    return [{ ...about, kind: direction(before, after), before, after, reasonBefore, reasonAfter }];
  }
  const codes = (one: CaseModel) => new Set(one.findings.map(({ code }) => code));
  const missingIn = (one: CaseModel, other: CaseModel) =>
    [...codes(one)].filter((code) => !codes(other).has(code));
  const [gone, come] = [missingIn(a, b), missingIn(b, a)];
  return gone.length + come.length === 0
    ? []
    : [{ ...about, kind: 'findings', verdict: a.verdict, gone, come }];
}

/** Between what applies and what does not, nothing is better or worse; else by the order in which verdicts combine. */
function direction(before: Verdict, after: Verdict): 'worse' | 'better' | 'other' {
  if (before === 'not-applicable' || after === 'not-applicable') return 'other';
  return verdicts.indexOf(after) < verdicts.indexOf(before) ? 'worse' : 'better';
}

type DifferingFigure = Omit<FigureChange, 'uncertainty'> & { uncertainty: number | undefined };

/** Figures of both that are not the same number, whether or not the difference means anything. */
function differingFigures(a: CaseModel, b: CaseModel): DifferingFigure[] {
  const key = ({ name, unit }: Measurement) => `${name} ${unit}`;
  const lastOf = (one: CaseModel) => new Map(one.measurements.map((each) => [key(each), each]));
  const after = lastOf(b);
  return [...lastOf(a)].flatMap(([named, was]) => {
    const is = after.get(named);
    if (is === undefined || is.value === was.value) return [];
    const uncertainty = sumOf(was.uncertainty, is.uncertainty);
    const { name, unit, limit } = is;
    const figure = { id: a.id, name, unit, before: was.value, after: is.value, uncertainty };
    return [limit === undefined ? figure : { ...figure, limit }];
  });
}

/** Undefined where either is not on record: that is not an uncertainty of 0. */
function sumOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}

function changedFigure({ uncertainty, ...figure }: DifferingFigure): FigureChange[] {
  if (uncertainty === undefined || Math.abs(figure.after - figure.before) <= uncertainty) return [];
  return [{ ...figure, uncertainty }];
}

function conditionsOf({ header: a }: RunModel, { header: b }: RunModel): Difference[] {
  const rows: [string, string, string][] = [
    ['board', a.board.name, b.board.name],
    ['board file', a.board.sha256, b.board.sha256],
    ['declaration', a.declaration.sha256, b.declaration.sha256],
    [
      'catalogue',
      `${a.catalogue.version} ${a.catalogue.sha256}`,
      `${b.catalogue.version} ${b.catalogue.sha256}`,
    ],
    ['harness', a.harness, b.harness],
    ['node', a.node, b.node],
    ['depth', a.depth, b.depth],
    ['every way in', String(a.everyIngress), String(b.everyIngress)],
    ['cuts', String(a.cuts), String(b.cuts)],
    ['faults switched on', a.defects.join(', '), b.defects.join(', ')],
  ];
  return differing(rows);
}

function deviceOf(a: RunModel, b: RunModel): Difference[] {
  const told = (run: RunModel): Record<string, string> => ({
    ...run.header.device,
    ...run.identities.at(-1)?.read,
    ...Object.fromEntries(run.header.images.map(({ name, sha256 }) => [`image ${name}`, sha256])),
  });
  const [before, after] = [told(a), told(b)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return differing(names.map((name) => [name, before[name] ?? '', after[name] ?? '']));
}

function differing(rows: readonly (readonly [string, string, string])[]): Difference[] {
  return rows.flatMap(([what, before, after]) => (before === after ? [] : [{ what, before, after }]));
}
