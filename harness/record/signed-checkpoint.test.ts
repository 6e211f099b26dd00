import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EvidenceError } from '../errors.ts';
import { continuationOf } from './continuation.ts';
import { merkleRoot } from './digest.ts';
import { hashOf, type Entry } from './entry.ts';
import { canonicalize } from './jcs.ts';
import { madeUpHeader } from './made-up-run.ts';
import { checkRun, readRun } from './read.ts';
import { RunRecord } from './record.ts';
import { sealIfMissing } from './resume.ts';
import { countVerdicts, modelOf } from './run-model.ts';
import { signedUpTo } from './signed-checkpoint.ts';
import { signerOf } from './signing.ts';

const newSigner = () => signerOf(generateKeyPairSync('ed25519').privateKey, 'test');
const sealFiles = ['seal.json', 'seal.dsse.json', 'seal-key.pem'];
const closing = {
  verdict: 'violates',
  counts: { ...countVerdicts(['violates', 'conforms']) },
  tookMs: 1,
  interrupted: false,
} as const;

describe('A signed checkpoint', () => {
  let folder: string;
  let dir: string;
  const signer = newSigner();
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signed-checkpoint-'));
    dir = join(folder, 'run');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function open({ withKey = true } = {}): RunRecord {
    const key = withKey ? signer : undefined;
    const record = RunRecord.open({ dir, signer: key });
    const benchKey = key === undefined ? {} : { benchKey: key.fingerprint };
    record.append('run-opened', {
      ...madeUpHeader(record.runId),
      ...benchKey,
      selected: ['SIG-01', 'SIG-02'],
    });
    return record;
  }
  const judge = (record: RunRecord, caseId: string, verdict: 'violates' | 'conforms') => {
    record.append('case-started', { title: 't', suite: 's', severity: 'C' }, { caseId });
    const said = { provisional: false, reason: 'seen', findings: [], tookMs: 1, attempt: 1 };
    record.append('verdict', { verdict, ...said }, { caseId });
  };
  function interruptedRun(): void {
    const record = open();
    judge(record, 'SIG-01', 'violates');
    record.append('note', { text: 'under way' });
    record.abandon();
  }
  function finishedRun(): void {
    const record = open();
    judge(record, 'SIG-01', 'violates');
    judge(record, 'SIG-02', 'conforms');
    record.close(closing);
  }
  const path = (file = 'record.jsonl') => join(dir, file);
  const lines = () => readFileSync(path(), 'utf8').trimEnd().split('\n');

  /** As somebody does who has our code and not our key: hashes and root are right again. */
  function rewrite(edit: (text: string) => string, kept: (entry: Entry) => boolean = () => true): void {
    const leaves: Uint8Array[] = [];
    let prev = '0'.repeat(64);
    const written = lines().flatMap((line) => {
      const entry = JSON.parse(edit(line)) as Entry;
      if (!kept(entry)) return [];
      entry.seq = leaves.length;
      entry.prev = prev;
      if (entry.kind === 'record-closed')
        entry.payload = {
          ...entry.payload,
          count: leaves.length,
          root: Buffer.from(merkleRoot(leaves)).toString('hex'),
        };
      leaves.push(hashOf({ ...entry }));
      prev = Buffer.from(leaves.at(-1) ?? []).toString('hex');
      entry.hash = prev;
      return [`${canonicalize(entry)}\n`];
    });
    writeFileSync(path(), written.join(''));
  }
  /** Adds entries behind what is there, with a chain that holds. */
  function add(...entries: Pick<Entry, 'kind' | 'payload' | 'caseId'>[]): void {
    const last = JSON.parse(lines().at(-1) ?? '') as Entry;
    const text = entries.map((entry) => JSON.stringify({ ...last, ...entry, hash: '' }));
    writeFileSync(path(), [...lines(), ...text].map((line) => `${line}\n`).join(''));
    rewrite((line) => line);
  }
  const unseal = () => {
    for (const file of sealFiles) rmSync(path(file), { force: true });
  };
  const whitewash = (line: string) =>
    line
      .replaceAll('"verdict":"violates"', '"verdict":"conforms"')
      .replace(/"conforms":\d+/, '"conforms":2')
      .replace(/"violates":\d+/, '"violates":0');

  function mustBeRefused(why: RegExp, resume: () => unknown): void {
    const before = filesOf(dir);
    assert.throws(
      resume,
      (error) =>
        error instanceof EvidenceError && why.test(error.message) && /[Rr]un again/.test(error.hint ?? ''),
    );
    assert.deepEqual(filesOf(dir), before, 'the folder stays as it is');
  }
  const resumed = () => RunRecord.resume({ dir, signer });
  const standing = () => {
    const { entries } = readRun(dir);
    return continuationOf(entries, signedUpTo(dir, entries, signer));
  };

  describe('keeps the bench from signing a record that was rewritten', () => {
    it('when the seal was taken from a closed one', () => {
      finishedRun();
      unseal();
      rewrite(whitewash);
      mustBeRefused(/it was rewritten/, () => sealIfMissing(dir, signer));
      assert.equal(modelOf(JSON.parse(`[${lines().join()}]`) as Entry[]).verdict, 'conforms');
    });

    it('when its close was dropped as well', () => {
      finishedRun();
      unseal();
      rewrite(whitewash, ({ kind }) => kind !== 'record-closed');
      mustBeRefused(/it was rewritten/, () => resumed().closeAgain());
    });

    it('when a verdict of an interrupted run was altered', () => {
      interruptedRun();
      rewrite(whitewash);
      mustBeRefused(/it was rewritten/, resumed);
    });

    it('when the checkpoint is missing, altered, of another run, or by another key', () => {
      interruptedRun();
      const sound = readFileSync(path('checkpoint.dsse.json'), 'utf8');
      rmSync(path('checkpoint.dsse.json'));
      mustBeRefused(/checkpoint\.dsse\.json is missing/, resumed);
      writeFileSync(path('checkpoint.dsse.json'), sound.replace('"payload":"', '"payload":"A'));
      mustBeRefused(/is not signed by the key of the bench/, resumed);
      writeFileSync(path('checkpoint.dsse.json'), sound);
      mustBeRefused(/the key is [0-9a-f]{64} now/, () => RunRecord.resume({ dir, signer: newSigner() }));
      mustBeRefused(/there is none now/, () => RunRecord.resume({ dir }));
      const mine = dir;
      dir = join(folder, 'other');
      interruptedRun();
      cpSync(join(mine, 'checkpoint.dsse.json'), path('checkpoint.dsse.json'));
      mustBeRefused(/is of run/, resumed);
    });

    it('when something was put between the end of the run and its close', () => {
      finishedRun();
      unseal();
      const close = lines().at(-1) ?? '';
      rewrite(
        (line) => line,
        ({ kind }) => kind !== 'record-closed',
      );
      add({ kind: 'note', payload: { text: 'not seen' } });
      const { kind, payload } = JSON.parse(close) as Entry & { kind: 'record-closed' };
      add({ kind, payload });
      mustBeRefused(/must be covered/, () => sealIfMissing(dir, signer));
    });
  });

  it('vouches for no verdict behind it: the case begins again, also when the run is interrupted twice', () => {
    interruptedRun();
    const said = { provisional: false, reason: 'made up', findings: [], tookMs: 1, attempt: 1 } as const;
    add({ kind: 'verdict', caseId: 'SIG-02', payload: { verdict: 'conforms', ...said } });
    for (const again of [1, 2]) {
      const found = standing();
      assert.deepEqual([...(found?.decided.keys() ?? [])], ['SIG-01'], `${again}`);
      assert.deepEqual(found?.toRun, ['SIG-02']);
      assert.match(found.again[0]?.why ?? '', /the bench had not signed its verdict/);
      resumed().abandon();
    }
    const record = resumed();
    record.close({
      ...closing,
      counts: { ...countVerdicts(['violates', 'not-executed']) },
    });
    assert.deepEqual(checkRun(dir), []);
    const model = modelOf(readRun(dir).entries);
    assert.equal(model.cases[1]?.verdict, 'not-executed');
  });

  it('cannot be set back by an entry behind it, and keeps a finding from being taken back', () => {
    const record = open();
    const finding = { code: 'forged-image-installed', expected: '1', observed: '6' };
    record.append('case-started', { title: 't', suite: 's', severity: 'C' }, { caseId: 'SIG-02' });
    record.append('finding', finding, { caseId: 'SIG-02' });
    judge(record, 'SIG-01', 'violates');
    record.abandon();
    add(
      { kind: 'finding-withdrawn', caseId: 'SIG-02', payload: finding },
      { kind: 'record-resumed', payload: { tornBytes: 0, checkpoint: 0 } },
    );
    const found = standing();
    assert.equal(found?.decided.get('SIG-01'), 'violates');
    assert.deepEqual(found.earlier.findings.get('SIG-02'), [finding]);
  });

  it('lets an end of the run behind it be closed when that says what the signed verdicts say, and else not', () => {
    const record = open();
    judge(record, 'SIG-01', 'violates');
    judge(record, 'SIG-02', 'conforms');
    record.abandon();
    add({ kind: 'run-closed', payload: closing });
    const kept = readFileSync(path());
    resumed().closeAgain();
    assert.deepEqual(checkRun(dir), []);
    unseal();
    const checkpoint = readFileSync(path('checkpoint.dsse.json'));

    rmSync(dir, { recursive: true });
    interruptedRun();
    add({ kind: 'run-closed', payload: { ...closing, verdict: 'conforms' } });
    mustBeRefused(/says other than the signed verdicts/, resumed);
    add({ kind: 'run-closed', payload: closing });
    mustBeRefused(/there are 2 of them/, resumed);
    writeFileSync(path(), kept);
    writeFileSync(path('checkpoint.dsse.json'), checkpoint);
    mustBeRefused(/no such entry/, resumed);
  });

  it('is written at every verdict, after the record has it, and stays after the close', () => {
    const record = open();
    const covered = () => signedUpTo(dir, readRun(dir).entries, signer);
    const length = () => readRun(dir).entries.length;
    assert.equal(covered(), length() - 1);
    judge(record, 'SIG-01', 'violates');
    assert.equal(covered(), length() - 1);
    record.abandon();
    const second = resumed();
    assert.equal(covered(), length() - 1);
    assert.equal(readRun(dir).entries.at(-1)?.kind, 'record-resumed');
    judge(second, 'SIG-02', 'conforms');
    second.close(closing);
    assert.equal(covered(), length() - 2, 'all but the close of the record');
    assert.deepEqual(checkRun(dir), []);
  });

  it('lets an honest run go on wherever it was broken off', () => {
    const record = open();
    const before = new Map<number, Buffer>();
    const keep = () => before.set(lines().length, readFileSync(path('checkpoint.dsse.json')));
    keep();
    for (const id of ['SIG-01', 'SIG-02']) {
      judge(record, id, 'violates');
      keep();
    }
    record.append('run-closed', {
      ...closing,
      counts: { ...countVerdicts(['violates', 'violates']) },
    });
    keep();
    record.closeAgain();
    const all = lines();
    unseal();
    for (let length = 1; length <= all.length; length += 1) {
      writeFileSync(path(), `${all.slice(0, length).join('\n')}\n`);
      const at = [...before.keys()].findLast((each) => each <= length) ?? 0;
      writeFileSync(path('checkpoint.dsse.json'), before.get(at) ?? '');
      if (sealIfMissing(dir, signer)) assert.equal(length, all.length);
      else if (standing()?.ended === true) resumed().closeAgain();
      else {
        const again = resumed();
        for (const id of standing()?.toRun ?? []) judge(again, id, 'violates');
        again.close({ ...closing, counts: { ...countVerdicts(['violates', 'violates']) } });
      }
      assert.deepEqual(checkRun(dir), [], `${length}`);
      unseal();
    }
  });

  it('is not made without a key, and a run that was opened without one is never signed later', () => {
    const record = open({ withKey: false });
    judge(record, 'SIG-01', 'violates');
    judge(record, 'SIG-02', 'conforms');
    record.abandon();
    resumed().close(closing);
    assert.deepEqual(checkRun(dir), []);
    rmSync(path('seal.json'));
    assert.ok(sealIfMissing(dir, signer));
    assert.deepEqual(checkRun(dir), []);
    for (const file of ['checkpoint.dsse.json', 'seal.dsse.json']) assert.ok(!existsSync(path(file)));
  });

  describe('The seal', () => {
    const codes = () => checkRun(dir).map(({ code, where }) => [code, where]);

    it('is missed on a closed record, with the command that makes it', () => {
      finishedRun();
      rmSync(path('seal.json'));
      assert.deepEqual(codes(), [['seal-missing', 'seal.json']]);
      assert.throws(
        () => readRun(dir),
        (error) => error instanceof EvidenceError && /--resume RUN` seals it/.test(error.hint ?? ''),
      );
    });

    it('is missed where the opening promises that a key signs it', () => {
      finishedRun();
      rmSync(path('seal.dsse.json'));
      assert.deepEqual(codes(), [['seal-missing', 'seal.dsse.json']]);
      assert.ok(sealIfMissing(dir, signer), 'also when seal.json was written first');
      assert.deepEqual(codes(), []);
    });

    it('has its signature before seal.json is there, so that a loss between the two is mended', () => {
      mkdirSync(path('seal.json.new'), { recursive: true });
      assert.throws(finishedRun, { code: 'cannot-write' });
      assert.deepEqual(
        sealFiles.filter((file) => existsSync(path(file))),
        ['seal.dsse.json', 'seal-key.pem'],
      );
      rmSync(path('seal.json.new'), { recursive: true });
      assert.deepEqual(codes(), [['seal-missing', 'seal.json']]);
      assert.ok(sealIfMissing(dir, signer));
      assert.deepEqual(codes(), []);
    });
  });
});

function filesOf(dir: string): [string, string][] {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return files.map((file) => {
    const path = join(file.parentPath, file.name);
    return [path, readFileSync(path, 'latin1')];
  });
}
