import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { continuationOf, type Continuation } from './continuation.ts';
import type { RunEvents } from './events.ts';
import { madeUpHeader } from './made-up-run.ts';
import { readRun } from './read.ts';
import { RunRecord } from './record.ts';
import { countVerdicts, modelOf } from './run-model.ts';

const closing = { verdict: 'conforms', counts: countVerdicts([]), tookMs: 1, interrupted: false } as const;
const finding = { code: 'forged-image-installed', expected: 'version 1', observed: 'version 6' };

describe('Where an interrupted run stands', () => {
  let dir: string;
  let record: RunRecord;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'continuation-'));
    record = RunRecord.open({ dir });
    record.append('run-opened', { ...madeUpHeader(record.runId), selected: ['SIG-01', 'SIG-02', 'SIG-03'] });
  });
  afterEach(() => {
    record.abandon();
    rmSync(dir, { recursive: true, force: true });
  });

  const start = (caseId: string, attempt = 1) =>
    record.append('case-started', { title: 't', suite: 's', severity: 'C' }, { caseId, attempt });
  const verdict = (caseId: string, said: Partial<RunEvents['verdict']> = {}) =>
    record.append(
      'verdict',
      {
        verdict: 'conforms',
        provisional: false,
        reason: 'refused',
        findings: [],
        tookMs: 1,
        attempt: 1,
        ...said,
      },
      { caseId },
    );
  function standing(): Continuation {
    record.checkpoint();
    const found = continuationOf(readRun(dir).entries);
    assert.ok(found !== undefined);
    return found;
  }

  it('keeps what is decided, whatever it is, and runs what was never started', () => {
    start('SIG-01');
    verdict('SIG-01', { verdict: 'error', reason: 'unplugged', imagesLeftOut: 4 });
    start('SIG-02');
    verdict('SIG-02', { verdict: 'violates', provisional: false });
    const { decided, toRun, again, imagesLeftOut, ended } = standing();
    assert.deepEqual(
      [...decided],
      [
        ['SIG-01', 'error'],
        ['SIG-02', 'violates'],
      ],
    );
    assert.deepEqual(toRun, ['SIG-03']);
    assert.deepEqual(again, []);
    assert.equal(imagesLeftOut.get('SIG-01'), 4);
    assert.equal(ended, false);
  });

  it('starts anew what was under way, what awaited its closing control, and what the end of the run cut short', () => {
    start('SIG-01');
    verdict('SIG-01', { provisional: true });
    start('SIG-02');
    verdict('SIG-02', { verdict: 'not-executed', interrupted: true });
    start('SIG-03');
    const { decided, toRun, again, earlier } = standing();
    assert.equal(decided.size, 0);
    assert.deepEqual(toRun, ['SIG-01', 'SIG-02', 'SIG-03']);
    assert.match(again[0]?.why ?? '', /closing control/);
    assert.match(again[1]?.why ?? '', /the end of the run/);
    assert.match(again[2]?.why ?? '', /under way/);
    assert.deepEqual([...earlier.attempts.values()], [1, 1, 1]);
  });

  it('does not count a verdict of an attempt before the one that was interrupted, unless it is a violation', () => {
    for (const id of ['SIG-01', 'SIG-02']) start(id);
    verdict('SIG-01', { provisional: true });
    verdict('SIG-02', { verdict: 'violates' });
    start('SIG-01', 2);
    start('SIG-02', 2);
    const { decided, toRun, earlier } = standing();
    assert.deepEqual([...decided], [['SIG-02', 'violates']]);
    assert.deepEqual(toRun, ['SIG-01', 'SIG-03']);
    assert.equal(earlier.attempts.get('SIG-01'), 2);
  });

  it('remembers what an unfinished attempt had seen and not taken back, and which images are used up', () => {
    start('SIG-01');
    record.append('finding', finding, { caseId: 'SIG-01' });
    start('SIG-02');
    record.append('finding', finding, { caseId: 'SIG-02' });
    record.append('finding-withdrawn', finding, { caseId: 'SIG-02' });
    record.append('stock-taken', { image: { name: 'series 1', sha256: 'ab'.repeat(32) }, left: 2 });
    const { earlier, stockTaken } = standing();
    assert.deepEqual([...earlier.findings], [['SIG-01', [finding]]]);
    assert.ok(stockTaken.has('ab'.repeat(32)));
  });

  it('keeps a poisoned board poisoned', () => {
    record.append('poisoned', { cause: 'it no longer boots', byCase: 'SIG-01' });
    assert.equal(standing().poisoned?.byCase, 'SIG-01');
  });

  it('leaves the gap out of all durations, and says that there was one', () => {
    start('SIG-01');
    record.append('step-started', { name: 'attack' }, { caseId: 'SIG-01', step: 'attack' });
    const { tookMs } = standing();
    record.abandon();
    // As if the process had been away for an hour: the clock of the part that goes on runs behind the wall's.
    const now = Date.now;
    Date.now = () => now() + 3_600_000;
    try {
      record = RunRecord.resume({ dir });
      start('SIG-01', 2);
      verdict('SIG-01', { attempt: 2 });
      assert.ok(standing().tookMs >= tookMs && standing().tookMs < 600_000);
      record.close({ ...closing, tookMs: 5 });
    } finally {
      Date.now = now;
    }
    const model = modelOf(readRun(dir).entries);
    assert.equal(model.resumed, 1);
    const [gap] = model.gaps;
    assert.ok(gap !== undefined && gap.lengthMs > 3_590_000 && gap.lengthMs < 3_700_000);
    assert.equal(gap.from.tUtc, model.entries[gap.to === undefined ? 0 : 2]?.tUtc);
    const [one] = model.cases;
    assert.ok((one?.startedAt?.tMono ?? 0) >= gap.to.tMono, 'the attempt that decided it');
    assert.equal(one?.attempts, 2);
    const [open] = one?.steps ?? [];
    assert.equal(open?.ok, undefined);
    assert.ok(
      (open?.endedAt?.tMono ?? Infinity) <= gap.from.tMono,
      'an open step does not reach over the gap',
    );
  });
});
