import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import {
  fakeAuthority,
  type FakeAuthority,
} from '../../../reports/evidence/timestamp/test/fake-authority.ts';
import { readTimeStampResponse } from '../../../reports/evidence/timestamp/response.ts';
import { sha256Hex } from '../../record/digest.ts';
import type { Entry } from '../../record/entry.ts';
import { entriesOf, fieldproof, killAll, onlyRun, testBoard, type TestBoard } from '../test/command.ts';

describe('fieldproof run --authority', function () {
  this.timeout(180_000); // as for all tests that start the command line from source

  let board: TestBoard;
  let authority: FakeAuthority;
  beforeEach(async () => {
    board = testBoard();
    authority = await fakeAuthority();
  });
  afterEach(async () => {
    await killAll();
    await authority.stop();
    board.remove();
  });

  const run = (url: string, ...more: string[]) =>
    fieldproof('run', board.board, '--case', 'SIG-02', '--out', board.out, '--authority', url, ...more);
  const stampEntry = (
    entries: readonly Entry[],
  ): { at: number; ok: unknown; detail: string; token: unknown } => {
    const payloads = entries.map(({ payload }) => payload as Readonly<Record<string, unknown>>);
    const at = payloads.findIndex(({ action }) => action === 'time-stamp of the opening');
    return {
      at,
      ok: payloads[at]?.['ok'],
      detail: String(payloads[at]?.['detail']),
      token: payloads[at]?.['sha256'],
    };
  };

  it('has the opening stamped before hardware is touched, and the root in the end', async () => {
    const { code, stderr } = await run(authority.url);
    assert.equal(code, 0, stderr);
    const dir = onlyRun(board.out);
    const entries = entriesOf(dir);
    const { at, ok, detail, token: named } = stampEntry(entries);
    assert.equal(ok, true, detail);
    const before = entries.slice(0, at).map(({ kind }) => kind);
    assert.deepEqual(new Set(before), new Set(['run-opened', 'secrets-declared']));
    const token = readFileSync(join(dir, 'timestamps/opening.tsr'));
    assert.equal(readTimeStampResponse(token).sha256, entries[0]?.hash);
    assert.equal(named, sha256Hex(token), 'which token it was');
    const { root } = entries.at(-1)?.payload as { root: string };
    assert.equal(readTimeStampResponse(readFileSync(join(dir, 'timestamps/root.tsr'))).sha256, root);
    assert.equal(authority.asked(), 2);
    const page = readFileSync(join(dir, 'test-report.html'), 'utf8');
    assert.match(page, /Time-stamp of the first entry: 20\d\d-/);
    assert.match(page, /Time-stamp of the root: 20\d\d-/);
    // A later answer cannot take the place of the one that the record names, and the authority is not asked for one.
    writeFileSync(join(dir, 'timestamps/opening.tsr'), 'another');
    const wrong = await fieldproof('timestamp', dir, '--authority', authority.url);
    assert.deepEqual([wrong.code, authority.asked()], [3, 2], wrong.stdout);
    assert.equal(readFileSync(join(dir, 'timestamps/opening.tsr'), 'utf8'), 'another');
  });

  it('goes on where nobody answers: the same verdict, and requests that are pending', async () => {
    await authority.stop();
    const { code, stderr } = await run(authority.url);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /gave no token.*\n.*stays pending/);
    const dir = onlyRun(board.out);
    const { ok, detail } = stampEntry(entriesOf(dir));
    assert.equal(ok, false);
    assert.match(detail, /^pending: /);
    const page = readFileSync(join(dir, 'test-report.html'), 'utf8');
    assert.match(page, /Time-stamp of the root: pending/);
    authority = await fakeAuthority();
    const later = await fieldproof('timestamp', dir, '--authority', authority.url, '--json');
    assert.equal(later.code, 0, later.stderr);
  });

  it('wants an address', async () => {
    const { code, stderr } = await run('timestamp.example');
    assert.equal(code, 64);
    assert.match(stderr, /an address is needed/);
    assert.equal(authority.asked(), 0);
  });
});
