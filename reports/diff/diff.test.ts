import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { writeMadeUpRun } from '../../harness/record/made-up-run.ts';
import { readRun } from '../../harness/record/read.ts';
import { modelOf, type CaseModel, type RunModel } from '../../harness/record/run-model.ts';
import { compareRuns, noneIsWorse } from './compare.ts';
import { renderDiff } from './text.ts';

describe('the comparison of two runs', () => {
  let folder: string;
  let run: RunModel;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'diff-'));
    writeMadeUpRun(folder);
    run = modelOf(readRun(folder).entries);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** The run with one case changed. */
  const withCase = (id: string, change: Partial<CaseModel>): RunModel => ({
    ...run,
    runId: 'later',
    cases: run.cases.map((one) => (one.id === id ? { ...one, ...change } : one)),
  });

  it('says nothing of a run and itself', () => {
    const diff = compareRuns(run, run);
    assert.deepEqual([diff.cases, diff.figures, diff.conditions, diff.device], [[], [], [], []]);
    assert.equal(diff.unchanged, run.cases.length);
    assert.ok(noneIsWorse(diff));
  });

  it('finds a case that fell, and one that rose, each with both reasons', () => {
    const fell = compareRuns(run, withCase('SIG-01', { verdict: 'violates', reason: 'it runs' }));
    assert.deepEqual(
      fell.cases.map(({ id, kind }) => [id, kind]),
      [['SIG-01', 'worse']],
    );
    assert.ok(!noneIsWorse(fell));
    assert.match(
      renderDiff(fell),
      /Worse\n {2}SIG-01 conforms → violates.*\n.*was: refused, and.*\n.*is: {2}it runs/,
    );
    const rose = compareRuns(run, withCase('SIG-02', { verdict: 'conforms', reason: 'refused' }));
    assert.deepEqual(
      rose.cases.map(({ kind }) => kind),
      ['better'],
    );
    assert.ok(noneIsWorse(rose));
  });

  it('does not take silence for success: a decided case that is missing, or was not executed, is worse', () => {
    const missing = { ...run, cases: run.cases.filter(({ id }) => id !== 'SIG-01') };
    assert.ok(!noneIsWorse(compareRuns(run, missing)));
    assert.ok(!noneIsWorse(compareRuns(run, withCase('SIG-01', { verdict: 'not-executed' }))));
  });

  it('takes a violation that is new, or that is new in kind, for worse', () => {
    const violating = run.cases.find(({ id }) => id === 'SIG-02');
    assert.ok(violating);
    const without = { ...run, cases: run.cases.filter(({ id }) => id !== 'SIG-02') };
    const came = compareRuns(without, run);
    assert.deepEqual(
      came.cases.map(({ kind }) => kind),
      ['only-after'],
    );
    assert.ok(!noneIsWorse(came));
    assert.match(renderDiff(came), /cases are unchanged\. Something is worse\.\n$/);
    const more = [...violating.findings, { code: 'counter-lowered', expected: 'a', observed: 'b' }];
    assert.ok(!noneIsWorse(compareRuns(run, withCase('SIG-02', { findings: more }))));
    const fewer = compareRuns(withCase('SIG-02', { findings: more }), run);
    assert.equal(fewer.cases.length, 1);
    assert.ok(noneIsWorse(fewer));
    assert.match(renderDiff(fewer), /cases are unchanged\. Nothing is worse\.\n$/);
    const conforming = { ...run, cases: run.cases.filter(({ id }) => id !== 'SIG-01') };
    assert.ok(noneIsWorse(compareRuns(conforming, run)), 'a case that is new and conforms is not worse');
  });

  it('misses nothing that had never been decided', () => {
    for (const [id, worse] of [
      ['RPL-02', false],
      ['RPL-01', false],
      ['RB-02', false],
      ['ALM-02', false],
      ['SIG-02', true],
      ['SIG-01', true],
    ] as const) {
      const missing = { ...run, cases: run.cases.filter((one) => one.id !== id) };
      const diff = compareRuns(run, missing);
      assert.deepEqual(
        diff.cases.map(({ kind }) => kind),
        ['only-before'],
      );
      assert.equal(!noneIsWorse(diff), worse, id);
    }
  });

  it('says which of the two runs was ended before its time', () => {
    assert.doesNotMatch(renderDiff(compareRuns(run, run)), /before its time/);
    const later = compareRuns(run, { ...run, runId: 'later', interrupted: true });
    assert.deepEqual(later.interrupted, ['later']);
    assert.match(
      renderDiff(later),
      /made-up-1 → later\nlater was ended before its time: what it did not reach is no change of the device\.\n/,
    );
    const both = compareRuns({ ...run, interrupted: true }, { ...run, runId: 'later', interrupted: true });
    assert.match(renderDiff(both), /\nmade-up-1 and later were ended before their time: /);
  });

  it('compares no figures of which no uncertainty is recorded, and says so', () => {
    const one = run.cases.find(({ id }) => id === 'SIG-01');
    const [first] = one?.measurements ?? [];
    assert.ok(first);
    const { uncertainty: _none, ...bare } = first;
    for (const [was, is] of [
      [bare, bare],
      [first, bare],
      [bare, first],
    ] as const) {
      const before = withCase('SIG-01', { measurements: [was] });
      const diff = compareRuns(before, withCase('SIG-01', { measurements: [{ ...is, value: 400 }] }));
      assert.deepEqual([diff.figures, diff.notCompared], [[], 1]);
      assert.match(
        renderDiff(diff),
        /1 figure differs, and is not compared: its uncertainty is not on record\./,
      );
    }
    assert.equal(compareRuns(run, run).notCompared, 0);
    assert.doesNotMatch(renderDiff(compareRuns(run, run)), /not compared/);
  });

  it('calls nothing better that the declaration waives now', () => {
    const waived = compareRuns(run, withCase('SIG-02', { verdict: 'not-applicable' }));
    assert.deepEqual(
      waived.cases.map(({ kind }) => kind),
      ['other'],
    );
  });

  it('tells other findings under the same verdict', () => {
    const findings = [{ code: 'no-power', expected: 'a', observed: 'b' }];
    const [change] = compareRuns(run, withCase('SIG-02', { findings })).cases;
    assert.ok(change?.kind === 'findings');
    assert.deepEqual([change.gone, change.come], [['forged-image-installed'], ['no-power']]);
  });

  it('tells a figure only when it differs by more than both uncertainties', () => {
    const measured = (value: number) => {
      const one = run.cases.find(({ id }) => id === 'SIG-01');
      const [first] = one?.measurements ?? [];
      assert.ok(first && first.value === 41 && first.uncertainty === 5);
      return withCase('SIG-01', { measurements: [{ ...first, value }] });
    };
    assert.deepEqual(compareRuns(run, measured(51)).figures, []);
    const [figure] = compareRuns(run, measured(52)).figures;
    assert.deepEqual([figure?.before, figure?.after, figure?.uncertainty, figure?.limit], [41, 52, 10, 500]);
  });

  it('says when more than the device differs', () => {
    const { header } = run;
    const other = {
      ...run,
      header: {
        ...header,
        depth: 'smoke' as const,
        device: { ...header.device, firmware: '4.3.0' },
        images: header.images.map((image) => ({ ...image, sha256: '9'.repeat(64) })),
      },
    };
    const diff = compareRuns(run, other);
    assert.deepEqual(diff.conditions, [{ what: 'depth', before: 'standard', after: 'smoke' }]);
    assert.deepEqual(
      diff.device.map(({ what }) => what),
      ['firmware', 'image golden', 'image previous'],
    );
    assert.match(renderDiff(diff), /More than the device differs.*\n {2}depth: standard → smoke/);
  });

  it('lets no device write to the terminal', () => {
    const text = renderDiff(
      compareRuns(run, withCase('SIG-01', { verdict: 'error', reason: 'a\u001b[2Jb' })),
    );
    assert.ok(!text.includes('\u001b'));
  });
});
