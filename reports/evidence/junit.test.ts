import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { writeMadeUpRun } from '../../harness/record/made-up-run.ts';
import { readRun } from '../../harness/record/read.ts';
import { modelOf, type RunModel } from '../../harness/record/run-model.ts';
import { junitXml } from './junit.ts';

describe('JUnit XML', () => {
  let folder: string;
  let model: RunModel;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'junit-'));
    writeMadeUpRun(folder);
    model = modelOf(readRun(folder).entries);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** The element of a case, with what is in it. */
  const element = (id: string): string =>
    new RegExp(`<testcase name="${id} ?[^>]*?(/>|>[^]*?</testcase>)`).exec(junitXml(model))?.[0] ?? '';

  it('is green on what conforms alone', () => {
    assert.match(element('SIG-01'), /\/>$/);
    assert.doesNotMatch(element('SIG-01'), /failure|error|skipped/);
    assert.match(element('SIG-02'), /<failure type="violates" message="the forged image runs/);
    for (const undecided of ['RB-02', 'ALM-02', 'RPL-02'])
      assert.match(element(undecided), /<error type="(inconclusive|error|not-executed)"/, undecided);
    assert.match(element('RPL-01'), /<skipped message="the device takes no commands/);
  });

  it('counts what it lists', () => {
    const xml = junitXml(model);
    const count = (tag: string) => xml.split(`<${tag} `).length - 1;
    const [, tests, failures, errors, skipped] =
      /<testsuites name="made-up-1" tests="(\d+)" failures="(\d+)" errors="(\d+)" skipped="(\d+)"/.exec(
        xml,
      ) ?? [];
    assert.deepEqual([tests, failures, errors, skipped].map(Number), [
      count('testcase'),
      count('failure'),
      count('error'),
      count('skipped'),
    ]);
    assert.equal(count('testcase'), model.cases.length);
  });

  it('is never green on a run that was ended before its time, or in which nothing ran', () => {
    const conforming = model.cases.filter(({ verdict }) => verdict === 'conforms');
    const whole = junitXml({ ...model, cases: conforming });
    assert.match(whole, /<testsuites [^>]*errors="0"/);
    assert.doesNotMatch(whole, /the run"/);
    const errorOfRun = /<testcase name="the run"[^>]*>\s*<error type="([a-z-]+)" message="/;
    const ended = junitXml({ ...model, cases: conforming, interrupted: true });
    assert.equal(errorOfRun.exec(ended)?.[1], 'interrupted');
    assert.match(
      ended,
      new RegExp(`<testsuites [^>]*tests="${conforming.length + 1}" failures="0" errors="1"`),
    );
    const empty = junitXml({ ...model, cases: [] });
    assert.equal(errorOfRun.exec(empty)?.[1], 'nothing-ran');
    assert.match(empty, /<testsuites [^>]*tests="1" failures="0" errors="1"/);
    const waived = model.cases.filter(({ verdict }) => verdict === 'not-applicable');
    assert.equal(errorOfRun.exec(junitXml({ ...model, cases: waived }))?.[1], 'nothing-ran');
    const gone = { case: 'SIG-01', findings: ['x'], reason: 'r', agreedBy: 'J. Doe', expires: '2999-12-31' };
    const known = { file: 'x.known.yaml', sha256: '', violations: [gone] };
    const stale = { ...model, cases: conforming, header: { ...model.header, known } };
    assert.equal(errorOfRun.exec(junitXml(stale))?.[1], 'known-list-stale');
  });

  it('says which faults were switched on, and the exit code of the command', () => {
    const said = (of: RunModel, name: string): string | undefined =>
      new RegExp(`<property name="${name}" value="([^"]*)"`).exec(junitXml(of))?.[1];
    const broken = { ...model, header: { ...model.header, defects: ['accept-unsigned', 'no-lock'] } };
    assert.equal(said(broken, 'faults switched on'), 'accept-unsigned, no-lock');
    assert.equal(said(model, 'faults switched on'), undefined);
    assert.equal(said({ ...model, cases: [], interrupted: true }, 'exit code'), '2');
    assert.equal(said(model, 'depth'), 'standard');
  });

  it('shows a finding with what was expected and observed', () => {
    assert.match(
      element('SIG-02'),
      /forged-image-installed\n {2}expected: version 4.2.0\n {2}observed: version 6.6.6/,
    );
  });

  it('keeps a device from writing XML: its words are text', () => {
    const [first] = model.cases;
    assert.ok(first);
    const reason = 'said "<boom/>" & \u0007 ]]>';
    const xml = junitXml({ ...model, cases: [{ ...first, verdict: 'violates', reason }] });
    assert.ok(xml.includes('said &quot;&lt;boom/&gt;&quot; &amp; \ufffd ]]&gt;'), xml);
    assert.ok(!xml.includes('<boom/>'));
  });
});
