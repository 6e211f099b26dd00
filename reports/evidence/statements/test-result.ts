/** The run in a form that other tools know: an in-toto test result. It has three words where we have six. */

import type { RunModel } from '../../../harness/record/run-model.ts';
import type { Verdict } from '../../../harness/verdict.ts';
import { statementType, subjectOf, testResultPredicate, type Statement, type Subject } from './statement.ts';

type Result = 'PASSED' | 'WARNED' | 'FAILED';

/** What does not apply is in no list: it was no test of this device. */
const lists: Readonly<Record<Verdict, 'passedTests' | 'warnedTests' | 'failedTests' | undefined>> = {
  violates: 'failedTests',
  error: 'failedTests',
  inconclusive: 'warnedTests',
  'not-executed': 'warnedTests',
  conforms: 'passedTests',
  'not-applicable': undefined,
};

/**
 * @param model of a run, interrupted or not
 * @param recordSha256 of its record.jsonl: without it the statement could be shown beside another run
 */
export function testResult(model: RunModel, recordSha256: string): Statement {
  const { header } = model;
  const named = (list: string) =>
    model.cases.filter(({ verdict }) => lists[verdict] === list).map(({ id }) => id);
  const tests = {
    passedTests: named('passedTests'),
    warnedTests: named('warnedTests'),
    failedTests: named('failedTests'),
  };
  return {
    _type: statementType,
    subject: subjectsOf(model),
    predicateType: testResultPredicate,
    predicate: {
      result: resultOf(model, tests),
      configuration: [
        subjectOf(`catalogue ${header.catalogue.version}`, header.catalogue.sha256),
        subjectOf(header.board.file, header.board.sha256),
        subjectOf(header.declaration.file, header.declaration.sha256),
        ...(header.inputs ?? []).map(({ name, sha256 }) => subjectOf(`inputs/${name}`, sha256)),
        subjectOf('record.jsonl', recordSha256),
      ],
      ...tests,
    },
  };
}

/** Firmware and models that were tested; where the board names none, the declaration stands for the device. */
function subjectsOf({ header }: RunModel): Subject[] {
  const images = header.images.map(({ name, sha256 }) => subjectOf(name, sha256));
  return images.length > 0 ? images : [subjectOf(header.declaration.file, header.declaration.sha256)];
}

/** A run that was interrupted, or in which nothing conforms, has not passed. */
function resultOf(
  { interrupted }: RunModel,
  tests: Readonly<Record<'passedTests' | 'warnedTests' | 'failedTests', readonly string[]>>,
): Result {
  if (tests.failedTests.length > 0) return 'FAILED';
  if (interrupted || tests.warnedTests.length > 0 || tests.passedTests.length === 0) return 'WARNED';
  return 'PASSED';
}
