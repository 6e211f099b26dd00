import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BenchError, EvidenceError } from '../errors.ts';
import { benchKeyPath, openBenchKey } from './bench-key.ts';
import { envelope, preAuthEncoding, withSignatures } from './dsse.ts';
import { writeMadeUpRun } from './made-up-run.ts';
import { checkRun } from './read.ts';
import { readSigner, signerOf } from './signing.ts';

describe('The bench key', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'bench-key-'));
    path = join(dir, 'fieldproof', 'bench-key.pem');
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const mode = (of: string) => (statSync(of).mode & 0o7777).toString(8);

  it('is made on first use, readable by its owner alone, and is the same from then on', () => {
    const first = openBenchKey(path);
    assert.equal(first.isNew, true);
    assert.deepEqual([mode(path), mode(join(dir, 'fieldproof'))], ['600', '700']);
    assert.deepEqual(readdirSync(join(dir, 'fieldproof')), ['bench-key.pem']);
    const second = openBenchKey(path);
    assert.deepEqual([second.isNew, second.fingerprint], [false, first.fingerprint]);
    assert.match(first.fingerprint, /^[0-9a-f]{64}$/);
    assert.match(first.publicPem, /^-----BEGIN PUBLIC KEY-----/);
    assert.ok(!JSON.stringify(first).includes('PRIVATE'));
  });

  it('has the fingerprint that openssl and sha256sum give', () => {
    const { fingerprint, publicPem } = openBenchKey(path);
    const base64 = publicPem.replace(/-----[A-Z ]+-----|\n/g, '');
    const digest = execFileSync('sha256sum', { input: Buffer.from(base64, 'base64'), encoding: 'utf8' });
    assert.equal(digest.split(' ')[0], fingerprint);
  });

  it('is refused when others may read it, with the line that mends it', () => {
    openBenchKey(path);
    for (const wide of [0o640, 0o604, 0o660, 0o620]) {
      chmodSync(path, wide);
      assert.throws(
        () => openBenchKey(path),
        (error) =>
          error instanceof BenchError &&
          error.code === 'key-too-open' &&
          error.hint?.includes(`chmod go-rwx ${path}`) === true,
        wide.toString(8),
      );
    }
    chmodSync(path, 0o600);
    chmodSync(join(dir, 'fieldproof'), 0o770);
    assert.throws(
      () => openBenchKey(path),
      (error) => error instanceof BenchError && error.hint?.includes('chmod go-w') === true,
    );
    chmodSync(join(dir, 'fieldproof'), 0o700);
    openBenchKey(path);
  });

  it('is refused when the file holds another kind of key, or none', () => {
    mkdirSync(join(dir, 'fieldproof'), { mode: 0o700 });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    assert.throws(() => openBenchKey(path), { code: 'key-unsuitable' });
    writeFileSync(path, 'no key');
    assert.throws(() => openBenchKey(path), { code: 'key-unreadable' });
  });

  it('lies where it is named, else in the configuration folder', () => {
    const env = { FIELDPROOF_BENCH_KEY: '/keys/b.pem', XDG_CONFIG_HOME: '/config' };
    assert.equal(benchKeyPath('/keys/a.pem', env), '/keys/a.pem');
    assert.equal(benchKeyPath(undefined, env), '/keys/b.pem');
    assert.equal(benchKeyPath(undefined, { XDG_CONFIG_HOME: '/config' }), '/config/fieldproof/bench-key.pem');
    assert.match(
      benchKeyPath(undefined, { XDG_CONFIG_HOME: 'relative' }),
      /\/\.config\/fieldproof\/bench-key\.pem$/,
    );
  });

  it('may be encrypted where it is a person’s', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const file = join(dir, 'person.pem');
    const pem = privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open',
    });
    writeFileSync(file, pem);
    assert.throws(
      () => readSigner(file),
      (error) => error instanceof EvidenceError && error.hint?.includes('FIELDPROOF_KEY_PASSPHRASE') === true,
    );
    assert.throws(() => readSigner(file, 'wrong'), { code: 'key-unreadable' });
    assert.equal(readSigner(file, 'open').fingerprint, signerOf(privateKey, file).fingerprint);
    assert.throws(() => readSigner(join(dir, 'absent.pem')), { code: 'key-unreadable' });
  });

  it('signs what DSSE says, and no key twice', () => {
    // The example of the DSSE protocol: type and body with their lengths in bytes.
    const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    assert.equal(encoded.toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    const bench = openBenchKey(path);
    const signed = envelope('text/plain', Buffer.from('ü'), [bench, bench]);
    assert.equal(signed.signatures.length, 1);
    assert.equal(withSignatures(signed, [bench]).signatures.length, 1);
  });

  it('signs the seal of a record at its close, which reading checks', () => {
    const bench = openBenchKey(path);
    const run = join(dir, 'run');
    writeMadeUpRun(run, { signer: bench });
    assert.deepEqual(checkRun(run), []);
    const signed = join(run, 'seal.dsse.json');
    const sound = readFileSync(signed, 'utf8');
    const mustBeWrong = (what: string) =>
      assert.deepEqual(
        checkRun(run).map(({ code, where }) => [code, where]),
        [['seal-wrong', 'seal.dsse.json']],
        what,
      );
    for (let at = 0; at < sound.length; at += 13) {
      writeFileSync(signed, `${sound.slice(0, at)}#${sound.slice(at + 1)}`);
      mustBeWrong(`byte ${at}`);
    }
    writeFileSync(signed, sound);
    writeFileSync(join(run, 'seal-key.pem'), openBenchKey(join(dir, 'other.pem')).publicPem);
    mustBeWrong('another key');
    rmSync(join(run, 'seal-key.pem'));
    mustBeWrong('no key');
  });

  it('is not needed to close a record', () => {
    const run = join(dir, 'run');
    writeMadeUpRun(run);
    assert.deepEqual(checkRun(run), []);
    assert.ok(!readdirSync(run).includes('seal.dsse.json'));
  });
});
