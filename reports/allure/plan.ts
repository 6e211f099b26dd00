/** What the worker that runs allure-mocha is told: plain data, no judgement left to it. */

import type { Category, EnvironmentInfo } from 'allure-js-commons/sdk';
import type { CategoryRule } from './categories.ts';

export type AllureStatus = 'passed' | 'failed' | 'broken' | 'skipped';

export interface PlannedAttachment {
  name: string;
  type: string;
  /** File name inside the results folder, written already. */
  source: string;
}

export interface PlannedStep {
  name: string;
  status: AllureStatus;
  message?: string;
  /** Milliseconds since 1970. */
  start: number;
  stop: number;
  steps: PlannedStep[];
}

export interface PlannedTest {
  caseId: string;
  /** Shown in the report: id and title. */
  name: string;
  suite: string;
  status: AllureStatus;
  message: string;
  trace: string;
  /** Stable over report makings of one run. */
  uuid: string;
  testCaseId: string;
  historyId: string;
  description: string;
  start: number;
  stop: number;
  labels: { name: string; value: string }[];
  parameters: { name: string; value: string; excluded: boolean }[];
  steps: PlannedStep[];
  attachments: PlannedAttachment[];
}

export interface AllurePlan {
  results: string;
  /** Path of the single HTML file. */
  report: string;
  title: string;
  runId: string;
  history: { file: string; limit: number };
  environment: EnvironmentInfo;
  categories: Category[];
  rules: CategoryRule[];
  tests: PlannedTest[];
}
