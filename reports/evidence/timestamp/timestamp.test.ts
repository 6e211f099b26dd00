import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EvidenceError } from '../../../harness/errors.ts';
import { writeMadeUpRun } from '../../../harness/record/made-up-run.ts';
import { readRun } from '../../../harness/record/read.ts';
import { modelOf, type RunModel } from '../../../harness/record/run-model.ts';
import { askAuthority } from './authority.ts';
import { timeStampRequest } from './request.ts';
import { readTimeStampResponse } from './response.ts';
import { keepRequest, keepResponse, stampFiles, stampsOf } from './stamps.ts';

/** Made by OpenSSL 3.0's `ts` as authority, 2026-11-29: a query for digest d1d1…, its answer, and a refusal of SHA-1. */
const captured = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'test', name));
const digest = 'd1'.repeat(32);
const nonce = 0x8899aabbccddeeffn;

describe('time-stamps', () => {
  let folder: string;
  let model: RunModel;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stamps-'));
    writeMadeUpRun(folder);
    model = modelOf(readRun(folder).entries);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const is = (code: string) => (error: unknown) => error instanceof EvidenceError && error.code === code;
  /** The captured answer with the first occurrence of some bytes replaced. */
  const forged = (from: Uint8Array, to: Uint8Array): Buffer => {
    const answer = captured('granted.tsr');
    const at = answer.indexOf(from);
    assert.ok(at > 0);
    answer.set(to, at);
    return answer;
  };

  it('are asked for with the request that OpenSSL answered', () => {
    assert.deepEqual(timeStampRequest(Buffer.from(digest, 'hex'), nonce), captured('query.tsq'));
  });

  it('are read from an answer: digest, nonce, time, accuracy', () => {
    const stamped = readTimeStampResponse(captured('granted.tsr'));
    assert.equal(stamped.sha256, digest);
    assert.equal(stamped.nonce, nonce);
    assert.match(stamped.time, /^2026-11-29T14:3\d:\d\dZ$/);
    assert.equal(stamped.accuracyMs, 1500);
  });

  it('that were refused give the authority’s own words', () => {
    assert.throws(
      () => readTimeStampResponse(captured('refused.tsr')),
      (error) =>
        is('no-time-stamp')(error) && /status 2: Message digest algorithm is not supp/.test(String(error)),
    );
  });

  it('that are cut short or nonsense are an error that says so, never a crash', () => {
    const whole = captured('granted.tsr');
    for (let bytes = 0; bytes < whole.length; bytes += 7)
      assert.throws(
        () => readTimeStampResponse(whole.subarray(0, bytes)),
        is('no-time-stamp'),
        `${bytes} bytes`,
      );
    assert.throws(() => readTimeStampResponse(Buffer.from('<html>not here</html>')), is('no-time-stamp'));
  });

  it('are pending as long as there is no token, and asked for once', () => {
    assert.deepEqual(
      stampsOf(folder, model).map(({ state }) => state),
      ['not-requested', 'not-requested'],
    );
    const [opening] = stampsOf(folder, model);
    assert.ok(opening);
    const request = keepRequest(folder, 'opening', opening.sha256);
    assert.deepEqual(keepRequest(folder, 'opening', opening.sha256), request, 'the same nonce is sent again');
    assert.equal(stampsOf(folder, model)[0]?.state, 'pending');
  });

  describe('that answer another question', () => {
    const { request, response } = stampFiles('root');
    beforeEach(() => {
      keepRequest(folder, 'root', digest);
      copyFileSync(join(import.meta.dirname, 'test/query.tsq'), join(folder, request));
    });

    it('are not kept: another digest, another nonce', () => {
      const nonceBytes = Buffer.from('8899aabbccddeeff', 'hex');
      const wrong: [string, Buffer][] = [
        ['digest', forged(Buffer.from(digest, 'hex'), Buffer.from('d2'.repeat(32), 'hex'))],
        ['nonce', forged(nonceBytes, Buffer.from('8899aabbccddeefe', 'hex'))],
      ];
      for (const [what, answer] of wrong)
        assert.throws(() => keepResponse(folder, 'root', answer), is('wrong-time-stamp'), what);
      assert.ok(!existsSync(join(folder, response)));
      assert.equal(keepResponse(folder, 'root', captured('granted.tsr')).sha256, digest);
    });

    it('are called wrong when they lie in the folder all the same', () => {
      keepResponse(folder, 'root', captured('granted.tsr'));
      const root = stampsOf(folder, model).find(({ subject }) => subject === 'root');
      assert.equal(root?.state, 'wrong', 'the request is for another digest than this record’s root');
      const own = { ...model, root: digest };
      assert.equal(stampsOf(folder, own)[1]?.state, 'stamped');
      writeFileSync(join(folder, response), captured('refused.tsr'));
      assert.equal(stampsOf(folder, own)[1]?.state, 'wrong');
    });
  });

  it('of an authority on a port that fetch refuses: it says so, not “bad port”', async () => {
    await assert.rejects(
      askAuthority('http://127.0.0.1:6000/tsr', captured('query.tsq'), 5000),
      (error) =>
        error instanceof EvidenceError &&
        error.code === 'no-authority' &&
        /Node’s fetch refuses port 6000/.test(error.message) &&
        /on another port/.test(error.hint ?? ''),
    );
  });

  it('of an authority that is not there: the next step is named', async () => {
    await assert.rejects(
      askAuthority('http://127.0.0.1:2/', captured('query.tsq'), 5000),
      (error) => is('no-authority')(error) && /ECONNREFUSED/.test(String(error)),
    );
  });
});
