/** Measured times of a run: which there are, what the decision rule makes of each, which is closest to its limit. */

import type { Measurement } from '../../harness/record/events.ts';
import type { RunModel } from '../../harness/record/run-model.ts';

/** One figure of one case. */
export interface Timing extends Measurement {
  caseId: string;
  /** How many measurements of this case it stands for. */
  n: number;
}

/** What the decision rule makes of a figure; undefined without a limit. */
export type TimingOutcome = 'within' | 'over' | 'between' | undefined;

/** See the decision rule: value − uncertainty > limit is over, value + uncertainty ≤ limit is within. */
export function outcomeOf({ value, limit, uncertainty = 0 }: Measurement): TimingOutcome {
  if (limit === undefined) return undefined;
  if (value - uncertainty > limit) return 'over';
  return value + uncertainty <= limit ? 'within' : 'between';
}

export function timingsOf({ cases }: RunModel): Timing[] {
  return cases.flatMap(({ id, measurements }) =>
    measurements.map(({ at: _at, attempt: _attempt, ...measured }) => ({ ...measured, caseId: id, n: 1 })),
  );
}

/** Of each case and unit the figure closest to its limit; without limits the largest. */
export function closestOf(all: readonly Timing[]): Timing[] {
  const groups = new Map<string, Timing>();
  for (const one of all) {
    const key = `${one.caseId} ${one.unit}`;
    const before = groups.get(key);
    const n = (before?.n ?? 0) + 1;
    groups.set(key, before === undefined || closer(one, before) ? { ...one, n } : { ...before, n });
  }
  return [...groups.values()];
}

function closer(one: Timing, other: Timing): boolean {
  if (one.limit === undefined || other.limit === undefined) {
    return one.limit === other.limit ? one.value > other.value : one.limit !== undefined;
  }
  return partOfLimit(one) > partOfLimit(other);
}

/** How far up to its limit a figure comes with its uncertainty; 1 is the limit. */
export function partOfLimit({ value, limit, uncertainty = 0 }: Measurement): number {
  return limit === undefined || limit <= 0 ? 0 : (value + uncertainty) / limit;
}

/** A number that a person can read, with its unit: three figures, and none invented. */
export function quantity(value: number, unit: string): string {
  const size = Math.abs(value);
  const text =
    size >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(size >= 10 ? 1 : 2);
  return `${text} ${unit}`;
}
