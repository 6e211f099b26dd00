/** Where to cut: points spread over the phases of an update, then in the middle of where its behaviour changes. */

import type { Random } from './seeded-random.ts';

/** A stretch of an update that can be told from the outside, with the length that was measured. */
export interface Phase {
  name: string;
  lengthMs: number;
}

export interface CutPoint {
  phase: string;
  /** Milliseconds after the phase began. */
  afterMs: number;
}

/** A cut that was made; `afterMs` is where it landed. */
export interface LandedCut extends CutPoint {
  plannedMs: number;
  /** False when its phase was over by then. */
  inTime: boolean;
}

/** Part of the cuts that a phase gets in the first pass, by its name; one that nobody knows gets as much as verify. */
const shares: Readonly<Record<string, number>> = {
  transfer: 0.25,
  verify: 0.04,
  install: 0.62,
  confirm: 0.09,
};

/** Part of all cuts that is spread before the rest goes to where the behaviour changes. */
const firstPass = 0.6;

/** How many of so many cuts are spread evenly in a first pass. */
export function spreadCount(count: number): number {
  return Math.ceil(count * firstPass);
}

/**
 * Points spread over the phases, one at a random place of each of equal intervals, so that nights differ and no
 * stretch is left out.
 *
 * @returns exactly `count` points in the order of the phases; a phase gets none only when there are too few for all
 */
export function spread(phases: readonly Phase[], count: number, random: Random): CutPoint[] {
  return shareOut(phases, count).flatMap(({ phase, share }) =>
    Array.from({ length: share }, (_unused, index) => ({
      phase: phase.name,
      // Not the very edges: a cut at 0 or at the end belongs to the phase beside it.
      afterMs: ((index + 0.05 + 0.9 * random()) / share) * phase.lengthMs,
    })),
  );
}

/** Whole numbers by share, the largest remainders first (Hamilton's method); one at least for each while they last. */
function shareOut(phases: readonly Phase[], count: number): { phase: Phase; share: number }[] {
  const weights = phases.map(({ name }) => shares[name] ?? shares['verify'] ?? 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const byWeight = phases.map((_phase, at) => at).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0));
  const parts = phases.map(() => 0);
  for (const at of byWeight.slice(0, count)) parts[at] = 1;
  const rest = count - parts.reduce((sum, part) => sum + part, 0);
  for (let left = rest; left > 0; left -= 1) {
    const owed = (at: number): number => ((weights[at] ?? 0) / total) * count - (parts[at] ?? 0);
    const [most = 0] = [...byWeight].sort((a, b) => owed(b) - owed(a));
    parts[most] = (parts[most] ?? 0) + 1;
  }
  return phases.map((phase, at) => ({ phase, share: parts[at] ?? 0 }));
}

/**
 * The next point: the middle of the widest gap between neighbours that behaved differently; when no such gap is left,
 * of the widest gap of all.
 *
 * @param cuts those made so far; one that came after its phase says nothing about any place
 * @param minGapMs gaps below this are as fine as the supply cuts; nor is the same point tried twice
 * @returns undefined when no gap is left
 */
export function nextPoint<Cut extends LandedCut>(
  phases: readonly Phase[],
  cuts: readonly Cut[],
  differ: (a: Cut, b: Cut) => boolean,
  minGapMs: number,
): CutPoint | undefined {
  const tried = cuts.map(({ phase, plannedMs }) => positionOf(phases, { phase, afterMs: plannedMs }));
  const isNew = (atMs: number): boolean => tried.every((place) => Math.abs(place - atMs) >= minGapMs / 2);
  const gaps = gapsBetween(phases, cuts).filter(
    ({ startMs, widthMs }) => widthMs >= minGapMs && isNew(startMs + widthMs / 2),
  );
  const changed = gaps.filter(({ from, to }) => from !== undefined && to !== undefined && differ(from, to));
  const [widest] = (changed.length > 0 ? changed : gaps).sort((a, b) => b.widthMs - a.widthMs);
  return widest === undefined ? undefined : pointAt(phases, widest.startMs + widest.widthMs / 2);
}

interface Gap<Cut> {
  startMs: number;
  widthMs: number;
  /** Absent at the ends of the update. */
  from: Cut | undefined;
  to: Cut | undefined;
}

/** Gaps between the cuts that landed, on one axis on which the phases follow each other. */
function gapsBetween<Cut extends LandedCut>(phases: readonly Phase[], cuts: readonly Cut[]): Gap<Cut>[] {
  const landed = cuts
    .filter(({ inTime }) => inTime)
    .map((cut) => ({ cut, atMs: positionOf(phases, cut) }))
    .sort((a, b) => a.atMs - b.atMs);
  const ends = [{ cut: undefined, atMs: 0 }, ...landed, { cut: undefined, atMs: lengthOf(phases) }];
  return ends.slice(1).map((end, index) => {
    const start = ends[index] ?? { cut: undefined, atMs: 0 };
    return { startMs: start.atMs, widthMs: end.atMs - start.atMs, from: start.cut, to: end.cut };
  });
}

/** The update's whole length in milliseconds. */
export function lengthOf(phases: readonly Phase[]): number {
  return phases.reduce((sum, { lengthMs }) => sum + lengthMs, 0);
}

/** Milliseconds from the start of the update; an update that was slower than the measured one stays in its phase. */
export function positionOf(phases: readonly Phase[], { phase, afterMs }: CutPoint): number {
  const at = phases.findIndex(({ name }) => name === phase);
  const lengthMs = phases[at]?.lengthMs ?? 0;
  return lengthOf(phases.slice(0, Math.max(0, at))) + Math.min(Math.max(0, afterMs), lengthMs);
}

function pointAt(phases: readonly Phase[], atMs: number): CutPoint {
  let leftMs = atMs;
  for (const { name, lengthMs } of phases.slice(0, -1)) {
    if (leftMs < lengthMs) return { phase: name, afterMs: leftMs };
    leftMs -= lengthMs;
  }
  return { phase: phases.at(-1)?.name ?? '', afterMs: leftMs };
}

/** How densely a phase was cut. */
export interface PhaseCoverage {
  phase: string;
  planned: number;
  landed: number;
  /** Percent: 100 less the longest stretch without a cut; 0 for a phase that no cut hit. */
  percent: number;
}

export function coverageOf(phases: readonly Phase[], cuts: readonly LandedCut[]): PhaseCoverage[] {
  return phases.map(({ name, lengthMs }) => {
    const planned = cuts.filter(({ phase }) => phase === name);
    const landed = planned.filter(({ inTime }) => inTime);
    const widths = gapsBetween([{ name, lengthMs }], landed).map(({ widthMs }) => widthMs);
    const percent = landed.length === 0 ? 0 : 100 * (1 - Math.max(...widths) / lengthMs);
    return { phase: name, planned: planned.length, landed: landed.length, percent: Math.round(percent) };
  });
}
