import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { BenchError } from '../errors.ts';
import { baselineAfterInterruption } from './after-interruption.ts';
import { nextControlImage } from './controls.ts';
import { setCurrentRun } from './run.ts';
import { contextOf, fakeRun, image, judged, payloads } from './test/fake-run.ts';

const finding = { code: 'forged-image-installed', expected: 'version 1', observed: 'version 6' };

describe('A run that goes on after an interruption', () => {
  afterEach(() => {
    setCurrentRun(undefined);
  });

  it('starts from a device that was restarted and runs a known image, and installs nothing then', async () => {
    const run = fakeRun();
    await baselineAfterInterruption(run);
    const [state] = payloads(run, 'state');
    assert.equal(state?.when, 'after the interruption');
    assert.deepEqual(payloads(run, 'control'), []);
    assert.ok(
      run.entries.every(({ caseId }) => caseId === undefined),
      'in no case’s name',
    );
  });

  it('installs a control image where something else runs', async () => {
    const run = fakeRun();
    const { firmware } = run.device;
    assert.ok(firmware !== undefined);
    await firmware.offer(image('newer'), 'ymodem');
    await firmware.activate('ymodem');
    await run.device.waitUntilReady(5000);
    await firmware.confirm?.();
    const declared = { ...run.declaration, controls: { way: 'series', left: 1 } } as typeof run.declaration;
    // The counter has been raised: only an image of the series goes in.
    const series = { ...run, declaration: declared, series: [image('maximumCounter')] };
    await baselineAfterInterruption(series);
    const [control] = payloads(run, 'control');
    assert.equal(control?.accepted, true);
    assert.deepEqual(payloads(run, 'stock-taken')[0]?.image.sha256, image('maximumCounter').sha256);
  });

  it('does not begin on a device that does not come back to a known state', async () => {
    const run = fakeRun();
    run.device.waitUntilReady = () => Promise.reject(new BenchError('silent', 'no sign of life'));
    await assert.rejects(
      baselineAfterInterruption(run),
      (error) =>
        error instanceof BenchError && error.code === 'no-baseline' && /--resume/.test(error.hint ?? ''),
    );
    assert.equal(run.poisoned, undefined, 'nothing is decided by that');
  });

  it('counts the attempts on', async () => {
    const run = fakeRun({ earlier: { attempts: new Map([['SIG-02', 2]]), findings: new Map() } });
    await judged(run, () => Promise.resolve());
    assert.equal(payloads(run, 'verdict')[0]?.attempt, 3);
    assert.equal(run.entries.find(({ kind }) => kind === 'case-started')?.attempt, 3);
  });

  it('neither forgets what an interrupted attempt had seen nor takes it for a verdict', async () => {
    const earlier = { attempts: new Map([['SIG-02', 1]]), findings: new Map([['SIG-02', [finding]]]) };
    const passes = await judged(fakeRun({ earlier }), () => Promise.resolve());
    assert.equal(passes.verdict, 'inconclusive');
    assert.match(passes.reason, /was interrupted had seen: expected version 1; observed version 6.*conforms/);
    const violates = await judged(fakeRun({ earlier }), (t) => Promise.resolve(t.violates(finding)));
    assert.equal(violates.verdict, 'violates');
    const other = await judged(fakeRun({ earlier }), () => Promise.resolve(), { id: 'SIG-03' });
    assert.equal(other.verdict, 'conforms');
  });

  it('has in its record what was seen before the case ends, and what was taken back', async () => {
    const run = fakeRun();
    await judged(run, async (t) => {
      t.found(finding);
      assert.deepEqual(payloads(run, 'finding'), [finding]);
      t.withdraw(finding);
    });
    assert.deepEqual(payloads(run, 'finding-withdrawn'), [finding]);
    assert.equal(payloads(run, 'verdict')[0]?.verdict, 'conforms');
  });

  it('marks the verdicts that only the end of the run has made', async () => {
    const run = fakeRun();
    run.stop();
    await judged(run, () => Promise.resolve());
    const failing = fakeRun();
    await judged(failing, (t) => Promise.resolve(t.violates(finding)));
    failing.stop();
    assert.equal(payloads(run, 'verdict')[0]?.interrupted, true);
    assert.equal(payloads(failing, 'verdict')[0]?.interrupted, undefined);
  });

  it('says that an image of the stock is taken before it is used', () => {
    const run = fakeRun({
      series: ['newer', 'maximumCounter'],
      declaration: { controls: { way: 'series', left: 2 } },
    });
    const t = contextOf(run);
    const state = { observable: false, why: '' } as const;
    const seen = { version: state, digest: state, securityCounter: state, confirmation: state };
    assert.equal(nextControlImage(t, seen).sha256, image('newer').sha256);
    assert.deepEqual(payloads(run, 'stock-taken'), [
      { image: { name: 'newer', sha256: image('newer').sha256 }, left: 1 },
    ]);
  });
});
