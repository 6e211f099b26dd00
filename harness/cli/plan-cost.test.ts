import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { CasePlan } from '../lifecycle/test-case.ts';
import { costOf, stockOf } from './plan-cost.ts';

const batch = {};
const one = (id: string, plan: Partial<CasePlan>, of?: object) => ({
  id,
  title: id,
  plan: { needs: [], ...plan },
  ...(of === undefined ? {} : { batch: of }),
});
const terms = { bootSeconds: 10, ways: 1 };

describe('The cost of a run', () => {
  it('adds up what the cases say, with the declared boot time', () => {
    const cost = costOf([one('A', { updates: 2, powerCycles: 1, seconds: 5 }), one('B', {})], terms);
    assert.deepEqual(cost, { updates: 2, powerCycles: 1, counterSteps: 0, seconds: 36 });
  });

  it('gives a batch its two controls and its power cycle once, whichever of its cases are selected', () => {
    const first = one('A', { updates: 2, powerCycles: 1 }, batch);
    const second = one('B', {}, batch);
    for (const members of [[first, second], [second]]) {
      const { updates, powerCycles } = costOf(members, terms);
      assert.deepEqual({ updates, powerCycles }, { updates: 2, powerCycles: 1 }, `${members.length}`);
    }
    assert.equal(costOf([second, one('C', {}, {})], terms).updates, 4, 'another batch has its own');
  });

  it('multiplies what offers attack images by the ways in, and nothing else', () => {
    const { updates, powerCycles } = costOf([one('A', {}, batch), one('B', { updates: 3, powerCycles: 1 })], {
      ...terms,
      ways: 3,
    });
    assert.deepEqual({ updates, powerCycles }, { updates: 9, powerCycles: 4 });
  });

  it('counts the steps by which the counter is raised for good', () => {
    const cases = [one('A', { mayHarm: 'counter-step' }), one('B', { mayHarm: 'key-change' })];
    assert.equal(costOf(cases, terms).counterSteps, 1);
  });
});

describe('The stock of controls', () => {
  const cases = [one('A', {}, batch), one('B', {}, batch), one('C', { updates: 3 }), one('D', {})];

  it('is what the declaration leaves, but no more than the board file lists', () => {
    const series = { way: 'series', left: 12 } as const;
    assert.deepEqual(stockOf(cases, terms, series, 20), { way: 'series', left: 12, uses: 5, without: [] });
    assert.equal(stockOf(cases, terms, series, 7)?.left, 7);
    assert.equal(stockOf(cases, terms, { way: 'pair' }, 0)?.left, undefined);
    assert.equal(stockOf(cases, terms, undefined, 0), undefined);
  });

  it('runs out for the later cases first, and for all of a batch at once', () => {
    const without = (left: number): readonly string[] | undefined =>
      stockOf(cases, terms, { way: 'series', left }, 100)?.without;
    assert.deepEqual(without(5), []);
    assert.deepEqual(without(4), ['C']);
    assert.deepEqual(without(1), ['A', 'B', 'C']);
  });
});
