import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import { writeMadeUpRun } from '../../harness/record/made-up-run.ts';
import type { Signer } from '../../harness/record/signing.ts';
import { addSignature } from './add-signature.ts';
import type { Manifest } from './manifest.ts';
import {
  madeUpPackage,
  makers,
  newSigner,
  pack,
  scratch,
  takeApart,
  verifierMain,
  verifierPath,
  verifyPackage,
} from './test/made-up-package.ts';

describe('An evidence package', () => {
  const { path, remove } = scratch();
  let bench: Signer;
  let file: string;
  before(async () => {
    bench = newSigner();
    file = await madeUpPackage(path('run'), path('whole.tar'), bench);
  });
  after(remove);

  const contentOf = (archive: string, name: string) =>
    takeApart(readFileSync(archive)).find((piece) => piece.path === name)?.content ?? Buffer.alloc(0);
  const predicateOf = (name: string): Record<string, unknown> => {
    const envelope = JSON.parse(contentOf(file, name).toString()) as { payload: string };
    const body = Buffer.from(envelope.payload, 'base64').toString();
    return (JSON.parse(body) as { predicate: Record<string, unknown> }).predicate;
  };

  it('verifies with the fingerprint of its signer, and is of an unknown signer without', () => {
    const known = verifyPackage(file, [bench.fingerprint]);
    assert.deepEqual(known.problems, []);
    assert.equal(known.exitCode, 0);
    assert.equal(known.verdict, 'violates');
    const unknown = verifyPackage(file);
    assert.deepEqual([unknown.exitCode, unknown.problems], [2, []]);
    assert.ok(unknown.notChecked.some(({ what }) => what === 'who signed'));
    const other = verifyPackage(file, [newSigner().fingerprint]);
    assert.equal(other.exitCode, 1);
    assert.equal(other.problems[0]?.code, 'signer-missing');
  });

  it('is the same, byte for byte, when it is made once more', async () => {
    await pack(path('run'), path('again.tar'), { signers: [bench] });
    assert.ok(readFileSync(path('again.tar')).equals(readFileSync(file)));
  });

  it('opens with tar', () => {
    const listed = execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trim().split('\n');
    assert.deepEqual(
      listed,
      takeApart(readFileSync(file)).map((piece) => piece.path),
    );
    const record = execFileSync('tar', ['-xOf', file, 'record.jsonl']);
    assert.ok(record.equals(readFileSync(path('run/record.jsonl'))));
  });

  it('has no secret and no salt of one in it', () => {
    const bytes = readFileSync(file);
    assert.ok(existsSync(path('run/private/secret-salts.json')));
    assert.ok(!bytes.includes('secret-salts'));
    assert.ok(!bytes.includes('opensesame'));
    assert.ok(!bytes.includes('PRIVATE KEY'));
  });

  it('says the run in the words of an in-toto test result', () => {
    const { configuration, ...rest } = predicateOf('statements/test-result.dsse.json');
    assert.deepEqual(rest, {
      result: 'FAILED',
      passedTests: ['SIG-01', 'SIG-03', 'RB-01', 'RPL-03'],
      warnedTests: ['RB-02', 'ALM-01', 'RPL-02', 'RPL-04'],
      failedTests: ['SIG-02', 'RB-03', 'ALM-02'],
    });
    assert.deepEqual((configuration as { name: string }[])[0], {
      name: 'catalogue 2026.1',
      digest: { sha256: 'a'.repeat(64) },
    });
  });

  it('says of each case what it rests on', () => {
    const { cases } = predicateOf('statements/cases.dsse.json') as { cases: Record<string, unknown>[] };
    assert.equal(cases.length, 12);
    const one = cases.find(({ id }) => id === 'SIG-02') ?? {};
    assert.deepEqual(one['requirements'], ['FP-SIG-1', 'FP-SIG-2']);
    assert.equal(one['verdict'], 'violates');
    const lengths = ['stimuli', 'answers', 'states', 'controls', 'measurements', 'verdicts'].map(
      (name) => (one[name] as unknown[]).length,
    );
    assert.deepEqual(lengths, [1, 1, 2, 1, 1, 1]);
  });

  it('is signed by a person as well, who may be asked for', () => {
    const person = newSigner();
    const signed = path('signed.tar');
    writeFileSync(signed, readFileSync(file));
    addSignature(signed, person);
    const both = verifyPackage(signed, [bench.fingerprint, person.fingerprint]);
    assert.deepEqual([both.exitCode, both.problems], [0, []]);
    assert.equal(both.signers.length, 2);
    assert.equal(verifyPackage(signed, [bench.fingerprint]).exitCode, 0);
    const before = readFileSync(signed);
    addSignature(signed, person);
    assert.ok(readFileSync(signed).equals(before), 'a second time changes nothing');
    // The seal was closed by the bench: the person alone does not stand for it.
    assert.deepEqual(
      verifyPackage(signed, [person.fingerprint]).problems.map(({ code, where }) => [code, where]),
      [['signer-unexpected', 'seal.dsse.json']],
    );
    const missing = verifyPackage(file, [bench.fingerprint, person.fingerprint]);
    assert.deepEqual(
      missing.problems.map(({ code, where }) => [code, where]),
      [['signer-missing', person.fingerprint]],
    );
  });

  it('withholds what is asked, and what repeats it, and still verifies', async () => {
    const redacted = await pack(path('run'), path('redacted.tar'), { signers: [bench], redact: ['wire'] });
    const bytes = readFileSync(redacted);
    assert.ok(!bytes.includes('signature check failed'));
    assert.ok(!bytes.includes('sent: login'), 'a transcript repeats the wire');
    const found = verifyPackage(redacted, [bench.fingerprint]);
    assert.deepEqual([found.exitCode, found.problems], [0, []]);
    assert.deepEqual(
      found.withheld.map(({ path: name }) => name.split('/')[0]),
      ['notes', 'wire', 'wire', 'wire', 'wire'],
    );
    const { files } = JSON.parse(contentOf(redacted, 'manifest.json').toString()) as Manifest;
    const whole = JSON.parse(contentOf(file, 'manifest.json').toString()) as Manifest;
    assert.deepEqual(
      files.map(({ path: name, sha256 }) => [name, sha256]),
      whole.files.map(({ path: name, sha256 }) => [name, sha256]),
    );
  });

  it('cannot be verified without its record, and says so', async () => {
    await pack(path('run'), path('no-record.tar'), { signers: [bench], redact: ['record.jsonl'] });
    const found = verifyPackage(path('no-record.tar'), [bench.fingerprint]);
    assert.deepEqual([found.exitCode, found.problems], [2, []]);
  });

  it('is not made when what is to be withheld is not there', async () => {
    const asked = pack(path('run'), path('none.tar'), { signers: [bench], redact: ['wires'] });
    await assert.rejects(asked, { code: 'nothing-to-withhold' });
    assert.ok(!existsSync(path('none.tar')));
  });

  it('of an interrupted run is consistent, and not whole', async () => {
    writeMadeUpRun(path('interrupted'), { interrupted: true, signer: bench });
    await pack(path('interrupted'), path('interrupted.tar'), { signers: [bench] });
    const found = verifyPackage(path('interrupted.tar'), [bench.fingerprint]);
    assert.deepEqual([found.exitCode, found.problems], [2, []]);
    assert.ok(found.notChecked.some(({ what }) => what === 'that the record is whole'));
  });

  it('refuses parts with names that lead elsewhere, or that are there already', async () => {
    for (const name of [
      '../up',
      '/abs',
      'a//b',
      'a/./b',
      'keys/x',
      'manifest.json',
      'Record.jsonl',
      'a\\b',
      '',
      'ä',
    ]) {
      const part = { path: name, mediaType: 'text/plain', about: '', content: { bytes: Buffer.alloc(1) } };
      const asked = pack(path('run'), path('none.tar'), {
        signers: [bench],
        makers: [...makers, () => [part]],
      });
      await assert.rejects(asked, { code: 'bad-part' }, name);
    }
  });

  it('has a verifier with nothing but built-ins of Node, which runs alone', () => {
    const source = readFileSync(verifierPath, 'utf8');
    const imports = [...source.matchAll(/^import .* from '(.+)';$/gm)].map(([, name]) => name ?? '');
    assert.ok(imports.length >= 4);
    for (const name of imports) assert.match(name, /^node:/);
    assert.equal(source.match(/\bimport\b/g)?.length, imports.length + 1, 'import.meta, and no import()');
    assert.doesNotMatch(source, /\brequire\b|createRequire|fetch\(/);
    const alone = path('verify-alone.mjs');
    writeFileSync(alone, source);
    const said = execFileSync(process.execPath, [alone, file, '--key', bench.fingerprint, '--json']);
    assert.equal((JSON.parse(said.toString()) as { exitCode: number }).exitCode, 0);
  });

  it('is verified on a command line that knows wrong usage', () => {
    let said = '';
    const sink = { write: (text: string) => (said += text) };
    assert.equal(verifierMain([], sink, sink), 64);
    assert.equal(verifierMain([file, '--key', 'abc'], sink, sink), 64);
    assert.match(said, /no fingerprint/);
    assert.equal(verifierMain([file, '--what'], sink, sink), 64);
    assert.equal(verifierMain([path('absent.tar')], sink, sink), 64);
    assert.equal(verifierMain([path('run')], sink, sink), 64);
    assert.ok(statSync(file).size > 0);
  });
});
