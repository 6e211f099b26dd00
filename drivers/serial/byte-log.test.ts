import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ByteLog } from './byte-log.ts';

describe('byte log', () => {
  it('gives back any range over bursts, with the time of each burst', () => {
    const log = new ByteLog(10_000);
    for (const text of ['ab', 'cde', 'f']) log.append(Buffer.from(text));
    for (let from = 0; from <= 6; from += 1) {
      for (let to = from; to <= 6; to += 1)
        assert.equal(log.slice(from, to).toString(), 'abcdef'.slice(from, to));
    }
    assert.equal(log.burstAt(4)?.position, 2);
    assert.equal(log.burstAt(6), undefined);
    const [first, second] = log.bursts();
    assert.ok(first !== undefined && second !== undefined && first.atMs <= second.atMs);
    assert.match(first.utc, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('keeps its own copy: serialport gives slices of a shared pool', () => {
    const log = new ByteLog(10_000);
    const pool = Buffer.from('abc');
    log.append(pool);
    pool.fill(0);
    assert.equal(log.slice(0).toString(), 'abc');
  });

  it('forgets the oldest bursts, single bytes included, and goes on counting', () => {
    const log = new ByteLog(100_000);
    for (let index = 0; index < 10_000; index += 1) log.append(Uint8Array.of(index & 0xff));
    assert.equal(log.end, 10_000);
    const held = log.end - log.start;
    assert.ok(held > 100 && held < 500, `${held} bursts of one byte held`);
    assert.equal(log.bursts().length, held);
    assert.equal(log.slice(log.start)[0], log.start & 0xff);
    assert.equal(log.slice(0).length, held);
  });

  it('keeps a burst that alone is larger than the bound', () => {
    const log = new ByteLog(10);
    log.append(Buffer.alloc(50));
    assert.equal(log.start, 0);
    log.append(Buffer.alloc(50));
    assert.equal(log.start, 50);
  });
});
