/** A sweep of power cuts in one line. */

import type { Sweep, SweptPhase } from '../../harness/record/events.ts';

/** `update: 40 cuts, 38 in time, 89 % covered; 19 old, 21 new on trial; seed 0123456789abcdef` */
export function sweepLine(sweep: Sweep): string {
  const inTime = sweep.points.filter(({ inTime: hit }) => hit).length;
  const outcomes = outcomesOf(sweep).map(({ outcome, count }) => `${count} ${outcome}`);
  const parts = [
    `${sweep.of}: ${sweep.points.length} cuts, ${inTime} in time, ${coverageOf(sweep.phases)} % covered`,
    outcomes.join(', ') || 'nothing seen',
    `seed ${sweep.seed}`,
  ];
  return parts.join('; ');
}

/** Percent over all phases, each by its length. */
export function coverageOf(phases: readonly SweptPhase[]): number {
  const lengthMs = phases.reduce((sum, phase) => sum + phase.lengthMs, 0);
  const covered = phases.reduce((sum, phase) => sum + phase.coverage * phase.lengthMs, 0);
  return lengthMs === 0 ? 0 : Math.round(covered / lengthMs);
}

/** Outcomes in the order in which they were first seen, with how often. */
export function outcomesOf({ points }: Sweep): { outcome: string; count: number }[] {
  const names = [...new Set(points.map(({ outcome }) => outcome))];
  return names.map((outcome) => ({
    outcome,
    count: points.filter((point) => point.outcome === outcome).length,
  }));
}
