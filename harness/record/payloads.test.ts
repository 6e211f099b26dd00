import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EvidenceError } from '../errors.ts';
import { madeUpHeader } from './made-up-run.ts';
import { payloadsOf, type PayloadLimits } from './payloads.ts';
import { checkRun, readRun } from './read.ts';
import { RunRecord } from './record.ts';
import { countVerdicts } from './run-model.ts';

const secrets = [{ name: 'service password', bytes: Buffer.from('opensesame') }];
const closing = { verdict: 'conforms', counts: countVerdicts([]), tookMs: 1, interrupted: false } as const;
const image = (name: string, text: string) => {
  const bytes = Buffer.from(text);
  return { name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
};

describe('Payloads of a run', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'payloads-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  const open = (payloads?: PayloadLimits) =>
    RunRecord.open({ dir, secrets, ...(payloads === undefined ? {} : { payloads }) });
  const files = () => readdirSync(join(dir, 'payloads'));
  const codes = () => checkRun(dir).map(({ code }) => code);

  /** A run with one input and one image, which was offered twice. */
  function run(): RunRecord {
    const record = open();
    const inputs = [record.keepText('board.yaml', 'password: opensesame\n', 'application/yaml')];
    record.append('run-opened', { ...madeUpHeader(record.runId), images: [], inputs });
    for (const name of ['forged', 'forged, once more']) {
      const kept = record.keepImage(image(name, 'an altered image'));
      record.append('stimulus', { name: 'offer', rationale: 'altered', image: kept });
    }
    return record;
  }

  it('are kept once under their digest, before the entry that names them, without secrets', () => {
    run().close(closing);
    assert.equal(files().length, 2);
    for (const name of files()) {
      const bytes = readFileSync(join(dir, 'payloads', name));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), name);
      assert.ok(!bytes.includes('opensesame'));
    }
    assert.deepEqual(codes(), []);
    const named = payloadsOf(readRun(dir).entries);
    assert.deepEqual(
      named.map(({ name }) => name),
      ['board.yaml', 'forged'],
    );
  });

  it('are missed when they are gone, altered, cut or not of this run', () => {
    run().close(closing);
    const [name = ''] = files();
    const path = join(dir, 'payloads', name);
    const bytes = readFileSync(path);
    const cut = bytes.subarray(1);
    const flipped = Buffer.from(bytes);
    flipped[3] = (flipped[3] ?? 0) ^ 1;
    for (const changed of [cut, flipped]) {
      writeFileSync(path, changed);
      assert.deepEqual(codes(), ['payload-altered']);
    }
    writeFileSync(path, bytes);
    renameSync(path, `${path}.aside`);
    assert.deepEqual(codes().sort(), ['payload-foreign', 'payload-missing']);
    renameSync(`${path}.aside`, path);
    const stranger = image('stranger', 'put there afterwards');
    writeFileSync(join(dir, 'payloads', stranger.sha256), stranger.bytes);
    assert.deepEqual(codes(), ['payload-foreign']);
  });

  it('are left out with the reason when too large, too many, or holding a secret', () => {
    const record = open({ imageBytes: 20, runBytes: 30 });
    const why = (text: string) => record.keepImage(image('x', text)).notKept;
    assert.match(why('123456789012345678901') ?? '', /^21 bytes; images of up to 1 MiB are kept$/);
    assert.equal(why('12345678901234567890'), undefined);
    assert.match(why('another 12 b') ?? '', /of one run are used up/);
    assert.equal(why('12345678901234567890'), undefined, 'it is there already');
    assert.match(why('opensesame') ?? '', /it holds the secret service password/);
    assert.equal(files().length, 1);
    record.abandon();
  });

  it('are refused when their bytes are not those of the digest', () => {
    const record = open();
    const wrong = { ...image('x', 'these bytes'), sha256: image('x', 'other bytes').sha256 };
    assert.throws(
      () => record.keepImage(wrong),
      (error) => error instanceof EvidenceError && error.code === 'payload-digest',
    );
    record.abandon();
  });

  it('that no entry had come to name are named when the run goes on; half a file is taken away', () => {
    const record = run();
    const lost = record.keepImage(image('lost', 'stored, and then the power failed'));
    record.abandon();
    const half = join(dir, 'payloads', `${'0'.repeat(64)}.new`);
    writeFileSync(half, 'half');
    assert.deepEqual(codes(), []);
    const resumed = RunRecord.resume({ dir, secrets });
    resumed.close(closing);
    assert.ok(!existsSync(half));
    assert.deepEqual(codes(), []);
    assert.ok(payloadsOf(readRun(dir).entries).some(({ sha256 }) => sha256 === lost.sha256));
  });

  it('keep a run from going on when one was altered, named or not', () => {
    const record = run();
    const lost = record.keepImage(image('lost', 'stored, and then the power failed'));
    record.abandon();
    writeFileSync(join(dir, 'payloads', lost.sha256), 'altered');
    assert.throws(() => RunRecord.resume({ dir, secrets }), /payload-?s?.*altered/);
  });
});
