import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { discoverTargets } from './discover.ts';

const corpus = join(import.meta.dirname, '..', 'corpus');
const mostBytes = 150 * 1024;
const names = existsSync(corpus) ? readdirSync(corpus).sort() : [];

function inputsOf(name: string): Uint8Array[] {
  const folder = join(corpus, name);
  return readdirSync(folder).map((file) => Uint8Array.from(readFileSync(join(folder, file))));
}

describe('the corpus of inputs that once reached new code', () => {
  for (const name of names) {
    it(`${name}: is borne by every judge`, async () => {
      const target = (await discoverTargets()).find((candidate) => candidate.name === name);
      assert.ok(target, `there is a target ${name}`);
      const made = await target.make();
      for (const bytes of inputsOf(name)) {
        for (let judge = 0; judge < made.judges; judge += 1) made.run({ bytes, judge });
      }
    });
  }

  it('is there, and small', () => {
    const all = names.flatMap(inputsOf);
    assert.ok(all.length > 0);
    const bytes = all.reduce((sum, { length }) => sum + length, 0);
    assert.ok(bytes <= mostBytes, `${bytes} bytes`);
  });
});
