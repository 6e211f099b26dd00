import assert from 'node:assert/strict';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { describe, it } from 'mocha';
import { EvidenceError } from '../errors.ts';
import { diskNeededBytes, freeBytes, mustHaveSpace, watchingDisk } from './disk-space.ts';

describe('Room for evidence', () => {
  it('is measured on the disk of a folder that does not exist yet', () => {
    const there = freeBytes(tmpdir());
    const notYet = freeBytes(join(tmpdir(), 'fieldproof-not-there', 'deeper', 'still'));
    assert.ok(there !== undefined && there > 0);
    assert.ok(notYet !== undefined && notYet > 0);
  });

  it('is refused below what is needed, with numbers and the next step', () => {
    assert.throws(
      () => mustHaveSpace('/evidence', diskNeededBytes - 1),
      (error) =>
        error instanceof EvidenceError &&
        error.code === 'disk-full' &&
        /only 99 MiB are free .* 100 are needed/.test(error.message) &&
        /--out/.test(error.hint ?? ''),
    );
    mustHaveSpace('/evidence', diskNeededBytes);
    mustHaveSpace('/evidence', undefined);
  });

  it('is looked at again before each case', () => {
    const told: string[] = [];
    const started: string[] = [];
    let free: number | undefined = diskNeededBytes;
    const progress = watchingDisk(
      { caseStarted: (id) => started.push(id), caseEnded() {} },
      '/evidence',
      (reason) => told.push(reason),
      () => free,
    );
    progress.caseStarted('SIG-01', '');
    assert.deepEqual(told, []);
    free = 5 * 2 ** 20;
    progress.caseStarted('SIG-02', '');
    assert.deepEqual(told, ['only 5 MiB are left on the disk of /evidence']);
    assert.deepEqual(started, ['SIG-01', 'SIG-02']);
  });
});
