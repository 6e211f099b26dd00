/** What a run costs a device, from the plans of its cases: updates, power cycles, time, and the stock of controls. */

import type { Declaration } from '../board/index.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';

export interface Cost {
  /** Complete firmware updates; each is a control or a genuine image beside it. */
  updates: number;
  powerCycles: number;
  /** Steps by which the security counter is raised for good. */
  counterSteps: number;
  seconds: number;
}

export interface CostTerms {
  /** Declared boot time. */
  bootSeconds: number;
  /** Ways in through which each attack image goes. */
  ways: number;
}

/** A batch has one control before, one after, and one power cycle for all that was offered between them. */
const batchCosts = { updates: 2, powerCycles: 1 } as const;

/** One case, or all cases of a batch, which share their controls: what they cost together. */
interface Share {
  members: readonly RegisteredCase[];
  updates: number;
  powerCycles: number;
  seconds: number;
}

/** What these cases cost together. A case that offers attack images does so once per way in. */
export function costOf(cases: readonly RegisteredCase[], terms: CostTerms): Cost {
  const shares = sharesOf(cases, terms);
  const updates = total(shares, (share) => share.updates);
  const powerCycles = total(shares, (share) => share.powerCycles);
  const seconds = total(shares, (share) => share.seconds) + (updates + powerCycles) * terms.bootSeconds;
  const counterSteps = cases.filter(({ plan }) => plan.mayHarm === 'counter-step').length;
  return { updates, powerCycles, counterSteps, seconds };
}

function sharesOf(cases: readonly RegisteredCase[], { ways }: CostTerms): Share[] {
  const groups = new Map<object, RegisteredCase[]>();
  for (const one of cases) {
    const key = one.batch ?? one;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups].map(([key, members]) => {
    const isBatch = members[0]?.batch === key;
    const times = isBatch ? ways : 1;
    const least = isBatch ? batchCosts : { updates: 0, powerCycles: 0 };
    const updates = total(members, ({ plan }) => plan.updates ?? 0);
    const powerCycles = total(members, ({ plan }) => plan.powerCycles ?? 0);
    return {
      members,
      updates: times * Math.max(updates, least.updates),
      powerCycles: times * Math.max(powerCycles, least.powerCycles),
      seconds: times * total(members, ({ plan }) => plan.seconds ?? 1),
    };
  });
}

const total = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);

/** Whether the legitimate updates that a run needs can be had. */
export interface Stock {
  way: 'reinstall' | 'pair' | 'series';
  /** Images of the series still unused, or installations that the flash is good for; undefined: not declared. */
  left: number | undefined;
  /** About so many this run uses. */
  uses: number;
  /** Cases for which nothing is left. */
  without: readonly string[];
}

/**
 * @param cases in their order: the first ones take what there is
 * @param listed images of `images.series` in the board file
 * @returns undefined where the declaration names no way to repeat an update
 */
export function stockOf(
  cases: readonly RegisteredCase[],
  terms: CostTerms,
  controls: Declaration['controls'],
  listed: number,
): Stock | undefined {
  if (controls === undefined) return undefined;
  const { way } = controls;
  const left = way === 'series' ? Math.min(controls.left, listed) : controls.left;
  let uses = 0;
  const without = sharesOf(cases, terms).flatMap(({ members, updates }) => {
    uses += updates;
    return updates > 0 && uses > (left ?? Infinity) ? members.map(({ id }) => id) : [];
  });
  return { way, left, uses, without };
}
