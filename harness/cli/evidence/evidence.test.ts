import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { generateKeyPairSync } from 'node:crypto';
import { writeMadeUpRun } from '../../record/made-up-run.ts';
import { openBenchKey } from '../../record/bench-key.ts';
import { fieldproof, killAll } from '../test/command.ts';

describe('fieldproof package, sign, verify and key', function () {
  this.timeout(180_000); // as for all tests that start the command line from source

  let dir: string;
  let key: string;
  let run: string;
  let file: string;
  let fingerprint: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'fieldproof-evidence-'));
    key = join(dir, 'bench.pem');
    run = join(dir, 'run');
    file = join(dir, 'run.fieldproof.tar');
    const bench = openBenchKey(key);
    fingerprint = bench.fingerprint;
    writeMadeUpRun(run, { signer: bench });
  });
  afterEach(killAll);
  after(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it('packs a run and signs it', async () => {
    const packed = await fieldproof('package', run, '--no-report', '--bench-key', key);
    assert.equal(packed.code, 0, packed.stderr);
    assert.ok(packed.stdout.includes(`--key ${fingerprint}`));
    assert.match(packed.stdout, /-----BEGIN PUBLIC KEY-----/);
    assert.match(
      packed.stderr,
      /another version|names no requirements/,
      'the made-up run has a made-up catalogue',
    );
  });

  it('verifies what it packed, and knows no signer unless it is told', async () => {
    const known = await fieldproof('verify', file, '--key', fingerprint);
    assert.equal(known.code, 0, known.stdout);
    assert.match(known.stdout, /^VERIFIED/m);
    const unknown = await fieldproof('verify', file, '--json');
    assert.equal(unknown.code, 2);
    assert.equal((JSON.parse(unknown.stdout) as { exitCode: number }).exitCode, 2);
  });

  it('signs reports that it has made itself, never those that it finds in the folder', async () => {
    const page = join(run, 'test-report.html');
    writeFileSync(page, 'all is well');
    writeFileSync(join(run, 'test-report.zh.html'), '一切正常');
    const out = join(dir, 'fresh.tar');
    const packed = await fieldproof('package', run, '--out', out, '--bench-key', key, '--lang', 'en');
    assert.equal(packed.code, 0, packed.stderr);
    const bytes = readFileSync(out);
    assert.ok(!bytes.includes('all is well') && !bytes.includes('一切正常'));
    for (const name of ['test-report.html', 'trace.json', 'trace.csv', 'report.html'])
      assert.ok(bytes.includes(`"path":"${name}"`), name);
    assert.equal(
      readFileSync(page, 'utf8'),
      'all is well',
      'what lies in the folder is nobody else’s to change',
    );
  });

  it('lets no package leave that its own verifier would refuse', async () => {
    const faulty = join(dir, 'faulty');
    writeMadeUpRun(faulty, { signer: openBenchKey(key) });
    const out = join(dir, 'refused.tar');
    writeFileSync(out, 'an older package');
    mkdirSync(join(faulty, 'timestamps'));
    writeFileSync(join(faulty, 'timestamps/root.tsr'), 'no token at all');
    const packed = await fieldproof('package', faulty, '--out', out, '--no-report', '--bench-key', key);
    assert.equal(packed.code, 3);
    assert.match(packed.stderr, /does not verify:\n {2}time-stamp-wrong timestamps\/root\.tsr/);
    assert.equal(readFileSync(out, 'utf8'), 'an older package');
    assert.ok(!existsSync(`${out}.new`));
  });

  it('adds the signature of a person', async () => {
    const person = join(dir, 'person.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(person, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const nowhere = await fieldproof('sign', join(dir, 'none.tar'), '--key', person);
    assert.equal(nowhere.code, 64);
    assert.match(nowhere.stderr, /next: Make one/);
    const signed = await fieldproof('sign', file, '--key', person, '--json');
    assert.equal(signed.code, 0, signed.stderr);
    const { signedBy } = JSON.parse(signed.stdout) as { signedBy: string };
    const both = await fieldproof('verify', file, '--key', fingerprint, '--key', signedBy);
    assert.equal(both.code, 0, both.stdout);
  });

  it('finds what was altered', async () => {
    const bytes = readFileSync(file);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const altered = await fieldproof('verify', file, '--key', fingerprint);
    assert.equal(altered.code, 1);
    assert.match(altered.stdout, /next: /);
  });

  it('shows the key of the bench, and makes one where there is none', async () => {
    const shown = await fieldproof('key', '--bench-key', key);
    assert.deepEqual([shown.code, shown.stdout.split('\n')[0], shown.stderr], [0, fingerprint, '']);
    const fresh = join(dir, 'fresh', 'bench.pem');
    const made = await fieldproof('key', '--bench-key', fresh);
    assert.equal(made.code, 0);
    assert.match(made.stderr, /has a new key/);
    assert.equal((statSync(fresh).mode & 0o777).toString(8), '600');
  });

  it('packs no record that is not as it was written', async () => {
    const record = join(run, 'record.jsonl');
    const sound = readFileSync(record, 'utf8');
    writeFileSync(record, sound.replace('"verdict":"violates"', '"verdict":"conforms"'));
    const refused = await fieldproof(
      'package',
      run,
      '--no-report',
      '--bench-key',
      key,
      '--out',
      join(dir, 'no.tar'),
    );
    writeFileSync(record, sound);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /was altered/);
    assert.ok(!existsSync(join(dir, 'no.tar')));
  });
});
