import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { always } from './always.ts';

const first = new Error('first');
const second = new Error('second');

describe('clean-up', () => {
  const run = (work: () => Promise<string>, cleanup: () => Promise<void>, also: unknown[] = []) =>
    always(work, cleanup, (error) => also.push(error));

  it('runs after success, and its own failure counts then', async () => {
    let cleaned = 0;
    assert.equal(
      await run(
        async () => 'done',
        async () => void (cleaned += 1),
      ),
      'done',
    );
    assert.equal(cleaned, 1);
    await assert.rejects(
      run(
        async () => 'done',
        () => Promise.reject(second),
      ),
      second,
    );
  });

  it('never hides the first cause, even when it throws before it returns a promise', async () => {
    for (const cleanup of [
      () => Promise.reject(second),
      () => {
        throw second;
      },
    ]) {
      const also: unknown[] = [];
      await assert.rejects(
        run(() => Promise.reject(first), cleanup, also),
        first,
      );
      assert.deepEqual(also, [second]);
    }
  });
});
