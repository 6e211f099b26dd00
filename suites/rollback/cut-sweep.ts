/** The course of a sweep: which cut comes next, what is kept of each, and what the record gets in the end. */

import { NotExecuted, type CaseContext } from '../../harness/index.ts';
import { seededRandom, shuffled } from './seeded-random.ts';
import {
  coverageOf,
  nextPoint,
  spread,
  spreadCount,
  type CutPoint,
  type LandedCut,
  type Phase,
  type PhaseCoverage,
} from './sweep-plan.ts';
import type { Hit } from './update-with-cut.ts';

/** What a device was after a cut. */
export interface Behaviour {
  /** In the words of the case. */
  outcome: string;
  bootMs: number;
}

/** A cut that was made, and the look at the device that follows. */
export interface MadeCut {
  hit: Hit;
  look: () => Promise<Behaviour>;
}

/** A cut that is to be made. */
export interface Order {
  point: CutPoint;
  /** "cut 3 of 40: 12 ms into install" */
  name: string;
  /** Shortest time that the supply has taken so far from the order to the cut, in milliseconds. */
  leadMs: number;
}

export interface SweepOrder {
  /** What is cut, for the record: `update`, `revert`. */
  of: string;
  phases: readonly Phase[];
  count: number;
}

/** A cut with its place and what came of it. */
export interface SweptCut extends LandedCut, Behaviour {
  chosen: 'spread' | 'between' | 'random';
}

/** Outcome of a device that has not been seen again yet. */
const notBack = 'not back';
/** With so many findings a device has shown what it is; each further one costs flash and time. */
const enoughFindings = 3;
/** Cuts closer than this cannot be told apart: the supply and both clocks are no better. */
const finestGapMs = { precise: 4, slow: 40 } as const;

/** How many cuts a sweep makes at the depth of the run. */
export function cutsAtDepth({ run }: CaseContext): number {
  if (run.cuts < 1) throw new NotExecuted('no-cuts', 'not a single power cut was asked for (--cuts)');
  return { smoke: Math.min(8, run.cuts), standard: run.cuts, full: 4 * run.cuts }[run.depth];
}

/**
 * Cuts again and again: first spread over the phases in an order drawn by lot, then where neighbours differ.
 *
 * @param make makes one cut; errors end the sweep, and the record gets what there is
 * @returns all cuts in the order in which they were made
 */
export async function sweepCuts(
  t: CaseContext,
  { of, phases, count }: SweepOrder,
  make: (order: Order) => Promise<MadeCut>,
): Promise<SweptCut[]> {
  const { precise } = t.need(t.device.power, 'switched supply');
  if (!precise) t.note('the supply switches slowly: the instants of the cuts are approximate');
  const gapMs = precise ? finestGapMs.precise : finestGapMs.slow;
  const random = seededRandom(t.run.seed, t.id);
  const first = shuffled(spread(phases, spreadCount(count), random), random);
  const cuts: SweptCut[] = [];
  let leadMs = Infinity;
  try {
    while (cuts.length < count && t.findings.length < enoughFindings) {
      const chosen = first.length > 0 ? 'spread' : 'between';
      const point = first.shift() ?? nextPoint(phases, cuts, behaveDifferently, gapMs);
      if (point === undefined) break;
      const name = `cut ${cuts.length + 1} of ${count}: ${point.afterMs.toFixed(0)} ms into ${point.phase}`;
      await t.step(name, async () => {
        const { hit, look } = await make({ point, name, leadMs: leadMs === Infinity ? 0 : leadMs });
        leadMs = Math.min(leadMs, hit.tookMs);
        const { phase, afterMs: plannedMs } = point;
        const { inTime, landedMs } = hit;
        const cut = {
          phase,
          plannedMs,
          afterMs: landedMs,
          inTime,
          chosen,
          outcome: notBack,
          bootMs: NaN,
        } as const;
        const place = cuts.push(cut) - 1;
        cuts[place] = { ...cut, ...(await look()) };
      });
    }
  } finally {
    keepSweep(t, of, phases, cuts);
  }
  return cuts;
}

/** Boot times that differ this much belong to different work of the boot loader. */
const bootTimesDiffer = { factor: 2, byMs: 100 } as const;

/** Another image, another confirmation, or a start of another length. */
export function behaveDifferently(a: Behaviour, b: Behaviour): boolean {
  if (a.outcome !== b.outcome) return true;
  const [short, long] = [Math.min(a.bootMs, b.bootMs), Math.max(a.bootMs, b.bootMs)];
  return long > short * bootTimesDiffer.factor && long - short > bootTimesDiffer.byMs;
}

/** Writes the sweep to the record, and its sum into the case's notes. */
export function keepSweep(
  t: CaseContext,
  of: string,
  phases: readonly Phase[],
  cuts: readonly SweptCut[],
): void {
  if (t.ended) return;
  const coverage = coverageOf(phases, cuts);
  t.write('sweep', {
    of,
    seed: t.run.seed,
    phases: phases.map(({ name, lengthMs }, at) => ({
      name,
      lengthMs: rounded(lengthMs),
      planned: coverage[at]?.planned ?? 0,
      landed: coverage[at]?.landed ?? 0,
      coverage: coverage[at]?.percent ?? 0,
    })),
    points: cuts.map(({ phase, plannedMs, afterMs, inTime, outcome, chosen }) => ({
      phase,
      plannedMs: rounded(plannedMs),
      landedMs: rounded(afterMs),
      inTime,
      outcome,
      chosen,
    })),
  });
  t.note(`${cuts.length} cuts (seed ${t.run.seed.slice(0, 8)}…): ${counted(cuts)}`);
  t.note(`cuts that landed: ${coverage.map(landedIn).join(', ')}`);
}

function counted(cuts: readonly SweptCut[]): string {
  const outcomes = [...new Set(cuts.map(({ outcome }) => outcome))];
  return outcomes
    .map((wanted) => `${cuts.filter(({ outcome }) => outcome === wanted).length} ${wanted}`)
    .join(', ');
}

const landedIn = ({ phase, landed, planned, percent }: PhaseCoverage): string =>
  `${landed} of ${planned} in ${phase} (${percent} % covered)`;

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
