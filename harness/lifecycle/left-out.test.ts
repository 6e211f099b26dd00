import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { CaseContext } from './case-context.ts';
import { forgeries } from './forgeries.ts';
import { setCurrentRun } from './run.ts';
import { fakeRun } from './test/fake-run.ts';

describe('Attack images that a depth leaves out', () => {
  afterEach(() => {
    setCurrentRun(undefined);
  });

  it('are counted by case, once however often the case is tried, and none at full depth', () => {
    const run = fakeRun({ depth: 'smoke' });
    const offered = forgeries(new CaseContext(run, 'SIG-03'), ['metadata']).length;
    const left = run.imagesLeftOut.get('SIG-03') ?? 0;
    assert.ok(left > 0);
    forgeries(new CaseContext(run, 'SIG-03', 2), ['metadata']);
    assert.equal(run.imagesLeftOut.get('SIG-03'), left);
    const full = fakeRun({ depth: 'full' });
    const all = forgeries(new CaseContext(full, 'SIG-03'), ['metadata']).length;
    assert.ok(all > offered && all <= offered + left);
    assert.equal(full.imagesLeftOut.size, 0);
  });
});
