/** A plan, for people. */

import type { Depth } from '../lifecycle/run.ts';
import type { Cost, Stock } from './plan-cost.ts';

export interface PlannedCase {
  id: string;
  title: string;
  willRun: boolean;
  /** Why it does not apply to this device, from the declaration. */
  waiver: string | undefined;
  missing: string[];
  /** What to do about each missing thing. */
  next: string[];
  seconds: number;
}

export interface Plan {
  board: string;
  depth: Depth;
  /** Ways in through which attack images go. */
  ingresses: readonly string[];
  cases: PlannedCase[];
  /** Cases that only a deeper run has. */
  leftOut: string[];
  seconds: number;
  consumes: Omit<Cost, 'seconds'>;
  /** Undefined where the declaration names no way to repeat an update. */
  stock: Stock | undefined;
  mayHarm: { case: string; stimulus: string; allowed: boolean }[];
  /** True when the run would ask before it starts. */
  asksFirst: boolean;
  /** What each depth would cost. */
  depths: (Cost & { depth: Depth; cases: string[] })[];
}

/** Ends with a newline. */
export function planText(plan: Plan): string {
  const { updates, powerCycles, counterSteps } = plan.consumes;
  return `${[
    headline(plan),
    '',
    ...plan.cases.flatMap(caseLines),
    '',
    `At most about ${minutes(plan.seconds)}, by the declared boot time.`,
    `Consumes about ${updates} firmware updates (flash writes) and ${powerCycles} power cycles.`,
    ...stockLines(plan.stock),
    ...(counterSteps === 0 ? [] : [`Raises the security counter for good, by about ${counterSteps}.`]),
    ...harmLines(plan),
    ...depthLines(plan),
  ].join('\n')}\n`;
}

function headline({ board, depth, ingresses, cases }: Plan): string {
  const running = cases.filter(({ willRun }) => willRun).length;
  const waived = cases.filter(({ waiver }) => waiver !== undefined).length;
  const through = ingresses.length > 1 ? `, attack images through ${ingresses.join(', ')}` : '';
  const apart = waived === 0 ? '' : `, ${waived} ${waived === 1 ? 'does' : 'do'} not apply`;
  return `Plan for ${board}, depth ${depth}${through}: ${running} of ${cases.length} cases can run${apart}`;
}

function caseLines({ id, title, willRun, waiver, missing, next }: PlannedCase): string[] {
  if (waiver !== undefined) return [`waived ${id.padEnd(7)} ${title}`, `         ${waiver}`];
  return [
    `${willRun ? 'runs ' : 'LACKS'}  ${id.padEnd(7)} ${title}`,
    ...missing.map((what, index) => `         missing: ${what}\n         next: ${next[index] ?? ''}`),
  ];
}

function stockLines(stock: Stock | undefined): string[] {
  if (stock === undefined) return [];
  const { way, left, uses, without } = stock;
  const what = way === 'series' ? 'images' : 'installations';
  const said =
    left === undefined ? `the declaration does not say how many ${what} are left` : `${left} ${what} left`;
  const line = `Controls (${way}): ${said}, this run uses about ${uses}.`;
  if (without.length === 0) return [line];
  const cases = `${without.length} ${without.length === 1 ? 'case' : 'cases'} (${without.join(', ')})`;
  return [
    line,
    way === 'series'
      ? `NOT ENOUGH IMAGES: ${cases} will come out not-executed or inconclusive. Ask the vendor for ${uses - (left ?? 0)} more newer releases for images.series.`
      : `NOT ENOUGH INSTALLATIONS: ${cases} will wear the flash beyond what the declaration says that it is good for.`,
  ];
}

function harmLines({ mayHarm, asksFirst }: Plan): string[] {
  if (mayHarm.length === 0) return [];
  return [
    'Can harm the device:',
    ...mayHarm.map(
      ({ case: id, stimulus, allowed }) =>
        `  ${id}: ${stimulus} (${allowed ? 'allowed by the board file' : 'not allowed: the case will not run'})`,
    ),
    ...(asksFirst ? ['The run asks before it starts, unless --yes.'] : []),
  ];
}

function depthLines({ depths, depth: here }: Plan): string[] {
  return [
    'Depths; a deeper one also tries more attack images of each case:',
    ...depths.map(({ depth, cases, updates, powerCycles, seconds }, index) => {
      const before = depths[index - 1]?.cases ?? cases;
      const added = cases.filter((id) => !before.includes(id));
      const adds = added.length === 0 ? '' : `, adds ${added.join(', ')}`;
      const mark = depth === here ? '*' : ' ';
      return `${mark} ${depth.padEnd(8)}  ${cases.length} cases, ${updates} updates, ${powerCycles} power cycles, ${minutes(seconds)}${adds}`;
    }),
  ];
}

const minutes = (seconds: number): string => `${Math.ceil(seconds / 60)} min`;
