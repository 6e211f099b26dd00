import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { missingOf, sha256Of, type ThirdPartyDevice } from './device.ts';

describe('what a third-party device needs', () => {
  let folder = '';
  const path = process.env['PATH'];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'fieldproof-needs-'));
    process.env['PATH'] = folder;
    for (const [name, mode] of [
      ['tool-of-a-test', 0o755],
      ['notes-of-a-test', 0o644],
    ] as const) {
      writeFileSync(join(folder, name), 'abc');
      chmodSync(join(folder, name), mode); // whatever the umask
    }
  });
  after(() => {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true, force: true });
  });

  const missing = (...needs: string[]): string[] => missingOf({ needs } as unknown as ThirdPartyDevice);

  it('is there as a program on the path, or as a file', () => {
    assert.deepEqual(missing('tool-of-a-test', join(folder, 'notes-of-a-test')), []);
  });

  it('is missing, by name, when it is no program or no file', () => {
    const nowhere = join(folder, 'nowhere.bin');
    assert.deepEqual(missing('tool-of-a-test', 'notes-of-a-test', nowhere, 'nothing'), [
      'notes-of-a-test',
      nowhere,
      'nothing',
    ]);
  });

  it('has digests as board files want them', () => {
    // FIPS 180-4, example of one block: "abc".
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    assert.equal(sha256Of(join(folder, 'tool-of-a-test')), abc);
  });
});
