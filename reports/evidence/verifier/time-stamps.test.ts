import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { sha256Hex } from '../../../harness/record/digest.ts';
import { writeMadeUpRun } from '../../../harness/record/made-up-run.ts';
import { readRun } from '../../../harness/record/read.ts';
import { modelOf } from '../../../harness/record/run-model.ts';
import { makers, newSigner, pack, scratch, verifierPath, verifyPackage } from '../test/made-up-package.ts';
import { stampParts } from '../timestamp/parts.ts';
import { keepRequest, openingStampAction, stampFiles, stampsOf } from '../timestamp/stamps.ts';

const { timeStampFault } = (await import(verifierPath.href)) as {
  timeStampFault: (request: Buffer, response: Buffer, digest: string) => string | undefined;
};

/** Made by OpenSSL 3.0's `ts` as authority, 2026-11-29. */
const captured = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../timestamp/test', name));
const digest = 'd1'.repeat(32);

describe('The verifier, of time-stamps,', () => {
  const { path, remove } = scratch();
  after(remove);

  const forged = (from: string, to: string): Buffer => {
    const answer = captured('granted.tsr');
    const at = answer.indexOf(Buffer.from(from, 'hex'));
    assert.ok(at > 0);
    answer.set(Buffer.from(to, 'hex'), at);
    return answer;
  };
  const fault = (response: Buffer, wanted = digest) =>
    timeStampFault(captured('query.tsq'), response, wanted);

  it('finds a token right that answers its request and stamps the digest', () => {
    assert.equal(fault(captured('granted.tsr')), undefined);
  });

  it('names what is wrong: refused, another digest, another nonce, of another record', () => {
    assert.match(fault(captured('refused.tsr')) ?? '', /not granted/);
    assert.match(fault(forged(digest, 'd2'.repeat(32))) ?? '', /^stamps d2d2/);
    assert.match(fault(forged('8899aabbccddeeff', '8899aabbccddeefe')) ?? '', /another nonce/);
    assert.match(fault(captured('granted.tsr'), 'ab'.repeat(32)) ?? '', /not of this record/);
  });

  it('takes no answer that was cut short, and does not fail over it', () => {
    const whole = captured('granted.tsr');
    for (let bytes = 0; bytes < whole.length; bytes += 11)
      assert.equal(typeof fault(whole.subarray(0, bytes)), 'string', `${bytes} bytes`);
  });

  it('says pending of a request without an answer, and finds an answer to another question', async () => {
    const runDir = path('run');
    const signer = newSigner();
    writeMadeUpRun(runDir, { signer });
    const root = modelOf(readRun(runDir).entries).root ?? '';
    keepRequest(runDir, 'root', root);
    const packed = () =>
      pack(runDir, path('one.tar'), { signers: [signer], makers: [...makers, stampParts] });
    const pending = verifyPackage(await packed(), [signer.fingerprint]);
    assert.equal(pending.exitCode, 0);
    assert.ok(pending.notChecked.some(({ what, why }) => /root/.test(what) && /pending/.test(why)));
    copyFileSync(
      join(import.meta.dirname, '../timestamp/test/granted.tsr'),
      join(runDir, stampFiles('root').response),
    );
    const wrong = verifyPackage(await packed(), [signer.fingerprint]);
    assert.equal(wrong.exitCode, 1);
    assert.deepEqual(
      wrong.problems.map(({ code, where }) => [code, where]),
      [['time-stamp-wrong', 'timestamps/root.tsr']],
    );
  });

  it('says withheld of what is withheld, and not that it is pending or wrong', async () => {
    const runDir = path('withheld');
    const signer = newSigner();
    writeMadeUpRun(runDir, { signer });
    keepRequest(runDir, 'root', modelOf(readRun(runDir).entries).root ?? '');
    writeFileSync(join(runDir, stampFiles('root').response), captured('granted.tsr'));
    for (const file of [...Object.values(stampFiles('root')), 'seal.json', 'seal.dsse.json']) {
      await pack(runDir, path('redacted.tar'), {
        signers: [signer],
        makers: [...makers, stampParts],
        redact: file.startsWith('seal') ? [file, 'timestamps'] : [file],
      });
      const { exitCode, problems, notChecked } = verifyPackage(path('redacted.tar'), [signer.fingerprint]);
      assert.deepEqual([exitCode, problems], [file === 'seal.dsse.json' ? 2 : 0, []], file);
      assert.ok(
        notChecked.some(({ what, why }) => /root/.test(what) && /withheld/.test(why)),
        file,
      );
    }
  });

  it('finds an opening that was stamped by another answer than the record names', async () => {
    const runDir = path('opening');
    const signer = newSigner();
    const token = captured('granted.tsr');
    const named = (sha256: string) => {
      rmSync(runDir, { recursive: true, force: true });
      writeMadeUpRun(runDir, { signer, afterOpening: { action: openingStampAction, ok: true, sha256 } });
      const [opening] = readRun(runDir).entries;
      keepRequest(runDir, 'opening', opening?.hash ?? '');
      writeFileSync(join(runDir, stampFiles('opening').response), token);
    };
    const found = async () => {
      await pack(runDir, path('two.tar'), { signers: [signer], makers: [...makers, stampParts] });
      return verifyPackage(path('two.tar'), [signer.fingerprint]).problems.map(({ message }) => message);
    };
    named('ab'.repeat(32));
    assert.equal((await found()).filter((message) => /the record says came before/.test(message)).length, 1);
    const [stamp] = stampsOf(runDir, modelOf(readRun(runDir).entries));
    assert.match(stamp?.state === 'wrong' ? stamp.why : '', /the record names another answer/);
    named(sha256Hex(token));
    assert.equal((await found()).filter((message) => /the record says came before/.test(message)).length, 0);
  });
});
