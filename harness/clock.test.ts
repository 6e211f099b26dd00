import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Deadline, LagMeter, monotonicMs, pause, until, within } from './clock.ts';
import { TimeoutError } from './errors.ts';

const block = (ms: number): void => {
  for (const from = monotonicMs(); monotonicMs() - from < ms;);
};

describe('lag of our own', () => {
  for (const [name, settle] of [
    ['right after the start', () => Promise.resolve()],
    ['later', () => pause(40)],
  ] as const) {
    it(`is seen ${name}, and stays what it was`, async () => {
      const lag = new LagMeter();
      lag.start();
      await settle();
      block(200);
      const seen = lag.stopMs();
      assert.ok(seen >= 150, `${seen} ms`);
      block(300);
      assert.equal(lag.stopMs(), seen);
    });
  }

  it('starts anew', async () => {
    const lag = new LagMeter();
    lag.start();
    block(2000);
    lag.start();
    await pause(5);
    assert.ok(lag.stopMs() < 1900);
    assert.equal(new LagMeter().stopMs(), 0);
  });
});

describe('waits that end', () => {
  it('give the result, the work’s own error, or the deadline’s', async () => {
    assert.equal(await within(Promise.resolve(1), 1000, 'x'), 1);
    const own = new Error('own');
    await assert.rejects(within(Promise.reject(own), 1000, 'x'), own);
    await assert.rejects(within(new Promise(() => undefined), 5, 'the answer', 'look'), (error: Error) => {
      return (
        error instanceof TimeoutError && error.code === 'deadline' && /the answer.*5 ms/.test(error.message)
      );
    });
  });

  it('ask at least once more after the time is up, so that a slow machine loses nothing', async () => {
    let asked = 0;
    const look = (): string | undefined => {
      asked += 1;
      if (asked === 1) block(50);
      return asked === 2 ? 'seen' : undefined;
    };
    assert.equal(await until(look, { withinMs: 20, what: 'it' }), 'seen');
    await assert.rejects(
      until(() => undefined, { withinMs: 5, what: 'it' }),
      TimeoutError,
    );
    assert.equal(await until(() => 'seen', { withinMs: 0, what: 'it' }), 'seen');
  });

  it('have a deadline that passes and never goes below nothing', async () => {
    const deadline = new Deadline(1);
    await pause(5);
    assert.deepEqual([deadline.passed, deadline.leftMs], [true, 0]);
    assert.ok(deadline.elapsedMs >= 1);
  });
});
