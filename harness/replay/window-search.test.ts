import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { DriverError } from '../errors.ts';
import { searchWindow, type WindowEdge } from './window-search.ts';

const search = (
  accepts: (ageMs: number, probe: number) => boolean,
  range: { lowMs?: number; highMs?: number; resolutionMs?: number } = {},
): Promise<WindowEdge> => {
  let count = 0;
  return searchWindow({
    lowMs: 0,
    highMs: 10_000,
    resolutionMs: 10,
    ...range,
    probe: async (ageMs) => accepts(ageMs, (count += 1)),
  });
};

describe('acceptance-window search', () => {
  it('finds any edge within its resolution, whichever side is accepted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -5000, max: 5000 }),
        fc.integer({ min: 1, max: 500 }),
        fc.boolean(),
        async (edge, resolutionMs, oldAccepted) => {
          const found = await search((ageMs) => ageMs <= edge === oldAccepted, {
            lowMs: -5001,
            highMs: 5001,
            resolutionMs,
          });
          assert.ok(found.outcome === 'found', JSON.stringify(found));
          assert.ok(found.uncertaintyMs <= resolutionMs / 2);
          assert.ok(Math.abs(found.edgeMs - edge) <= found.uncertaintyMs, `${found.edgeMs} for ${edge}`);
          assert.equal(found.acceptedMs <= edge, oldAccepted);
          assert.equal(found.refusedMs <= edge, !oldAccepted);
          assert.ok(found.probes.length <= 8 + Math.ceil(Math.log2(10_002 / resolutionMs)));
        },
      ),
    );
  });

  it('asks afresh each time, and keeps every answer', async () => {
    const asked: number[] = [];
    const found = await search((ageMs) => {
      asked.push(ageMs);
      return ageMs <= 2000;
    });
    assert.deepEqual(
      found.probes.map(({ ageMs }) => ageMs),
      asked,
    );
  });

  it('says when there is no edge in the range', async () => {
    assert.equal((await search(() => true)).outcome, 'all-accepted');
    assert.equal((await search(() => false)).outcome, 'all-refused');
  });

  it('is inconclusive about a device that wavers beside the edge', async () => {
    // Right until the search has narrowed down, then the other way round.
    const found = await search((ageMs, probe) => (probe <= 12 ? ageMs <= 2000 : ageMs > 2000));
    assert.ok(found.outcome === 'inconclusive');
    assert.match(found.why, /ms was (accepted|refused), though .* not one edge/);
  });

  it('is inconclusive about a hole in the window', async () => {
    const found = await search((ageMs) => ageMs <= 6000 && !(ageMs > 2900 && ageMs < 3100));
    assert.equal(found.outcome, 'inconclusive');
  });

  it('lets errors of a probe through', async () => {
    const broken = new Error('port gone');
    await assert.rejects(
      searchWindow({ lowMs: 0, highMs: 1, resolutionMs: 1, probe: () => Promise.reject(broken) }),
      broken,
    );
  });

  it('refuses a range or resolution that makes no sense', async () => {
    for (const range of [
      { lowMs: 5, highMs: 5 },
      { highMs: NaN },
      { resolutionMs: 0 },
      { resolutionMs: -1 },
    ]) {
      await assert.rejects(
        search(() => true, range),
        DriverError,
      );
    }
  });
});
