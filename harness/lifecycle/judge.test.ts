import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import {
  BenchError,
  DeviceException,
  DriverError,
  FrameError,
  Inconclusive,
  Nonconformity,
  NotApplicable,
  NotExecuted,
  PortError,
  TimeoutError,
} from '../errors.ts';
import type { Verdict } from '../verdict.ts';
import type { CaseContext } from './case-context.ts';
import { poison } from './recovery.ts';
import { setCurrentRun } from './run.ts';
import { contextOf, fakeRun, judged, payloads, type FakeRunOptions } from './test/fake-run.ts';

const finding = { code: 'bad', expected: 'good', observed: 'bad' };
const waived = {
  notApplicable: [{ requirement: 'FP-SIG-1', reason: 'it has no updates', agreedBy: 'A. Body' }],
};

const thrown: [string, unknown, Verdict][] = [
  ['Nonconformity', new Nonconformity(finding), 'violates'],
  ['Inconclusive', new Inconclusive('i', 'unclear'), 'inconclusive'],
  ['NotExecuted', new NotExecuted('n', 'missing'), 'not-executed'],
  ['NotApplicable', new NotApplicable('n', 'waived'), 'not-applicable'],
  ['BenchError', new BenchError('b', 'relay stuck'), 'error'],
  ['PortError', new PortError('p', 'port gone'), 'error'],
  ['TimeoutError', new TimeoutError('t', 'no reply'), 'error'],
  ['FrameError', new FrameError('f', 'bad CRC'), 'error'],
  ['DriverError', new DriverError('d', 'not open'), 'error'],
  ['DeviceException', new DeviceException('e', 'exception 02'), 'error'],
  ['a bug of ours', new TypeError('undefined is not a function'), 'error'],
  ['something that is no error', 'a string', 'error'],
];

describe('the life of a case', () => {
  afterEach(() => setCurrentRun(undefined));

  for (const [name, error, verdict] of thrown) {
    it(`makes ${verdict} of ${name}`, async () => {
      const run = fakeRun();
      const outcome = await judged(run, async () => {
        throw error;
      });
      assert.equal(outcome.verdict, verdict);
      assert.equal(run.verdicts.get('SIG-02'), verdict);
      assert.equal(payloads(run, 'verdict').length, 1);
    });

    it(`lets a finding outweigh ${name}`, async () => {
      const outcome = await judged(fakeRun(), async (t) => {
        t.found(finding);
        throw error as Error;
      });
      assert.equal(outcome.verdict, 'violates');
      assert.deepEqual(outcome.findings[0], finding);
    });
  }

  it('conforms when nothing speaks against it, and says its notes', async () => {
    assert.equal((await judged(fakeRun(), async () => undefined)).reason, 'as required');
    const noted = await judged(fakeRun(), async (t) => t.note('counter not observable'));
    assert.deepEqual([noted.verdict, noted.reason], ['conforms', 'counter not observable']);
  });

  const never: CaseBodyRow[] = [
    {
      name: 'an interrupted run',
      options: {},
      prepare: (run) => run.stop(),
      says: /the run was ended before/,
    },
    {
      name: 'a poisoned board',
      options: {},
      prepare: (run) => poison(contextOf(run, 'SIG-01'), 'swap broke'),
      says: /SIG-01: swap broke/,
    },
    { name: 'a missing image', options: { board: { images: {} } }, says: /missing: image "older"/ },
    { name: 'a lost wire', options: { lost: ['modbus'] }, says: /modbus is lost/, verdict: 'error' },
  ];
  for (const { name, options, prepare, says, verdict } of never) {
    it(`does not touch the device on ${name}`, async () => {
      const run = fakeRun(options);
      prepare?.(run);
      let touched = false;
      const outcome = await judged(run, async () => void (touched = true), {
        plan: { needs: ['image:older'] },
      });
      assert.equal(outcome.verdict, verdict ?? 'not-executed');
      assert.match(outcome.reason, says);
      assert.equal(touched, false);
    });
  }

  it('harms a device only when the board file allows it by name', async () => {
    const plan = { needs: [], mayHarm: 'power-cut-during-update' };
    const refused = await judged(fakeRun(), async () => undefined, { plan });
    assert.equal(refused.verdict, 'not-executed');
    const allowing = fakeRun({ board: { allow: ['power-cut-during-update'] } as never });
    assert.equal((await judged(allowing, async () => undefined, { plan })).verdict, 'conforms');
  });

  const waivers: [string, FakeRunOptions['requirements'], Verdict][] = [
    ['a conditional requirement', { 'FP-SIG-1': 'conditional' }, 'not-applicable'],
    ['a mandatory requirement', { 'FP-SIG-1': 'mandatory' }, 'conforms'],
    ['one of two requirements', { 'FP-SIG-1': 'conditional', 'FP-SIG-2': 'conditional' }, 'conforms'],
    ['no requirement at all', {}, 'conforms'],
  ];
  for (const [name, requirements, verdict] of waivers) {
    it(`is ${verdict === 'conforms' ? 'attacked anyway' : verdict} when ${name} is waived`, async () => {
      const run = fakeRun({ declaration: waived, ...(requirements === undefined ? {} : { requirements }) });
      const outcome = await judged(run, async () => undefined);
      assert.equal(outcome.verdict, verdict);
      if (verdict === 'not-applicable') assert.match(outcome.reason, /no updates \(agreed by A. Body\)/);
    });
  }

  it('never throws: not for an unknown case, not for a bench that breaks while it is asked', async () => {
    assert.equal((await judged(fakeRun(), async () => undefined, { id: 'SIG-99' })).verdict, 'error');
    const run = fakeRun();
    run.bench.selfTest = () => Promise.reject(new TypeError('broken bench'));
    run.bench.reopenLost = () => Promise.reject(new TypeError('broken bench'));
    const dying = async (t: CaseContext): Promise<void> => {
      t.controlAccepted = true;
      t.stimulusDelivered = true;
      throw new TimeoutError('t', 'no reply');
    };
    assert.equal((await judged(run, dying)).verdict, 'error');
  });

  it('ends at once when the operator asks, and does nothing more in the background', async () => {
    const run = fakeRun();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let wentOn: unknown;
    const ending = judged(run, async (t) => {
      await held;
      wentOn = await t.step('attack', async () => 'sent').catch((error: unknown) => error);
    });
    run.stop();
    const outcome = await ending;
    assert.deepEqual([outcome.verdict, /operator/.test(outcome.reason)], ['not-executed', true]);
    release();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(wentOn instanceof NotExecuted);
  });

  it('marks only a pass of a batch as provisional', async () => {
    const run = fakeRun();
    const body = Object.assign(async () => undefined, { provisional: true });
    await judged(run, body);
    const bad = Object.assign(() => Promise.reject(new Nonconformity(finding)), { provisional: true });
    await judged(run, bad);
    assert.deepEqual(
      payloads(run, 'verdict').map(({ provisional }) => provisional),
      [true, false],
    );
  });
});

interface CaseBodyRow {
  name: string;
  options: FakeRunOptions;
  prepare?: (run: ReturnType<typeof fakeRun>) => void;
  says: RegExp;
  verdict?: Verdict;
}

describe('a time against its limit', () => {
  const rows: [valueMs: number, uncertaintyMs: number, 'within' | 'inconclusive' | 'violates'][] = [
    [50, 0, 'within'],
    [100, 0, 'within'],
    [90, 10, 'within'],
    [91, 10, 'inconclusive'],
    [110, 10, 'inconclusive'],
    [111, 10, 'violates'],
    [500, 1000, 'inconclusive'],
  ];
  for (const [valueMs, uncertaintyMs, expected] of rows) {
    it(`of 100 ms: ${valueMs} ± ${uncertaintyMs} is ${expected}`, () => {
      const run = fakeRun();
      const t = contextOf(run);
      const look = (): void =>
        t.mustBeWithin('x', { valueMs, uncertaintyMs }, 100, { code: 'late', expected: 'soon' });
      if (expected === 'within') look();
      else assert.throws(look, expected === 'violates' ? Nonconformity : Inconclusive);
      assert.equal(payloads(run, 'measurement')[0]?.uncertainty, uncertaintyMs, 'it is measured in any case');
      setCurrentRun(undefined);
    });
  }
});
