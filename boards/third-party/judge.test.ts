import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type { RunningDevice } from './device.ts';
import { fieldproof, judge } from './judge.ts';

const boards = join(import.meta.dirname, '..');
/** The simulated device is started by its own board file, and needs nothing of the environment. */
const running: RunningDevice = { environment: {}, close: async () => undefined };

describe('a judgement', function () {
  this.timeout(300_000);
  let out = '';
  before(() => void (out = mkdtempSync(join(tmpdir(), 'fieldproof-judge-'))));
  after(() => rmSync(out, { recursive: true, force: true }));

  it('is read from the record, with what the device sent during each case', async () => {
    const boardFile = join(boards, 'simulated-threshold.yaml');
    const options = ['--case', 'SIG-02', '--case', 'REP-15', '--depth', 'smoke'];
    const { model, said, linesDuring } = await judge(running, { boardFile, options, out });
    const verdicts = Object.fromEntries(model.cases.map(({ id, verdict }) => [id, verdict]));
    assert.deepEqual(verdicts, { 'SIG-02': 'conforms', 'REP-15': 'not-executed' }, said);
    assert.match(linesDuring('SIG-02'), /^version=\S+$/m);
    assert.doesNotMatch(linesDuring('SIG-02'), /\r/);
    assert.equal(linesDuring('REP-15'), '', 'nothing was asked of the device');
    assert.equal(linesDuring('SIG-01'), '', 'it did not run');
  });

  it('is none without a record, and says what the run said', async () => {
    const boardFile = join(boards, 'no-such-board.yaml');
    const empty = join(out, 'empty');
    await assert.rejects(
      judge(running, { boardFile, options: [], out: empty }),
      /no run of .*no-such-board\.yaml was written:\n[^]*no-such-board/,
    );
  });

  it('hands the device’s environment to the command, and keeps exit code and output', async () => {
    const { code, printed } = await fieldproof(running, ['list', 'drivers'], 'pipe');
    assert.equal(code, 0);
    assert.match(printed, /^serial +driver/m);
    const wrong = await fieldproof(
      { ...running, environment: { NODE_OPTIONS: '--no-such-flag' } },
      ['list'],
      'pipe',
    );
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.said, /no-such-flag/);
  });
});
