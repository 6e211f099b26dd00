import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'mocha';
import { hashOf, type Entry } from '../../../harness/record/entry.ts';
import { canonicalize } from '../../../harness/record/jcs.ts';
import { madeUpSecret, writeMadeUpRun } from '../../../harness/record/made-up-run.ts';
import { readRun } from '../../../harness/record/read.ts';
import { RunRecord } from '../../../harness/record/record.ts';
import { modelOf } from '../../../harness/record/run-model.ts';
import { newSigner, pack, scratch, verifyPackage } from '../test/made-up-package.ts';

describe('The verifier, of a run that went on after an interruption,', () => {
  const { path, remove } = scratch();
  const bench = newSigner();
  after(remove);

  /** As a crash leaves it between an entry and its signature, or somebody who wants another verdict. */
  function addUnsigned(dir: string, caseId: string, verdict: string): void {
    const file = `${dir}/record.jsonl`;
    const last = JSON.parse(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '') as Entry;
    const payload = { verdict, provisional: false, reason: 'unsigned', findings: [], tookMs: 1, attempt: 9 };
    const entry = { ...last, seq: last.seq + 1, prev: last.hash, kind: 'verdict', caseId, payload } as Entry;
    entry.hash = Buffer.from(hashOf({ ...entry })).toString('hex');
    writeFileSync(file, `${canonicalize(entry)}\n`, { flag: 'a' });
  }
  function resume(dir: string): RunRecord {
    return RunRecord.resume({ dir, signer: bench, secrets: [madeUpSecret] });
  }

  it('does not count verdicts that the bench had not signed, as the report does not', async () => {
    const dir = path('run');
    writeMadeUpRun(dir, { signer: bench, interrupted: true });
    addUnsigned(dir, 'SIG-02', 'conforms');
    resume(dir).abandon();
    addUnsigned(dir, 'RB-03', 'conforms');
    const { verdict, counts, interrupted } = modelOf(readRun(dir).entries);
    const again = resume(dir);
    again.close({ verdict, counts, interrupted, tookMs: 1 });
    const model = modelOf(readRun(dir).entries);
    const verdictOf = (id: string) => model.cases.find((one) => one.id === id)?.verdict;
    assert.deepEqual([verdictOf('SIG-02'), verdictOf('RB-03')], ['violates', 'violates']);
    const file = await pack(dir, path('resumed.tar'), { signers: [bench] });
    const found = verifyPackage(file, [bench.fingerprint]);
    assert.deepEqual([found.exitCode, found.problems, found.verdict], [0, [], 'violates']);
  });
});
