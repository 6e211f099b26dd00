import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { startCoverage, type Coverage } from './coverage.ts';
import { formatTarget, startFrom } from './format-target.ts';
import { distil, Fuzzer, type Finding } from './fuzzer.ts';
import * as plain from './planted.ts';
import { plantedFormat, toySample, type PlantedFault } from './planted.ts';
import { seededRandom } from './random.ts';
import { startRecord, startOf } from './records.ts';
import type { FuzzTarget } from './target.ts';

function toyTarget(fault: PlantedFault, planted = plain): FuzzTarget {
  const samples = [{ key: 'toy', format: planted.plantedFormat(fault), sample: planted.toySample(fault) }];
  return formatTarget('toy', startFrom(samples, true));
}

/** Fuzzes until something is found, at most so many inputs. */
function search(target: FuzzTarget, mostInputs: number, coverage?: Coverage): Fuzzer {
  const fuzzer = new Fuzzer(target, { random: seededRandom('a test'), coverage });
  fuzzer.load(target.seeds);
  while (fuzzer.inputs < mostInputs && fuzzer.findings.length === 0) fuzzer.step();
  return fuzzer;
}

function finding(fault: PlantedFault, mostInputs: number): Finding {
  const { findings, inputs } = search(toyTarget(fault), mostInputs);
  const [first] = findings;
  assert.ok(first, `nothing was found in ${inputs} inputs`);
  return first;
}

describe('the fuzzer', function () {
  this.timeout(60_000); // searches, slow on a busy machine
  it('finds nothing in a format without a fault', () => {
    assert.deepEqual(search(toyTarget('none'), 8000).findings, []);
  });

  it('finds the one value of a field for which a parser throws, and keeps of the input what matters', () => {
    const { key, input } = finding('throws', 20_000);
    assert.match(key, /^TypeError at .*planted\.ts:\d+/);
    assert.equal(Buffer.from(input.bytes).toString('hex'), '00000000ff7f');
  });

  it('finds reading without bound', () => {
    assert.match(finding('reads', 20_000).key, /N reads of N bytes/);
  });

  it('finds regions that overlap', () => {
    assert.match(finding('overlaps', 20_000).key, /starts where the one before ends/);
  });

  it('finds that altered bytes are accepted', () => {
    const { key, input } = finding('accepts', 20_000);
    assert.match(key, /accepted, and executes other bytes/);
    assert.equal(input.bytes.length, toySample('accepts').bytes.length);
  });

  it('finds nothing of what is behind several conditions without knowing what code was reached', () => {
    assert.deepEqual(search(toyTarget('deep'), 8000).findings, []);
  });

  it('finds it with that knowledge', async () => {
    const coverage = startCoverage((url) => url.includes('planted.ts?covered'));
    assert.ok(coverage, 'this Node.js tells which code is executed');
    try {
      // A copy of the module that is compiled with counters.
      const url = `${pathToFileURL(join(import.meta.dirname, 'planted.ts')).href}?covered`;
      const planted = (await import(url)) as typeof plain;
      const target = toyTarget('deep', planted);
      const fuzzer = search(target, 100_000, coverage);
      assert.match(fuzzer.findings[0]?.key ?? 'nothing', /^RangeError at/);
      const few = distil(target, fuzzer.kept, coverage.fresh());
      assert.ok(few.length > 0 && few.length < fuzzer.kept.length, `${few.length} of ${fuzzer.kept.length}`);
    } finally {
      coverage.close();
    }
  });

  it('does the same again for the same seed', () => {
    const kept = (): string[] =>
      search(toyTarget('none'), 3000).kept.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
    assert.deepEqual(kept(), kept());
  });

  it('makes a target again from its record', () => {
    const sample = toySample('none');
    const format = plantedFormat('none');
    const start = startFrom([{ key: 'toy', format, sample }], true);
    const record = JSON.parse(JSON.stringify(startRecord(start))) as ReturnType<typeof startRecord>;
    const again = startOf(record, new Map([['toy', format]]));
    assert.deepEqual(
      again.seeds,
      start.seeds.map((seed) => ({ ...seed, bytes: Uint8Array.from(seed.bytes) })),
    );
    assert.deepEqual(Buffer.from(again.samples[0]?.sample.bytes ?? []), sample.bytes);
  });
});
