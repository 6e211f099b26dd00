import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { until } from '../clock.ts';
import { EvidenceError } from '../errors.ts';
import { madeUpHeader, madeUpSecret } from './made-up-run.ts';
import { channelsOf, readWire } from './read-wire.ts';
import { checkRun, readRun } from './read.ts';
import { RunRecord } from './record.ts';
import { sealIfMissing } from './resume.ts';
import { countVerdicts } from './run-model.ts';
import { segmentsOf } from './segments.ts';
import { signerOf } from './signing.ts';
import { readChain } from './chain.ts';

const closing = { verdict: 'conforms', counts: countVerdicts([]), tookMs: 1, interrupted: false } as const;
const secrets = [madeUpSecret];
const signer = signerOf(generateKeyPairSync('ed25519').privateKey, 'test');
const said = { verdict: 'conforms', provisional: false, findings: [], tookMs: 1, attempt: 1 } as const;

/** A power loss may take any end of a file beyond what was synced, and whole files that were never synced. */
describe('A record after a power loss', function () {
  this.timeout(60_000);
  let original: string;
  /** Length of each file when the last checkpoint had returned. */
  let durable: Map<string, number>;
  let atCheckpoint: number;

  before(async () => {
    original = mkdtempSync(join(tmpdir(), 'power-loss-'));
    const record = RunRecord.open({ dir: original, secrets, signer });
    record.append('run-opened', { ...madeUpHeader(record.runId), benchKey: signer.fingerprint });
    const wires = ['console', 'modbus'].map((name) => record.wireLog(name));
    const traffic = (text: string) => {
      for (let index = 0; index < 4000; index += 1) {
        for (const wire of wires)
          wire[index % 2 === 0 ? 'sent' : 'received'](Buffer.from(`${text} ${index};`));
      }
    };
    traffic('before');
    record.append('verdict', { ...said, reason: 'refused' }, { caseId: 'SIG-01' });
    atCheckpoint = readChain(original).entries.length;
    durable = new Map(filesOf(original).map((file) => [file, statSync(join(original, file)).size]));
    for (let index = 0; index < 5; index += 1) {
      traffic(`later ${index}`);
      record.append('note', { text: `note ${index}` }, { caseId: 'SIG-02' });
    }
    // The disk has some of the segments by now, without a checkpoint.
    const chained = (): number =>
      segmentsOf(readChain(original).entries).filter((one) => one.finished).length;
    await until(() => (chained() >= 6 ? true : undefined), {
      withinMs: 30_000,
      what: 'segments in the chain',
    });
    record.abandon();
  });
  after(() => {
    rmSync(original, { recursive: true, force: true });
  });

  function filesOf(dir: string): string[] {
    return ['record.jsonl', ...readdirSync(join(dir, 'wire')).map((name) => `wire/${name}`)];
  }

  it('names wire bytes only when the disk has them', () => {
    const dir = mkdtempSync(join(tmpdir(), 'order-'));
    const record = RunRecord.open({ dir });
    record.append('run-opened', madeUpHeader(record.runId));
    const wire = record.wireLog('console');
    for (let index = 0; index < 3; index += 1) wire.sent(Buffer.alloc(70_000, index));
    assert.equal(segmentsOf(readChain(dir).entries).length, 0, 'written, and not yet synced');
    record.checkpoint();
    assert.equal(segmentsOf(readChain(dir).entries).length, 3);
    record.close(closing);
    assert.deepEqual(checkRun(dir), []);
    rmSync(dir, { recursive: true, force: true });
  });

  for (let round = 0; round < 12; round += 1) {
    it(`goes on from what is left, and nothing before the last checkpoint is lost (loss ${round + 1})`, () => {
      const dir = mkdtempSync(join(tmpdir(), 'power-loss-'));
      try {
        cpSync(original, dir, { recursive: true });
        lose(dir, durable, randomFrom(round));
        const kept = readChain(dir).entries;
        const text = readFileSync(join(dir, 'record.jsonl')).subarray(0, readChain(dir).soundBytes);
        assert.ok(kept.length >= atCheckpoint);
        const record = RunRecord.resume({ dir, secrets, signer });
        record.wireLog('console').sent(Buffer.from('again'));
        record.append('verdict', { ...said, reason: 'refused' }, { caseId: 'SIG-02' });
        record.close(closing);
        assert.deepEqual(checkRun(dir), []);
        const after = readFileSync(join(dir, 'record.jsonl'));
        assert.ok(after.subarray(0, text.length).equals(text), 'what was there is there, byte for byte');
        const { entries } = readRun(dir);
        assert.deepEqual(channelsOf(entries).sort(), ['console', 'modbus']);
        for (const channel of ['console', 'modbus']) mustHaveTraffic(dir, channel);
        const last = [...readWire(dir, entries, 'console')].findLast((one) => one.kind === 'burst');
        assert.equal(last?.kind === 'burst' ? last.bytes.toString() : '', 'again');
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  }

  function mustHaveTraffic(dir: string, channel: string): void {
    const happened = [...readWire(dir, readRun(dir).entries, channel)];
    const text = happened.map((one) => (one.kind === 'burst' ? one.bytes.toString() : '')).join('');
    for (let index = 0; index < 4000; index += 1)
      assert.ok(text.includes(`before ${index};`), `${channel} ${index}`);
    const numbers = segmentsOf(readRun(dir).entries).filter((segment) => segment.channel === channel);
    let end = 0;
    for (const { base, bytes, file } of numbers.sort((a, b) => a.base - b.base || a.bytes - b.bytes)) {
      assert.equal(base, end, file);
      end = base + bytes;
    }
  }

  it('is closed when the loss came between the run’s end and the record’s, and sealed when it came after that', () => {
    const dir = mkdtempSync(join(tmpdir(), 'closing-'));
    try {
      cpSync(original, dir, { recursive: true });
      const first = RunRecord.resume({ dir, secrets, signer });
      first.close(closing);
      const path = join(dir, 'record.jsonl');
      copyFileSync(path, `${dir}.closed`);
      rmSync(join(dir, 'seal.json'));
      assert.ok(sealIfMissing(dir, signer));
      assert.ok(!sealIfMissing(dir, signer), 'once');
      assert.deepEqual(checkRun(dir), []);
      // The signature is written after the close, so that no loss leaves it beside a record without one.
      for (const file of ['seal.json', 'seal.dsse.json']) rmSync(join(dir, file));
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(0, -1);
      writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
      assert.ok(!sealIfMissing(dir, signer), 'it is not closed');
      RunRecord.resume({ dir, secrets, signer }).closeAgain();
      assert.deepEqual(checkRun(dir), []);
      const ends = readRun(dir).entries.filter(({ kind }) => kind === 'run-closed');
      assert.equal(ends.length, 1);
    } finally {
      rmSync(dir, { recursive: true, force: true });
      rmSync(`${dir}.closed`, { force: true });
    }
  });

  it('does not go on with other secrets than those that it blanks', () => {
    const dir = mkdtempSync(join(tmpdir(), 'secrets-'));
    try {
      cpSync(original, dir, { recursive: true });
      const other = [{ name: madeUpSecret.name, bytes: Buffer.from('another password') }];
      for (const now of [other, []]) {
        assert.throws(
          () => RunRecord.resume({ dir, secrets: now, signer }),
          (error) => error instanceof EvidenceError && /another value: service password/.test(error.message),
        );
      }
      assert.equal(
        readFileSync(join(dir, 'record.jsonl'), 'utf8'),
        readFileSync(join(original, 'record.jsonl'), 'utf8'),
      );
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

/** Cuts the record anywhere after its last sync, and each wire file anywhere after what the cut record says of it. */
function lose(dir: string, durable: ReadonlyMap<string, number>, random: () => number): void {
  const cut = (file: string, least: number): void => {
    const path = join(dir, file);
    const { size } = statSync(path);
    truncateSync(path, least + Math.floor(random() * (size - least + 1)));
  };
  cut('record.jsonl', durable.get('record.jsonl') ?? 0);
  const named = new Map(
    segmentsOf(readChain(dir).entries).flatMap(({ file, bytes, index }) => [
      [file, bytes],
      [index.file, index.bytes],
    ]),
  );
  for (const name of readdirSync(join(dir, 'wire'))) {
    const file = `wire/${name}`;
    const least = Math.max(named.get(file) ?? 0, durable.get(file) ?? 0);
    if (least === 0 && random() < 0.2) rmSync(join(dir, file));
    else if (existsSync(join(dir, file))) cut(file, least);
  }
}

/** The same numbers for the same seed. Source: S. Vigna, SplitMix64, reduced to 32 bits. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  };
}
