/**
 * JUnit XML, for the build servers that show nothing else.
 *
 * It knows passed, failed, error and skipped: *violates* is a failure; *error*, *inconclusive* and *not-executed* are
 * errors, since nothing was shown and a build must not be green on it; *not-applicable* is skipped. What keeps the run as
 * a whole from ending with 0 has no case of its own: it is the error of an artificial one, `the run`.
 *
 * Source: the form that Apache Ant's JUnitReport wrote and that build servers read; there is no standard.
 */

import { exitCodeOfModel, isStale, judgeKnown } from '../../harness/record/known-violations.ts';
import type { CaseModel, RunModel } from '../../harness/record/run-model.ts';
import type { MakeParts } from './part.ts';

export const junitParts: MakeParts = (source) => [
  {
    path: 'junit.xml',
    mediaType: 'application/xml',
    about: 'Verdicts as JUnit XML, for build servers',
    content: { bytes: Buffer.from(junitXml(source.model), 'utf8') },
  },
];

/** What is listed of a case. */
type Listed = Pick<CaseModel, 'id' | 'title' | 'suite' | 'verdict' | 'reason' | 'findings' | 'tookMs'> & {
  /** Of the error, where it is not the verdict. */
  type?: string;
};

/** @returns the document, UTF-8 */
export function junitXml(model: RunModel): string {
  const cases = [...theRun(model), ...model.cases];
  const suites = [...new Set(cases.map(({ suite }) => suite || 'not started'))];
  const properties = propertiesOf(model);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: model.runId, ...countsOf(cases) })}>`,
    ...suites.map((suite) =>
      suiteXml(
        suite,
        cases.filter((one) => (one.suite || 'not started') === suite),
        { startedAt: model.startedAt.tUtc, properties },
      ),
    ),
    '</testsuites>',
    '',
  ].join('\n');
}

function propertiesOf(model: RunModel): Record<string, string> {
  const { board, harness, catalogue, depth, defects } = model.header;
  return {
    board: board.name,
    harness,
    catalogue: catalogue.version,
    depth,
    ...(defects.length === 0 ? {} : { 'faults switched on': defects.join(', ') }),
    verdict: model.verdict,
    'exit code': String(exitCodeOfModel(model)),
    interrupted: String(model.interrupted),
  };
}

/** The artificial case; none where the cases alone say what the run came to. */
function theRun(model: RunModel): Listed[] {
  const listed = (type: string, reason: string): Listed[] => [
    {
      id: 'the run',
      title: '',
      suite: 'the run',
      verdict: 'not-executed',
      type,
      reason,
      findings: [],
      tookMs: 0,
    },
  ];
  if (model.interrupted)
    return listed('interrupted', 'the run was ended before its time: cases may be missing');
  if (model.cases.every(({ verdict }) => verdict === 'not-applicable'))
    return listed('nothing-ran', 'no case of this run was executed');
  if (judgeKnown(model).some(isStale))
    return listed(
      'known-list-stale',
      'the list of known violations names what no longer happens: correct it',
    );
  return [];
}

function suiteXml(
  name: string,
  cases: readonly Listed[],
  { startedAt, properties }: { startedAt: string; properties: Readonly<Record<string, string>> },
): string {
  const timestamp = startedAt.replace(/\.\d+Z$/, '');
  return [
    `  <testsuite${attributes({ name, timestamp, ...countsOf(cases) })}>`,
    '    <properties>',
    ...Object.entries(properties).map(
      ([key, value]) => `      <property${attributes({ name: key, value })}/>`,
    ),
    '    </properties>',
    ...cases.map(caseXml),
    '  </testsuite>',
  ].join('\n');
}

function caseXml(one: Listed): string {
  const opening = `    <testcase${attributes({
    name: `${one.id} ${one.title}`.trim(),
    classname: one.suite || 'not started',
    time: seconds(one.tookMs),
  })}`;
  const outcome = outcomeXml(one);
  return outcome === undefined ? `${opening}/>` : `${opening}>\n      ${outcome}\n    </testcase>`;
}

function outcomeXml({ verdict, type = verdict, reason, findings }: Listed): string | undefined {
  const details = findings.map(
    ({ code, expected, observed }) => `${code}\n  expected: ${expected}\n  observed: ${observed}`,
  );
  const text = escaped([reason, ...details].join('\n'));
  switch (verdict) {
    case 'conforms':
      return undefined;
    case 'not-applicable':
      return `<skipped${attributes({ message: reason })}/>`;
    case 'violates':
      return `<failure${attributes({ type: verdict, message: reason })}>${text}</failure>`;
    case 'error':
    case 'inconclusive':
    case 'not-executed':
      return `<error${attributes({ type, message: reason })}>${text}</error>`;
  }
}

function countsOf(cases: readonly Listed[]): Record<string, string | number> {
  const count = (...wanted: string[]) => cases.filter(({ verdict }) => wanted.includes(verdict)).length;
  return {
    tests: cases.length,
    failures: count('violates'),
    errors: count('error', 'inconclusive', 'not-executed'),
    skipped: count('not-applicable'),
    time: seconds(cases.reduce((sum, { tookMs }) => sum + tookMs, 0)),
  };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value)).replace(/\s+/g, ' ')}"`)
    .join('');
}

/** Text for XML 1.0, which has no place for most control characters (W3C Recommendation, fifth edition, 2.2). */
function escaped(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
