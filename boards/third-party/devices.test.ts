import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type { ThirdPartyDevice } from './device.ts';
import { devices } from './devices.ts';
import { summary, testsOf } from './test.ts';

describe('the third-party devices', () => {
  it('are complete: a name that is their folder’s, boards, packages, a test, a README', async () => {
    const known = await devices();
    assert.ok(known.length > 0);
    for (const { name, packages, needs, boards } of known) {
      assert.ok(testsOf(name).length > 0, `${name} has no test`);
      const file = (path: string): string => join(import.meta.dirname, name, path);
      assert.ok(packages.length > 0 && needs.length > 0, name);
      const judged = boards.length === 0 ? [] : ['verdicts.yaml', ...boards.map((board) => `${board}.yaml`)];
      const wanted = ['README.md', ...judged];
      assert.deepEqual(
        wanted.filter((path) => !existsSync(file(path))),
        [],
        name,
      );
    }
  });

  it('are told of at the end: which were tested, and which were skipped for want of what', () => {
    const one = {
      name: 'a',
      title: 'A 1.0',
      packages: ['a-tools', 'b'],
      needs: ['sh'],
    } as unknown as ThirdPartyDevice;
    const lacking = { ...one, name: 'c', title: 'C 2.0', needs: ['sh', 'no-such-tool'] };
    assert.deepEqual(summary([one, lacking]).split('\n'), [
      'tested   a: A 1.0',
      'SKIPPED  c: C 2.0, for want of no-such-tool: apt-get install a-tools b',
      'Devices: 1 tested, 1 skipped',
    ]);
  });
});
