import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { editDistance, nearest } from './nearest.ts';
import { inUnitOf, meantQuantity } from './units.ts';

describe('mistyped keys and units', () => {
  it('counts edits, a swap of neighbours as one', () => {
    assert.equal(editDistance('kitten', 'sitting'), 3);
    assert.equal(editDistance('golden', 'gloden'), 1);
    assert.equal(editDistance('', 'abc'), 3);
    assert.equal(editDistance('same', 'same'), 0);
  });

  it('proposes the nearest word, whatever its case and hyphens, and nothing far-fetched', () => {
    assert.equal(nearest('baud_rate', ['path', 'baudRate']), 'baudRate');
    assert.equal(nearest('hots', ['host', 'port']), 'host');
    assert.equal(nearest('elephant', ['host', 'port']), undefined);
    assert.equal(nearest('x', []), undefined);
  });

  it('turns values with units into the unit of the key', () => {
    assert.equal(inUnitOf('replyWithinMs', '2s'), 2000);
    assert.equal(inUnitOf('replyWithinMs', '250 ms'), 250);
    assert.equal(inUnitOf('imageBytes', '4 KiB'), 4096);
    assert.equal(inUnitOf('replyWithinMs', '2 parsecs'), undefined);
    assert.equal(inUnitOf('replyWithinMs', 2), undefined);
    assert.equal(inUnitOf('path', '2s'), undefined);
  });

  it('finds the key with a unit that one without, or with another unit, was meant to be', () => {
    const known = ['replyWithinMs', 'timeoutMs', 'imageBytes', 'path'];
    assert.equal(meantQuantity('replyWithin', '2s', known), 'replyWithinMs: 2000');
    assert.equal(meantQuantity('replyWithin', 500, known), 'replyWithinMs: 500');
    assert.equal(meantQuantity('timeoutSec', 3, known), 'timeoutMs: 3000');
    assert.equal(meantQuantity('timeout_s', 3, known), 'timeoutMs: 3000');
    assert.equal(meantQuantity('timeoutS', 3, known), 'timeoutMs: 3000');
    assert.equal(meantQuantity('reply_within_ms', 3, known), 'replyWithinMs: 3');
    assert.equal(meantQuantity('TimeoutMinutes', 2, known), 'timeoutMs: 120000');
    assert.equal(meantQuantity('paht', '2s', known), undefined);
  });
});
