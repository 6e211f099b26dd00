import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { UsageError } from '../errors.ts';
import type { Depth } from '../lifecycle/run.ts';
import { deeperThan, mustBeSome, sameAtDepth, withinDepth } from './depth.ts';

const registered = (id: string, depth?: Depth) => ({
  id,
  title: id,
  plan: { needs: [], ...(depth === undefined ? {} : { depth }) },
});
const cases = [registered('RB-01'), registered('RB-17', 'standard'), registered('RB-18', 'full')];

describe('The depth of a run', () => {
  const ids = (depth: Depth, ...named: string[]): string[][] => {
    const { selected, leftOut } = withinDepth(cases, depth, named);
    return [selected.map(({ id }) => id), leftOut.map(({ id }) => id)];
  };

  it('leaves deeper cases out, and says which', () => {
    assert.deepEqual(ids('smoke'), [['RB-01'], ['RB-17', 'RB-18']]);
    assert.deepEqual(ids('standard'), [['RB-01', 'RB-17'], ['RB-18']]);
    assert.deepEqual(ids('full'), [['RB-01', 'RB-17', 'RB-18'], []]);
  });

  it('does not hold for a case that is named by its very id; a pattern names none', () => {
    assert.deepEqual(ids('smoke', 'rb-18'), [['RB-01', 'RB-18'], ['RB-17']]);
    assert.deepEqual(ids('smoke', 'RB-1*', 'rollback'), [['RB-01'], ['RB-17', 'RB-18']]);
  });

  it('is too little when nothing of the selection is left', () => {
    const { selected } = withinDepth(cases.slice(1), 'smoke');
    assert.throws(
      () => {
        mustBeSome(selected, 'smoke');
      },
      (error) => error instanceof UsageError && /--depth standard/.test(error.hint ?? ''),
    );
    mustBeSome(cases, 'smoke');
  });

  it('has a next one, but for the deepest', () => {
    assert.deepEqual(
      ['smoke', 'standard', 'full'].map((depth) => deeperThan(depth as Depth)),
      ['standard', 'full', undefined],
    );
  });

  it('is changed in the command as a person would type it', () => {
    const run = ['fieldproof', 'run', '--depth', 'smoke', '--case', 'SIG-*', "it's"];
    assert.equal(
      sameAtDepth(run, 'standard'),
      String.raw`fieldproof run --case 'SIG-*' 'it'\''s' --depth standard`,
    );
    assert.equal(
      sameAtDepth(run, 'standard', 'start'),
      String.raw`npm start -- --case 'SIG-*' 'it'\''s' --depth standard`,
    );
    assert.equal(sameAtDepth(['fieldproof', 'run', '--depth=smoke'], 'full'), 'fieldproof run --depth full');
    assert.equal(sameAtDepth(['mocha', '--grep', 'RB'], 'full', 'test'), 'DEPTH=full npx mocha --grep RB');
  });
});
