/** allure-mocha, told by the record what each test came to. */

import { Stage, type Status, type TestResult } from 'allure-js-commons';
import type { StepResult } from 'allure-js-commons';
import allureMocha from 'allure-mocha';
import Mocha from 'mocha';
import type { AllurePlan, PlannedStep, PlannedTest } from './plan.ts';

// The package's types describe its CommonJS build, in which the class is a member; imported as a module it is the class.
const AllureMochaReporter = allureMocha as unknown as Mocha.ReporterConstructor;

/**
 * A reporter class for one plan.
 *
 * The listener has the last word on every result, for allure-mocha would guess a status from an error's message, lose
 * the reason of a skip, hash file paths into ids, and add the host's name.
 */
export function reporterFor(plan: AllurePlan): Mocha.ReporterConstructor {
  const byId = new Map(plan.tests.map((test) => [test.caseId, test]));
  const beforeTestResultWrite = (result: TestResult) => {
    const test = byId.get(result.name ?? '');
    if (test === undefined)
      throw new Error(`allure-mocha wrote a test that is not in the record: ${result.name}`);
    settle(result, test);
  };
  return class RecordReporter extends AllureMochaReporter {
    constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
      const { results: resultsDir, environment: environmentInfo, categories } = plan;
      const reporterOptions = {
        resultsDir,
        environmentInfo,
        categories,
        listeners: [{ beforeTestResultWrite }],
      };
      super(runner, { ...options, reporterOptions });
    }
  };
}

function settle(result: TestResult, test: PlannedTest): void {
  result.uuid = test.uuid;
  result.testCaseId = test.testCaseId;
  result.historyId = test.historyId;
  result.name = test.name;
  result.fullName = `${test.suite}: ${test.caseId}`;
  result.titlePath = [test.suite];
  result.status = test.status as Status;
  result.statusDetails =
    test.status === 'passed'
      ? {}
      : { message: test.message, ...(test.trace === '' ? {} : { trace: test.trace }) };
  result.start = test.start;
  result.stop = test.stop;
  result.labels = test.labels;
  result.links = [];
  result.parameters = test.parameters;
  result.description = test.description;
  result.steps = test.steps.map(stepResult);
  result.attachments = test.attachments;
}

function stepResult(step: PlannedStep): StepResult {
  return {
    name: step.name,
    status: step.status as Status,
    statusDetails: step.message === undefined ? {} : { message: step.message },
    stage: Stage.FINISHED,
    start: step.start,
    stop: step.stop,
    steps: step.steps.map(stepResult),
    attachments: [],
    parameters: [],
  };
}

/** Mocha tests that come to what the record says, run through allure-mocha. Resolves when all results are written. */
export async function rebuild(plan: AllurePlan): Promise<void> {
  const mocha = new Mocha({ reporter: reporterFor(plan), timeout: 0, retries: 0, failZero: false });
  const suites = new Map<string, Mocha.Suite>();
  for (const planned of plan.tests) {
    const suite = suites.get(planned.suite) ?? Mocha.Suite.create(mocha.suite, planned.suite);
    suites.set(planned.suite, suite);
    suite.addTest(mochaTest(planned));
  }
  await new Promise<void>((resolve) => mocha.run(() => resolve()));
}

function mochaTest({ caseId, status, message, suite }: PlannedTest): Mocha.Test {
  const come = () => {
    if (status !== 'passed') throw new Error(message);
  };
  const test = status === 'skipped' ? new Mocha.Test(caseId) : new Mocha.Test(caseId, come);
  // Without a file the reporter dies silently.
  test.file = `suites/${suite}`;
  return test;
}
