/** `fieldproof plan`: what a run would do, consume and risk. Opens nothing but files. */

import { bootsWithinMs, depths, type Depth } from '../lifecycle/run.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import { withinDepth } from './depth.ts';
import { harmOf } from './harm.ts';
import { defaultBoard } from './paths.ts';
import type { RunOptions } from './options.ts';
import { costOf, stockOf, type Cost, type CostTerms } from './plan-cost.ts';
import { planText, type Plan, type PlannedCase } from './plan-text.ts';
import { readinessOf } from './readiness.ts';
import { prepare, type Prepared } from './prepare.ts';
import { loadSuites, selectCases } from './suites.ts';

/** @returns 0 when every case that applies can run, else 2 */
export async function planCommand(boardFile: string | undefined, options: RunOptions): Promise<number> {
  const prepared = await prepare(boardFile ?? defaultBoard());
  await loadSuites();
  const chosen = selectCases(prepared.catalogue, options.case, options.suite);
  const plan = planOf(prepared, chosen, options);
  process.stdout.write(options.json === true ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan));
  const allRun = plan.cases.every(({ willRun, waiver }) => willRun || waiver !== undefined);
  return allRun && (plan.stock?.without.length ?? 0) === 0 ? 0 : 2;
}

/** What to plan for; of a run's options. */
export type PlanOptions = Pick<RunOptions, 'depth' | 'ingress' | 'case'>;

export function planOf(prepared: Prepared, chosen: readonly RegisteredCase[], options: PlanOptions): Plan {
  const { board, declaration } = prepared;
  const { selected, leftOut } = withinDepth(chosen, options.depth, options.case);
  const ingresses = Object.keys(board.profile.firmware?.ingresses ?? {});
  const ways = options.ingress === 'all' ? Math.max(1, ingresses.length) : 1;
  const terms: CostTerms = { bootSeconds: bootsWithinMs(prepared) / 1000, ways };
  const cases = selected.map((one) => plannedCase(prepared, one, terms));
  const running = selected.filter((_each, index) => cases[index]?.willRun === true);
  const { seconds, ...consumes } = costOf(running, terms);
  return {
    board: board.title,
    depth: options.depth,
    ingresses: options.ingress === 'all' ? ingresses : ingresses.slice(0, 1),
    cases,
    leftOut: leftOut.map(({ id }) => id),
    seconds,
    consumes,
    stock: stockOf(running, terms, declaration.controls, board.images.series?.length ?? 0),
    mayHarm: selected.flatMap(({ id, plan }) =>
      plan.mayHarm === undefined
        ? []
        : [{ case: id, stimulus: plan.mayHarm, allowed: allows(board.allow, plan.mayHarm) }],
    ),
    asksFirst: harmOf(prepared, selected).length > 0,
    depths: depths.map((depth) => depthCost(prepared, chosen, depth, options, terms)),
  };
}

const allows = (list: readonly string[] | undefined, stimulus: string): boolean =>
  list?.includes(stimulus) ?? false;

function plannedCase(prepared: Prepared, one: RegisteredCase, terms: CostTerms): PlannedCase {
  const { waiver, missing, refused, willRun } = readinessOf(prepared, one);
  return {
    id: one.id,
    title: one.title,
    willRun,
    waiver,
    missing: [
      ...missing.map(({ what }) => what),
      ...(refused === undefined ? [] : [`permission for "${refused}"`]),
    ],
    next: [
      ...missing.map(({ next }) => next),
      ...(refused === undefined ? [] : [`Add "${refused}" to allow:, if this device may be lost.`]),
    ],
    seconds: costOf([one], terms).seconds,
  };
}

/** What a run at another depth would cost: cases and their updates, as far as they are known beforehand. */
function depthCost(
  prepared: Prepared,
  chosen: readonly RegisteredCase[],
  depth: Depth,
  options: PlanOptions,
  terms: CostTerms,
): Cost & { depth: Depth; cases: string[] } {
  const running = withinDepth(chosen, depth, options.case).selected.filter(
    (one) => readinessOf(prepared, one).willRun,
  );
  return { depth, cases: running.map(({ id }) => id), ...costOf(running, terms) };
}
