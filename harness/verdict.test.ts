import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { combine, exitCodeOf, verdicts, type Verdict } from './verdict.ts';

describe('verdicts together', () => {
  it('combine by the order of the specification, whatever the order they come in', () => {
    const order: Verdict[] = [
      'violates',
      'error',
      'inconclusive',
      'not-executed',
      'conforms',
      'not-applicable',
    ];
    assert.deepEqual([...verdicts], order);
    for (const [index, heavier] of order.entries()) {
      for (const lighter of order.slice(index)) {
        assert.equal(combine([heavier, lighter]), heavier);
        assert.equal(combine([lighter, heavier, lighter]), heavier);
      }
    }
  });

  it('are not a pass when there are none', () => {
    assert.equal(combine([]), 'not-executed');
    assert.equal(exitCodeOf([]), 2);
  });

  const rows: [Verdict[], number][] = [
    [['conforms'], 0],
    [['conforms', 'not-applicable'], 0],
    [['not-applicable'], 2],
    [['conforms', 'not-executed'], 2],
    [['conforms', 'inconclusive'], 2],
    [['conforms', 'error', 'inconclusive'], 3],
    [['conforms', 'error', 'violates', 'inconclusive', 'not-executed'], 1],
  ];
  for (const [parts, code] of rows) {
    it(`exit with ${code} for ${parts.join(', ')}`, () => assert.equal(exitCodeOf(parts), code));
  }
});
