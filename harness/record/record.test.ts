import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EvidenceError } from '../errors.ts';
import { AppendFile } from './durable-file.ts';
import { madeUpHeader, madeUpSecret, writeMadeUpRun } from './made-up-run.ts';
import { channelsOf, readWire } from './read-wire.ts';
import { checkRun, readRun } from './read.ts';
import { RunRecord } from './record.ts';
import { countVerdicts } from './run-model.ts';

const closing = { verdict: 'conforms', counts: countVerdicts([]), tookMs: 1, interrupted: false } as const;

describe('The record of a run', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'record-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it('is closed with count and root, sealed, and found in order', () => {
    writeMadeUpRun(dir);
    assert.deepEqual(checkRun(dir), []);
    const { entries, seal, torn } = readRun(dir);
    const last = entries.at(-1);
    assert.ok(last?.kind === 'record-closed');
    assert.equal(entries[0]?.kind, 'run-opened');
    assert.equal(last.payload.count, entries.length - 1);
    assert.equal(seal?.root, last.payload.root);
    assert.equal(seal?.head, last.hash);
    assert.equal(torn, undefined);
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      entries.map((_, index) => index),
    );
  });

  it('is there, empty, before anything else happens, and is never written over', () => {
    const record = RunRecord.open({ dir });
    assert.equal(readFileSync(join(dir, 'record.jsonl'), 'utf8'), '');
    record.abandon();
    assert.throws(
      () => RunRecord.open({ dir }),
      (error) => error instanceof EvidenceError && error.hint?.includes('--resume') === true,
    );
  });

  it('begins with what the run is bound to', () => {
    const record = RunRecord.open({ dir, runId: 'r' });
    const order = (error: unknown) => error instanceof EvidenceError && error.code === 'record-order';
    assert.throws(() => record.append('note', { text: 'too early' }), order);
    assert.throws(() => record.append('run-opened', madeUpHeader('another')), order);
    record.append('run-opened', madeUpHeader('r'));
    assert.throws(() => record.append('run-opened', madeUpHeader('r')), order);
    record.abandon();
  });

  it('holds no secret anywhere, and its wires show where one was', () => {
    writeMadeUpRun(dir);
    const files = ['record.jsonl', ...readdirSync(join(dir, 'wire')).map((name) => `wire/${name}`)];
    for (const file of files) assert.ok(!readFileSync(join(dir, file)).includes('opensesame'), file);
    const { entries } = readRun(dir);
    const declared = entries.find((entry) => entry.kind === 'secrets-declared');
    const [secret] = declared?.payload.secrets ?? [];
    assert.equal(secret?.name, 'service password');
    const happened = [...readWire(dir, entries, 'console')];
    const noted = happened.filter((one) => one.kind === 'secret');
    assert.equal(noted.length, 3);
    assert.equal(noted[0]?.commitment, secret?.commitment);
    const text = happened.map((one) => (one.kind === 'burst' ? one.bytes.toString('latin1') : '')).join('');
    assert.ok(text.startsWith('login ********** for SIG-01\r\n'), text);
    assert.equal(statSync(join(dir, 'private/secret-salts.json')).mode & 0o777, 0o600);
  });

  it('blanks a secret that comes in pieces with checkpoints between them', () => {
    const record = RunRecord.open({ dir, secrets: [{ name: 'k', bytes: Buffer.from('opensesame') }] });
    record.append('run-opened', madeUpHeader(record.runId));
    const wire = record.wireLog('console');
    for (const byte of Buffer.from('<opensesame>')) {
      wire.sent(Uint8Array.of(byte));
      wire.received(Uint8Array.of(byte === 0x3e ? 0x3e : 0x2e));
      record.checkpoint();
    }
    record.close(closing);
    const { entries } = readRun(dir);
    const of = (direction: string) =>
      [...readWire(dir, entries, 'console')]
        .map((one) => (one.kind === 'burst' && one.direction === direction ? one.bytes.toString() : ''))
        .join('');
    assert.equal(of('sent'), '<**********>');
    assert.equal(of('received'), '...........>');
  });

  it('blanks the beginning of a secret whose rest never comes', () => {
    const record = RunRecord.open({ dir, secrets: [{ name: 'k', bytes: Buffer.from('opensesame') }] });
    record.append('run-opened', madeUpHeader(record.runId));
    record.wireLog('console').sent(Buffer.from('login opensesa'));
    record.close(closing);
    assert.equal(readFileSync(join(dir, 'wire/console-0001.bin'), 'latin1'), 'login ********');
    assert.deepEqual(checkRun(dir), []);
  });

  it('cuts a long traffic into segments, and gives it back byte for byte', () => {
    const record = RunRecord.open({ dir });
    record.append('run-opened', madeUpHeader(record.runId));
    const wire = record.wireLog('modbus/tcp 1');
    const sent: Buffer[] = [];
    for (let index = 0; index < 30_000; index += 1) {
      const burst = Buffer.from(`burst ${index};`);
      sent.push(burst);
      if (index % 2 === 0) wire.sent(burst);
      else wire.received(burst);
      if (index % 9999 === 0) record.checkpoint();
    }
    wire.event('reset by peer');
    record.close(closing);
    assert.deepEqual(checkRun(dir), []);
    const { entries } = readRun(dir);
    assert.deepEqual(channelsOf(entries), ['modbus/tcp 1']);
    const happened = [...readWire(dir, entries, 'modbus/tcp 1')];
    const bursts = happened.filter((one) => one.kind === 'burst');
    assert.equal(bursts.length, 30_000);
    assert.ok(Buffer.concat(bursts.map(({ bytes }) => bytes)).equals(Buffer.concat(sent)));
    assert.equal(bursts[7]?.direction, 'received');
    assert.equal(happened.at(-1)?.kind, 'event');
    const times = bursts.map(({ tMono }) => tMono);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    const segments = entries.filter(({ kind }) => kind === 'wire-segment').length;
    assert.ok(segments >= 5, `${segments} segments`);
  });

  it('gives only what falls into a window of time', () => {
    const record = RunRecord.open({ dir });
    record.append('run-opened', madeUpHeader(record.runId));
    const wire = record.wireLog('console');
    wire.sent(Buffer.from('before'));
    record.append('note', { text: 'a' });
    // The clock has to move on, or the window would touch what came before it.
    for (const from = record.now(); record.now() <= from + 0.01;);
    const fromMs = record.now();
    wire.sent(Buffer.from('within'));
    const toMs = record.now();
    for (; record.now() <= toMs + 0.01;);
    wire.sent(Buffer.from('after'));
    record.close(closing);
    const { entries } = readRun(dir);
    const seen = [...readWire(dir, entries, 'console', { fromMs, toMs })];
    assert.deepEqual(
      seen.map((one) => (one.kind === 'burst' ? one.bytes.toString() : one.kind)),
      ['within'],
    );
  });

  it('goes on after a power loss, saying what was torn, and covers the segments left open', () => {
    writeMadeUpRun(dir, { interrupted: true });
    const before = readRun(dir).entries;
    writeFileSync(join(dir, 'record.jsonl'), '{"attempt":1,"ca', { flag: 'a' });
    writeFileSync(join(dir, 'wire/console-0001.bin'), 'late', { flag: 'a' });
    assert.deepEqual(checkRun(dir), []);
    assert.equal(readRun(dir).torn?.line, before.length + 1);

    const record = RunRecord.resume({ dir, secrets: [madeUpSecret] });
    assert.ok(record.now() >= (before.at(-1)?.tMono ?? Infinity));
    record.wireLog('console').sent(Buffer.from('again'));
    record.close(closing);
    assert.deepEqual(checkRun(dir), []);
    const { entries } = readRun(dir);
    const resumed = entries[before.length];
    assert.ok(resumed?.kind === 'record-resumed' && resumed.payload.tornBytes === 16);
    const recovered = entries.filter(
      (entry) => entry.kind === 'wire-segment' && entry.payload.recovered === true,
    );
    assert.equal(recovered.length, 2);
    const last = [...readWire(dir, entries, 'console')].at(-1);
    assert.ok(last?.kind === 'burst' && last.bytes.toString() === 'again');
    assert.throws(
      () => RunRecord.resume({ dir }),
      (error) => error instanceof EvidenceError && error.message.includes('complete'),
    );
  });

  it('does not go on when its files were altered', () => {
    writeMadeUpRun(dir, { interrupted: true });
    const path = join(dir, 'record.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace('forged image runs', 'golden image runs'));
    assert.throws(
      () => RunRecord.resume({ dir }),
      (error) => error instanceof EvidenceError && error.code === 'cannot-resume',
    );
  });

  it('says what to do when the folder cannot be used or the disk is full', () => {
    writeFileSync(join(dir, 'file'), '');
    assert.throws(
      () => RunRecord.open({ dir: join(dir, 'file', 'run') }),
      (error) =>
        error instanceof EvidenceError && error.hint !== undefined && error.message.includes('ENOTDIR'),
    );
    const full = new AppendFile('/dev/full', 'a');
    assert.throws(
      () => full.append(Buffer.from('x')),
      (error) =>
        error instanceof EvidenceError &&
        error.message.includes('ENOSPC') &&
        error.hint?.includes('Free space') === true,
    );
    full.close();
  });

  it('tells trouble with a wire file at the next checkpoint, not in the driver, and writes nothing more', () => {
    const record = RunRecord.open({ dir });
    record.append('run-opened', madeUpHeader(record.runId));
    symlinkSync('/dev/full', join(dir, 'wire/console-0001.bin'));
    const wire = record.wireLog('console');
    for (let index = 0; index < 10; index += 1) wire.sent(Buffer.alloc(10_000));
    const failed = (error: unknown) => error instanceof EvidenceError && error.code === 'cannot-write';
    assert.throws(() => record.checkpoint(), failed);
    assert.throws(() => record.append('note', { text: 'x' }), failed);
    assert.throws(() => record.close(closing), failed);
    record.abandon();
    assert.ok(record.failure !== undefined);
  });

  it('may be closed twice and used no more', () => {
    mkdirSync(join(dir, 'run'));
    const record = writeMadeUpRun(join(dir, 'run'));
    const seal = record.close(closing);
    assert.equal(seal.runId, 'made-up-1');
    assert.throws(() => record.append('note', { text: 'x' }), EvidenceError);
  });
});
