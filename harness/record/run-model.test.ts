import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { madeUpCases, madeUpHeader, madeUpVerdicts, writeMadeUpRun } from './made-up-run.ts';
import { readRun } from './read.ts';
import { RunRecord } from './record.ts';
import { modelOf, type RunModel } from './run-model.ts';

describe('The model of a run', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'model-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const model = (options?: Parameters<typeof writeMadeUpRun>[1]): RunModel => {
    writeMadeUpRun(dir, options);
    return modelOf(readRun(dir).entries);
  };
  const one = (run: RunModel, id: string) => {
    const found = run.cases.find((item) => item.id === id);
    assert.ok(found !== undefined, id);
    return found;
  };

  it('has every selected case once, in order, with its verdict', () => {
    const run = model();
    assert.deepEqual(
      run.cases.map(({ id }) => id),
      [...madeUpCases],
    );
    assert.deepEqual(Object.fromEntries(run.cases.map(({ id, verdict }) => [id, verdict])), madeUpVerdicts);
    assert.equal(run.verdict, 'violates');
    assert.equal(run.exitCode, 1);
    assert.deepEqual(run.counts, {
      violates: 2,
      error: 1,
      inconclusive: 2,
      'not-executed': 2,
      conforms: 4,
      'not-applicable': 1,
    });
    assert.equal(run.interrupted, false);
    assert.equal(run.root?.length, 64);
    assert.equal(run.bench.length, 3);
  });

  it('turns a provisional conforms without its closing control into inconclusive, and lets a violation stand', () => {
    const run = model();
    assert.match(one(run, 'RB-02').reason, /closing control .* never came/);
    assert.equal(one(run, 'RB-03').verdict, 'violates');
    assert.equal(one(run, 'RB-01').reason, 'refused; the closing control was accepted');
    assert.equal(one(run, 'RB-01').verdicts.length, 2);
  });

  it('says why a case was never started', () => {
    assert.equal(one(model(), 'RPL-04').reason, 'selected, and never started');
    rmSync(dir, { recursive: true });
    assert.match(
      one(model({ poisoned: true }), 'RPL-04').reason,
      /poisoned by RPL-03: the device no longer boots/,
    );
    rmSync(dir, { recursive: true });
    const cut = model({ interrupted: true });
    assert.equal(cut.interrupted, true);
    assert.match(one(cut, 'RPL-04').reason, /ended before/);
  });

  it('keeps every attempt', () => {
    const found = one(model(), 'RPL-03');
    assert.equal(found.attempts, 2);
    assert.deepEqual(
      found.verdicts.map(({ verdict, attempt }) => [verdict, attempt]),
      [
        ['error', 1],
        ['conforms', 2],
      ],
    );
  });

  it('has the life of a case with real times', () => {
    const found = one(model(), 'SIG-02');
    assert.deepEqual(
      found.steps.map(({ name, ok, events }) => [name, ok, events.map(({ kind }) => kind)]),
      [
        ['baseline', true, ['control', 'state']],
        ['stimulus', true, ['stimulus', 'answer']],
      ],
    );
    assert.deepEqual(
      found.events.map(({ kind }) => kind),
      ['state', 'measurement', 'note'],
    );
    const [baseline, stimulus] = found.steps;
    const times = [
      found.startedAt,
      baseline?.startedAt,
      baseline?.endedAt,
      stimulus?.startedAt,
      found.endedAt,
    ];
    const monotonic = times.map((at) => at?.tMono ?? NaN);
    assert.deepEqual(
      monotonic,
      [...monotonic].sort((a, b) => a - b),
    );
    assert.equal(found.states.length, 2);
    assert.equal(found.findings[0]?.code, 'forged-image-installed');
  });

  it('calls a case that was under way inconclusive, naming the innermost step', () => {
    const record = RunRecord.open({ dir, runId: 'cut' });
    record.append('run-opened', madeUpHeader('cut'));
    const place = { caseId: 'SIG-01' };
    record.append('case-started', { title: 't', suite: 's', severity: 'C' }, place);
    record.append('step-started', { name: 'outer' }, place);
    record.append('step-started', { name: 'inner' }, place);
    record.append('note', { text: 'x' }, place);
    record.abandon();
    const found = one(modelOf(readRun(dir).entries), 'SIG-01');
    assert.equal(found.verdict, 'inconclusive');
    assert.match(found.reason, /under way \(during "inner"\)/);
    assert.equal(found.steps[0]?.steps[0]?.events.length, 1);
    assert.equal(found.steps[0]?.ok, undefined);
  });

  it('of a record with nothing in it has no verdict that could pass', () => {
    const empty = modelOf([]);
    assert.equal(empty.verdict, 'not-executed');
    assert.equal(empty.exitCode, 2);
    assert.equal(empty.interrupted, true);
  });
});
