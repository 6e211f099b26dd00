/** Why a case did not pass, as the report groups it: by our verdict, never by the look of an error. */

import { type Status } from 'allure-js-commons';
import type { Category } from 'allure-js-commons/sdk';
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

const others = Object.entries(titles) as [Exclude<Verdict, 'conforms'>, string][];

/** Every message begins with the verdict (see `messageOf`), so that a category is told by it alone. */
export const categoryRules: CategoryRule[] = others.map(([verdict, name]) => ({
  id: verdict,
  name,
  matchers: { statuses: [statusOf[verdict]], message: `^${verdict}: ` },
}));

/** The same for categories.json, which Allure 2 and other readers take. */
export const categoriesFile: Category[] = others.map(([verdict, name]) => ({
  name,
  matchedStatuses: [statusOf[verdict] as Status],
  messageRegex: `^${verdict}: [\\s\\S]*`,
}));

export function messageOf(verdict: Verdict, reason: string): string {
  return `${verdict}: ${reason}`;
}
