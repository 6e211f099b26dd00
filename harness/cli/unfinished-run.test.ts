import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { madeUpHeader, writeMadeUpRun } from '../record/made-up-run.ts';
import { RunRecord } from '../record/record.ts';
import { signerOf } from '../record/signing.ts';
import { signedRun, unfinishedRun } from './unfinished-run.ts';

describe('An unfinished run', () => {
  let dir: string;
  const signer = signerOf(generateKeyPairSync('ed25519').privateKey, 'test');
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'unfinished-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it('has decided what the bench has signed, and nothing behind that', () => {
    const record = RunRecord.open({ dir, signer });
    const header = { ...madeUpHeader(record.runId), benchKey: signer.fingerprint, selected: ['SIG-01'] };
    record.append('run-opened', header);
    const checkpoint = join(dir, 'checkpoint.dsse.json');
    const early = readFileSync(checkpoint);
    const said = { provisional: false, reason: 'refused', findings: [], tookMs: 1, attempt: 1 };
    record.append('verdict', { verdict: 'conforms', ...said }, { caseId: 'SIG-01' });
    record.abandon();
    const toRun = () => signedRun(unfinishedRun(dir), signer).continuation.toRun;
    assert.deepEqual(toRun(), []);
    writeFileSync(checkpoint, early);
    assert.deepEqual(toRun(), ['SIG-01']);
    rmSync(checkpoint);
    assert.throws(toRun, { code: 'cannot-resume' });
  });

  it('is also one that was closed, and lacks the signature that its opening promised', () => {
    writeMadeUpRun(dir, { signer });
    assert.throws(() => unfinishedRun(dir), /closed and sealed/);
    rmSync(join(dir, 'seal.dsse.json'));
    assert.ok(unfinishedRun(dir).continuation.ended);
  });
});
