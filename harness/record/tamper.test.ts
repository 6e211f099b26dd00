import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EvidenceError } from '../errors.ts';
import { hashOf, type Entry } from './entry.ts';
import { canonicalize } from './jcs.ts';
import { madeUpSecret, writeMadeUpRun } from './made-up-run.ts';
import { checkRun, readRun } from './read.ts';
import { RunRecord } from './record.ts';

describe('Tampering with a record', () => {
  let original: string;
  let dir: string;
  before(() => {
    original = mkdtempSync(join(tmpdir(), 'original-'));
    writeMadeUpRun(original);
  });
  after(() => {
    rmSync(original, { recursive: true, force: true });
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tampered-'));
    cpSync(original, dir, { recursive: true });
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  const path = (file = 'record.jsonl') => join(dir, file);
  const lines = () => readFileSync(path(), 'utf8').split('\n').slice(0, -1);
  const store = (changed: readonly string[]) => {
    writeFileSync(path(), changed.map((line) => `${line}\n`).join(''));
  };
  const codes = () => checkRun(dir).map(({ code }) => code);
  const violation = () => lines().findIndex((line) => line.includes('the forged image runs'));

  it('leaves an untouched copy in order', () => {
    assert.deepEqual(checkRun(dir), []);
  });

  it('is seen in every single altered line', () => {
    const sound = lines();
    for (const [index, line] of sound.entries()) {
      const changed = line.replace(/"tUtc":"2/, '"tUtc":"1');
      assert.notEqual(changed, line);
      store(sound.with(index, changed));
      const problem = checkRun(dir).find(({ code }) => code === 'line-altered');
      assert.equal(problem?.where, `record.jsonl:${index + 1}`);
    }
  });

  it('is seen when a verdict is changed, and reading refuses', () => {
    const at = violation();
    store(lines().with(at, lines()[at]?.replace('"verdict":"violates"', '"verdict":"conforms"') ?? ''));
    assert.ok(codes().includes('line-altered'));
    assert.throws(
      () => readRun(dir),
      (error) =>
        error instanceof EvidenceError &&
        error.code === 'record-altered' &&
        error.message.includes(`:${at + 1}`),
    );
  });

  it('is seen when only white space or the order of names is changed', () => {
    store(lines().with(3, JSON.stringify(JSON.parse(lines()[3] ?? ''), null, 1).replaceAll('\n', '')));
    assert.deepEqual(codes(), ['line-altered']);
  });

  it('is seen when a line is rewritten with a fresh hash', () => {
    const at = violation();
    const entry = JSON.parse(lines()[at] ?? '') as Entry & { payload: { verdict?: string } };
    entry.payload.verdict = 'conforms';
    entry.hash = Buffer.from(hashOf({ ...entry })).toString('hex');
    store(lines().with(at, canonicalize(entry)));
    assert.deepEqual(codes(), ['chain-broken', 'root-wrong']);
  });

  it('is seen when the whole chain is rewritten but its close is not', () => {
    let prev = '0'.repeat(64);
    const rewritten = lines().map((line) => {
      const entry = JSON.parse(line.replace('"verdict":"violates"', '"verdict":"conforms"')) as Entry;
      entry.prev = prev;
      entry.hash = Buffer.from(hashOf({ ...entry })).toString('hex');
      prev = entry.hash;
      return canonicalize(entry);
    });
    store(rewritten);
    assert.deepEqual(codes(), ['root-wrong', 'seal-wrong']);
  });

  it('is seen when a line is removed', () => {
    const at = violation();
    store(lines().toSpliced(at, 1));
    assert.deepEqual(codes(), ['entry-missing', 'count-wrong', 'root-wrong']);
    assert.ok(checkRun(dir)[0]?.message.includes(String(at)));
  });

  it('is seen when the first line is removed', () => {
    store(lines().slice(1));
    assert.ok(codes().includes('entry-missing'));
  });

  it('is seen when two lines change places or one comes twice', () => {
    const sound = lines();
    const [fourth, fifth] = sound.slice(4, 6);
    store(sound.with(4, fifth ?? '').with(5, fourth ?? ''));
    assert.ok(codes().includes('entry-out-of-order'));
    store(sound.toSpliced(5, 0, fourth ?? ''));
    assert.ok(codes().includes('entry-out-of-order'));
  });

  it('is seen when the tail is cut off after the close', () => {
    for (const left of [-1, -2, -10]) {
      store(lines().slice(0, left));
      assert.ok(codes().includes('tail-cut'), `${left}`);
      cpSync(join(original, 'record.jsonl'), path());
    }
  });

  it('is seen when something is added after the close, or the close is torn', () => {
    const extra = lines().at(-2) ?? '';
    store([...lines(), extra]);
    assert.ok(codes().includes('after-close'));
    cpSync(join(original, 'record.jsonl'), path());
    writeFileSync(path(), '{"half', { flag: 'a' });
    assert.ok(codes().includes('after-close'));
    cpSync(join(original, 'record.jsonl'), path());
    truncateSync(path(), readFileSync(path()).length - 5);
    assert.ok(codes().includes('tail-cut'));
  });

  it('is seen in one flipped bit, a missing byte and an added byte of every wire file', () => {
    const files = [
      'console-0001.bin',
      'console-0001.index.jsonl',
      'modbus-0001.bin',
      'modbus-0001.index.jsonl',
    ];
    for (const name of files) {
      const file = `wire/${name}`;
      const sound = readFileSync(path(file));
      const flipped = Buffer.from(sound);
      flipped[10] = (flipped[10] ?? 0) ^ 0x01;
      for (const changed of [flipped, sound.subarray(1), Buffer.concat([sound, Buffer.from([0])])]) {
        writeFileSync(path(file), changed);
        assert.deepEqual(
          checkRun(dir).map(({ code, where }) => [code, where]),
          [['segment-altered', file]],
        );
      }
      rmSync(path(file));
      assert.deepEqual(codes(), ['segment-missing']);
      writeFileSync(path(file), sound);
    }
    writeFileSync(path('wire/extra-0001.bin'), 'x');
    assert.deepEqual(codes(), ['segment-foreign']);
  });

  it('is seen in a byte that is no UTF-8 and would be read as the replacement character', () => {
    rmSync(dir, { recursive: true });
    const record = writeMadeUpRun(dir, { interrupted: true, header: { seed: '\ufffd' } });
    assert.deepEqual(checkRun(dir), []);
    const bytes = readFileSync(path());
    const at = bytes.indexOf('\ufffd');
    writeFileSync(path(), Buffer.concat([bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at + 3)]));
    const [problem] = checkRun(record.dir);
    assert.deepEqual([problem?.code, problem?.where], ['line-unreadable', 'record.jsonl:1']);
    assert.match(problem?.message ?? '', /not UTF-8/);
  });

  it('is seen in a verdict that is none of the six, or has no reason, although its hash is right', () => {
    rmSync(dir, { recursive: true });
    writeMadeUpRun(dir, { interrupted: true });
    const sound = lines();
    const last = JSON.parse(sound.at(-1) ?? '') as Entry;
    const given = sound.map((line) => JSON.parse(line) as Entry).find(({ kind }) => kind === 'verdict');
    assert.ok(given?.kind === 'verdict');
    const forms = [{ verdict: 'waived' }, { reason: 7 }, { findings: {} }];
    for (const form of [{}, ...forms]) {
      const payload = { ...given.payload, ...form };
      const entry = { ...given, payload, seq: last.seq + 1, prev: last.hash };
      const hash = Buffer.from(hashOf(entry)).toString('hex');
      store([...sound, canonicalize({ ...entry, hash })]);
      assert.deepEqual(codes(), Object.keys(form).length > 0 ? ['line-unreadable'] : []);
    }
  });

  it('is not what a file manager leaves: that is to be removed, and nothing was altered', () => {
    for (const stray of ['wire/.DS_Store', 'payloads/Thumbs.db']) {
      writeFileSync(path(stray), 'x');
      assert.throws(
        () => readRun(dir),
        (error) =>
          error instanceof EvidenceError &&
          error.message.includes('nothing in the record is altered') &&
          error.hint === `Remove ${stray}: the run did not write it.`,
      );
      rmSync(path(stray));
    }
    writeFileSync(path('wire/.DS_Store'), 'x');
    store(lines().with(3, (lines()[3] ?? '').replace('true', 'false')));
    assert.throws(
      () => readRun(dir),
      (error) => error instanceof EvidenceError && /^Do not report/.test(error.hint ?? ''),
    );
  });

  it('is not taken into a run that goes on: a stray file has to be removed first', () => {
    rmSync(dir, { recursive: true });
    writeMadeUpRun(dir, { interrupted: true });
    writeFileSync(path('wire/.DS_Store'), 'x');
    assert.throws(
      () => RunRecord.resume({ dir, secrets: [madeUpSecret] }),
      (error) => error instanceof EvidenceError && /^Remove wire/.test(error.hint ?? ''),
    );
  });

  it('is seen in wire bytes that a checkpoint had reached, although the run was interrupted', () => {
    rmSync(dir, { recursive: true });
    writeMadeUpRun(dir, { interrupted: true });
    assert.deepEqual(checkRun(dir), []);
    const bytes = readFileSync(path('wire/console-0001.bin'));
    bytes[0] = 0x58;
    writeFileSync(path('wire/console-0001.bin'), bytes);
    assert.ok(codes().includes('segment-altered'));
  });

  it('cannot make the check read outside of the run folder', () => {
    rmSync(dir, { recursive: true });
    writeMadeUpRun(dir, { interrupted: true });
    const mark = lines().findLastIndex((line) => line.includes('"kind":"wire-mark"'));
    store(lines().with(mark, lines()[mark]?.replaceAll('wire/', '../../etc/') ?? ''));
    assert.ok(codes().includes('segment-missing'));
  });
});
