/** Why a case did not pass, as the report groups it: by our verdict, never by the look of an error. */

import { type Status } from 'allure-js-commons';
import type { Category } from 'allure-js-commons/sdk';
import type { KnownJudgement } from '../../harness/record/known-violations.ts';
import type { Verdict } from '../../harness/verdict.ts';
import type { AllureStatus } from './plan.ts';

export const statusOf: Readonly<Record<Verdict, AllureStatus>> = {
  conforms: 'passed',
  violates: 'failed',
  inconclusive: 'broken',
  error: 'broken',
  'not-applicable': 'skipped',
  'not-executed': 'skipped',
};

const titles: Readonly<Record<Exclude<Verdict, 'conforms'>, string>> = {
  violates: 'The device violates its requirement',
  error: 'The bench failed',
  inconclusive: 'Not decided by what was seen',
  'not-executed': 'Not executed',
  'not-applicable': 'Not applicable, as declared',
};

/** A rule as Allure 3 takes it in its configuration; it does not read categories.json. */
export interface CategoryRule {
  id: string;
  name: string;
  matchers: { statuses: AllureStatus[]; message: string };
}

/** A violation on the board's list, in time: a group of its own, and as red as the others. */
const knownRule: CategoryRule = {
  id: 'known',
  name: 'Known violations, agreed until a day',
  matchers: { statuses: [statusOf.violates], message: '^violates \\(known until ' },
};

const others = Object.entries(titles) as [Exclude<Verdict, 'conforms'>, string][];

/** Every message begins with the verdict (see `messageOf`), so that a category is told by it alone. */
export const categoryRules: CategoryRule[] = [
  ...others.map(([verdict, name]) => ({
    id: verdict,
    name,
    matchers: { statuses: [statusOf[verdict]], message: `^${verdict}: ` },
  })),
  knownRule,
];

/** The same for categories.json, which Allure 2 and other readers take. */
export const categoriesFile: Category[] = categoryRules.map(({ name, matchers }) => ({
  name,
  matchedStatuses: matchers.statuses as Status[],
  messageRegex: `${matchers.message}[\\s\\S]*`,
}));

/** @param known the entry of the board's list, when the violation is the one that it names */
export function messageOf(verdict: Verdict, reason: string, known?: KnownJudgement): string {
  if (verdict !== 'violates' || known?.outcome !== 'happened') return `${verdict}: ${reason}`;
  return `${verdict} (known until ${known.expires}): ${reason}`;
}
