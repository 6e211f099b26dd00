import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { seededRandom, shuffled } from './seeded-random.ts';
import { coverageOf, nextPoint, positionOf, spread, spreadCount, type LandedCut } from './sweep-plan.ts';

const lengthMs = fc.double({ min: 1, max: 5000, noNaN: true });
const phases = fc
  .uniqueArray(fc.constantFrom('transfer', 'verify', 'install', 'confirm', 'erase'), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((names) => fc.tuple(...names.map((name) => lengthMs.map((ms) => ({ name, lengthMs: ms })))));
const seed = fc.string({ minLength: 1 });
const usual = [
  { name: 'transfer', lengthMs: 200 },
  { name: 'verify', lengthMs: 4 },
  { name: 'install', lengthMs: 480 },
  { name: 'confirm', lengthMs: 6 },
];

describe('cuts that are spread', () => {
  it('are as many as asked for, inside their phases and in their order, whatever the phases', () => {
    fc.assert(
      fc.property(phases, fc.integer({ min: 1, max: 200 }), seed, (some, count, text) => {
        const points = spread(some, count, seededRandom(text, 'test'));
        assert.equal(points.length, count);
        for (const { phase, afterMs } of points) {
          const length = some.find(({ name }) => name === phase)?.lengthMs ?? 0;
          assert.ok(afterMs > 0 && afterMs < length, `${afterMs} of ${length} in ${phase}`);
        }
        const places = points.map((point) => positionOf(some, point));
        assert.deepEqual(
          places,
          [...places].sort((a, b) => a - b),
        );
        if (count >= some.length) assert.equal(new Set(points.map(({ phase }) => phase)).size, some.length);
      }),
    );
  });

  it('leave no stretch of a phase out: two intervals at most lie between neighbours', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 200 }), seed, (count, text) => {
        const points = spread(usual, count, seededRandom(text, 'test'));
        const cuts = points.map((point) => ({ ...point, plannedMs: point.afterMs, inTime: true }));
        for (const { planned, percent } of coverageOf(usual, cuts))
          assert.ok(percent >= Math.floor(100 * (1 - 2 / Math.max(2, planned))), `${percent} of ${planned}`);
      }),
    );
  });

  it('are most of them in the installation, and differ from seed to seed', () => {
    const points = spread(usual, 24, seededRandom('a', 'test'));
    const parts = usual.map(({ name }) => points.filter(({ phase }) => phase === name).length);
    assert.deepEqual(parts, [6, 1, 15, 2]);
    assert.deepEqual(points, spread(usual, 24, seededRandom('a', 'test')));
    assert.notDeepEqual(points, spread(usual, 24, seededRandom('b', 'test')));
    assert.notDeepEqual(points, spread(usual, 24, seededRandom('a', 'another case')));
  });

  it('are the first part of all', () => {
    assert.deepEqual([1, 4, 8, 40].map(spreadCount), [1, 3, 5, 24]);
  });
});

/** A device that behaves one way before each boundary, and another behind it. */
const behaviourOf = (boundariesMs: readonly number[], atMs: number): number =>
  boundariesMs.filter((boundary) => atMs >= boundary).length;

interface Seen extends LandedCut {
  behaviour: number;
}
const differ = (a: Seen, b: Seen): boolean => a.behaviour !== b.behaviour;

function sweep(boundariesMs: readonly number[], count: number, minGapMs: number, text: string): Seen[] {
  const see = (point: { phase: string; afterMs: number }): Seen => ({
    ...point,
    plannedMs: point.afterMs,
    inTime: true,
    behaviour: behaviourOf(boundariesMs, positionOf(usual, point)),
  });
  const cuts = spread(usual, spreadCount(count), seededRandom(text, 'test')).map(see);
  while (cuts.length < count) {
    const point = nextPoint(usual, cuts, differ, minGapMs);
    if (point === undefined) break;
    cuts.push(see(point));
  }
  return cuts;
}

describe('later cuts', () => {
  it('close in on a change of behaviour to within the finest gap', () => {
    fc.assert(
      fc.property(fc.double({ min: 60, max: 660, noNaN: true }), seed, (boundary, text) => {
        const places = sweep([boundary], 40, 2, text).map((cut) => positionOf(usual, cut));
        const before = Math.max(...places.filter((place) => place < boundary));
        const behind = Math.min(...places.filter((place) => place >= boundary));
        assert.ok(behind - before < 2, `${before} … ${behind} around ${boundary}`);
      }),
    );
  });

  it('halve the widest gap in which the behaviour changes, and never another while there is one', () => {
    const boundaries = fc.array(fc.double({ min: 0, max: 690, noNaN: true }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(boundaries, seed, (changes, text) => {
        const cuts = sweep(changes, 24, 2, text);
        const point = nextPoint(usual, cuts, differ, 2);
        const sorted = cuts
          .map((cut) => ({ ...cut, atMs: positionOf(usual, cut) }))
          .sort((a, b) => a.atMs - b.atMs);
        const widths = sorted
          .slice(1)
          .flatMap((cut, at) => (differ(cut, sorted[at] ?? cut) ? [cut.atMs - (sorted[at]?.atMs ?? 0)] : []));
        const widest = Math.max(0, ...widths);
        if (widest < 2 || point === undefined) return;
        const atMs = positionOf(usual, point);
        const nearest = Math.min(...sorted.map((cut) => Math.abs(cut.atMs - atMs)));
        assert.ok(Math.abs(nearest - widest / 2) < 1e-6, `${nearest} in a gap of ${widest}`);
      }),
    );
  });

  it('go where the update was cut least when nothing changes, and end at the finest gap', () => {
    const cuts = sweep([], 40, 2, 'even');
    assert.equal(cuts.length, 40);
    assert.ok((coverageOf(usual, cuts).find(({ phase }) => phase === 'install')?.percent ?? 0) > 90);
    assert.ok(sweep([300], 400, 50, 'coarse').length < 400);
  });

  it('are not tried at the same point again when the supply misses it', () => {
    const at = (afterMs: number, behaviour: number): Seen => ({
      phase: 'install',
      afterMs,
      plannedMs: afterMs,
      inTime: true,
      behaviour,
    });
    const cuts = [at(100, 1), at(200, 2)];
    assert.deepEqual(nextPoint(usual, cuts, differ, 4), { phase: 'install', afterMs: 150 });
    const missed = { ...at(199, 2), plannedMs: 150 };
    const again = nextPoint(usual, [...cuts, missed], differ, 4);
    assert.notEqual(Math.round(again?.afterMs ?? 0), 150);
  });

  it('take no account of cuts that came too late', () => {
    const late = { phase: 'install', afterMs: 100, plannedMs: -1000, inTime: false, behaviour: 7 };
    const cuts = sweep([300], 24, 2, 'late');
    assert.deepEqual(nextPoint(usual, [...cuts, late], differ, 2), nextPoint(usual, cuts, differ, 2));
    assert.deepEqual(
      coverageOf(usual, [late]).map(({ landed, percent }) => [landed, percent]),
      usual.map(() => [0, 0]),
    );
  });
});

describe('a shuffled list', () => {
  it('has the same items, in an order that the seed decides', () => {
    const items = Array.from({ length: 30 }, (_unused, index) => index);
    const once = shuffled(items, seededRandom('a', 'order'));
    assert.deepEqual(
      [...once].sort((a, b) => a - b),
      items,
    );
    assert.notDeepEqual(once, items);
    assert.deepEqual(once, shuffled(items, seededRandom('a', 'order')));
  });
});
