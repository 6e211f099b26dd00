/** `fieldproof plan`: what a run would do, consume and risk. Opens nothing but files. */

import { missingNeeds } from '../lifecycle/needs.ts';
import { bootsWithinMs } from '../lifecycle/run.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import { defaultBoard } from './paths.ts';
import type { RunOptions } from './options.ts';
import { prepare, type Prepared } from './session.ts';
import { loadSuites, selectCases } from './suites.ts';

interface PlannedCase {
  id: string;
  title: string;
  willRun: boolean;
  missing: string[];
  next: string[];
  seconds: number;
}

interface Plan {
  board: string;
  cases: PlannedCase[];
  seconds: number;
  consumes: { updates: number; powerCycles: number; controlsLeft: number | undefined };
  mayHarm: { case: string; stimulus: string; allowed: boolean }[];
}

export async function planCommand(boardFile: string | undefined, options: RunOptions): Promise<number> {
  const prepared = await prepare(boardFile ?? defaultBoard());
  await loadSuites();
  const selected = selectCases(prepared.catalogue, options.case, options.suite);
  const plan = planOf(prepared, selected);
  process.stdout.write(options.json === true ? `${JSON.stringify(plan, null, 2)}\n` : asText(plan));
  return plan.cases.every(({ willRun }) => willRun) ? 0 : 2;
}

function planOf(prepared: Prepared, selected: readonly RegisteredCase[]): Plan {
  const { board, declaration } = prepared;
  const boot = bootsWithinMs(declaration) / 1000;
  const cases = selected.map(({ id, title, plan }) => {
    const missing = missingNeeds(plan.needs, board);
    const refused = plan.mayHarm !== undefined && !allowed(board.allow, plan.mayHarm);
    const seconds = (plan.updates ?? 0) * boot + (plan.powerCycles ?? 0) * boot + (plan.seconds ?? 1);
    return {
      id,
      title,
      willRun: missing.length === 0 && !refused,
      missing: [
        ...missing.map(({ what }) => what),
        ...(refused ? [`permission for "${plan.mayHarm ?? ''}"`] : []),
      ],
      next: [
        ...missing.map(({ next }) => next),
        ...(refused ? [`Add "${plan.mayHarm ?? ''}" to allow:.`] : []),
      ],
      seconds,
    };
  });
  const running = selected.filter((_each, index) => cases[index]?.willRun === true);
  const sum = (of: (plan: RegisteredCase['plan']) => number): number =>
    running.reduce((total, { plan }) => total + of(plan), 0);
  return {
    board: board.title,
    cases,
    seconds: cases.filter(({ willRun }) => willRun).reduce((total, { seconds }) => total + seconds, 0),
    consumes: {
      updates: sum((plan) => plan.updates ?? 0),
      powerCycles: sum((plan) => plan.powerCycles ?? 0),
      controlsLeft: declaration.controls?.left,
    },
    mayHarm: selected.flatMap(({ id, plan }) =>
      plan.mayHarm === undefined
        ? []
        : [{ case: id, stimulus: plan.mayHarm, allowed: allowed(board.allow, plan.mayHarm) }],
    ),
  };
}

const allowed = (list: readonly string[] | undefined, stimulus: string): boolean =>
  list?.includes(stimulus) ?? false;

function asText(plan: Plan): string {
  const rows = plan.cases.flatMap(({ id, title, willRun, missing, next }) => [
    `${willRun ? 'runs ' : 'LACKS'}  ${id.padEnd(7)} ${title}`,
    ...missing.map((what, index) => `         missing: ${what}\n         next: ${next[index] ?? ''}`),
  ]);
  const { updates, powerCycles, controlsLeft } = plan.consumes;
  const harm = plan.mayHarm.map(
    ({ case: id, stimulus, allowed: isAllowed }) =>
      `  ${id}: ${stimulus} (${isAllowed ? 'allowed by the board file' : 'not allowed: the case will not run'})`,
  );
  return `${[
    `Plan for ${plan.board}: ${plan.cases.filter(({ willRun }) => willRun).length} of ${plan.cases.length} cases can run`,
    '',
    ...rows,
    '',
    `At most about ${Math.ceil(plan.seconds / 60)} min, by the declared boot time.`,
    `Consumes about ${updates} firmware updates (flash writes) and ${powerCycles} power cycles` +
      `${controlsLeft === undefined ? '' : `; the declaration leaves ${controlsLeft} controls`}.`,
    ...(harm.length === 0 ? [] : ['Can harm the device:', ...harm]),
  ].join('\n')}\n`;
}
