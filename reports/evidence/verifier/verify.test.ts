import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import { canonicalize } from '../../../harness/record/jcs.ts';
import type { Signer } from '../../../harness/record/signing.ts';
import {
  madeUpPackage,
  newSigner,
  putTogether,
  scratch,
  takeApart,
  verifyPackage,
  type Piece,
  type Verification,
} from '../test/made-up-package.ts';
import { signedStatement, type Statement } from '../statements/statement.ts';
import { tarHeader } from '../tar.ts';

describe('The verifier', () => {
  const { path, remove } = scratch();
  let bench: Signer;
  let pieces: Piece[];
  before(async () => {
    bench = newSigner();
    pieces = takeApart(readFileSync(await madeUpPackage(path('run'), path('whole.tar'), bench)));
  });
  after(remove);

  const verify = (bytes: Uint8Array): Verification => {
    writeFileSync(path('one.tar'), bytes);
    return verifyPackage(path('one.tar'), [bench.fingerprint]);
  };
  const contentOf = (name: string) => pieces.find((piece) => piece.path === name)?.content.toString() ?? '';
  const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
  const statementIn = (name: string) => {
    const { payload } = JSON.parse(contentOf(`statements/${name}.dsse.json`)) as { payload: string };
    return JSON.parse(Buffer.from(payload, 'base64').toString()) as Statement & {
      predicate: Record<string, unknown>;
    };
  };

  /** A package in which somebody who has the bench's key has changed something: manifest and signatures are right. */
  const resigned = (changes: {
    files?: Readonly<Record<string, Buffer>>;
    statements?: Readonly<Record<string, Statement>>;
  }): Verification => {
    const { files = {}, statements = {} } = changes;
    const manifest = JSON.parse(contentOf('manifest.json')) as { files: { path: string }[] };
    manifest.files = manifest.files.map((file) => {
      const content = files[file.path];
      return content === undefined ? file : { ...file, bytes: content.length, sha256: sha256(content) };
    });
    const manifestText = `${canonicalize(manifest)}\n`;
    const others = ['cases', 'test-result'].map((name) => ({
      name,
      statement: statements[name] ?? statementIn(name),
    }));
    const about = statementIn('package');
    const record = files['record.jsonl'];
    about.subject = about.subject.map(({ name, digest }) => {
      if (name === 'manifest.json') return { name, digest: { sha256: sha256(manifestText) } };
      return record === undefined ? { name, digest } : { name, digest: { sha256: sha256(record) } };
    });
    about.predicate['statements'] = others.map(({ name, statement }) => ({
      path: `statements/${name}.dsse.json`,
      sha256: sha256(canonicalize(statement)),
    }));
    const signed = new Map<string, Buffer>(
      [...others, { name: 'package', statement: about }].map(({ name, statement }) => [
        `statements/${name}.dsse.json`,
        signedStatement(statement, [bench]),
      ]),
    );
    const content = (piece: Piece) =>
      piece.path === 'manifest.json'
        ? Buffer.from(manifestText)
        : (signed.get(piece.path) ?? files[piece.path] ?? piece.content);
    return verify(putTogether(pieces.map((piece) => ({ path: piece.path, content: content(piece) }))));
  };
  const told = ({ problems }: Verification) => problems.map(({ code, where }) => `${code} ${where}`);

  it('finds nothing where nothing was changed before signing once more', () => {
    const found = resigned({});
    assert.deepEqual([found.exitCode, found.problems], [0, []]);
  });

  it('finds a statement that says PASSED over a record that says violates, whoever signed it', () => {
    const result = statementIn('test-result');
    result.predicate['result'] = 'PASSED';
    const found = resigned({ statements: { 'test-result': result } });
    assert.deepEqual(told(found), ['statement-wrong statements/test-result.dsse.json']);
    assert.match(found.problems[0]?.message ?? '', /result/);
    const lists = statementIn('test-result');
    lists.predicate['passedTests'] = [...(lists.predicate['passedTests'] as string[]), 'SIG-02'];
    assert.deepEqual(told(resigned({ statements: { 'test-result': lists } })), [
      'statement-wrong statements/test-result.dsse.json',
    ]);
  });

  it('finds each thing in the case statement that the record does not give', () => {
    type Cases = { cases: Record<string, unknown>[] };
    const changes: Record<string, (one: Record<string, unknown>, all: Cases) => void> = {
      verdict: (one) => (one['verdict'] = 'conforms'),
      reason: (one) => (one['reason'] = 'all is well'),
      findings: (one) => (one['findings'] = []),
      attempts: (one) => (one['attempts'] = 2),
      title: (one) => (one['title'] = 'rejects nothing'),
      evidence: (one) => (one['evidence'] = { entries: 1, sha256: '0'.repeat(64) }),
      qualifier: (one) => (one['qualifier'] = 'conceptual'),
      'a state left out': (one) => (one['states'] = (one['states'] as unknown[]).slice(1)),
      'a state altered': (one) =>
        (one['states'] = JSON.parse(JSON.stringify(one['states']).replace('4.2.0', '6.6.6')) as unknown),
      'a measurement invented': (one) =>
        (one['measurements'] as unknown[]).push({ seq: 9999, hash: '', tUtc: '', payload: {} }),
      'a case left out': (_one, all) => all.cases.pop(),
    };
    for (const [what, change] of Object.entries(changes)) {
      const cases = statementIn('cases');
      const all = cases.predicate as unknown as Cases;
      const one = all.cases.find(({ id }) => id === 'SIG-02');
      assert.ok(one !== undefined);
      change(one, all);
      const found = resigned({ statements: { cases } });
      assert.equal(found.exitCode, 1, what);
      assert.ok(
        found.problems.every(({ code }) => code === 'statement-wrong'),
        `${what}: ${told(found).join()}`,
      );
    }
  });

  it('finds wire bytes that are not those of the record', () => {
    const found = resigned({ files: { 'wire/console-0001.bin': Buffer.from('nothing happened') } });
    assert.deepEqual(told(found), ['segment-altered wire/console-0001.bin']);
  });

  it('finds a record that is no longer canonical, or is no record', () => {
    const sound = contentOf('record.jsonl');
    const [first = ''] = sound.split('\n');
    const twisted = {
      'white space': sound.replace('{"hash"', '{ "hash"'),
      'a name twice': sound.replace('"kind":"run-opened"', '"kind":"run-opened","kind":"run-opened"'),
      'a number in another form': sound.replace('"seq":3,', '"seq":3.0,'),
      'an escape that need not be': sound.replace('"kind":"bench"', '"kind":"\\u0062ench"'),
      'an escaped slash': sound.replace('"kind":"bench"', '"kind":"\\/"'),
      'a long escape of a line feed': sound.replace('"kind":"bench"', '"kind":"\\u000a"'),
      'a verdict that is none': sound.replace('"verdict":"violates"', '"verdict":"waived"'),
      'a lone surrogate after a backslash': sound.replace('"kind":"bench"', '"kind":"\\\\\\ud800"'),
      'a lone surrogate': sound.replace('"kind":"bench"', '"kind":"\\ud800"'),
      'not UTF-8': sound.replace('run-opened', 'run\u00e9pened'),
      'deeply nested': sound.replace(first, '['.repeat(200_000)),
      'a member before the hash that holds another': sound.replace(
        '{"hash"',
        '{"a":{"hash":"x","y":1},"hash"',
      ),
      __proto__: sound.replace('{"hash"', '{"__proto__":{},"hash"'),
      'a line without an end': sound.replaceAll('\n', ' '),
      nothing: '',
    };
    for (const [what, text] of Object.entries(twisted)) {
      assert.notEqual(text, sound, what);
      const bytes = Buffer.from(text, what === 'not UTF-8' ? 'latin1' : 'utf8');
      const found = resigned({ files: { 'record.jsonl': bytes } });
      assert.equal(found.exitCode, 1, what);
      assert.ok(
        found.problems.some(({ code }) => code === 'line-unreadable'),
        `${what}: ${told(found).join()}`,
      );
      assert.ok(!found.problems.some((problem) => problem.code === 'verifier-failed'), what);
    }
  });

  it('finds what was changed in an entry of which only the chain is asked', () => {
    const lines = contentOf('record.jsonl').split('\n');
    const at = lines.findIndex((line) => line.includes('"kind":"identity"'));
    const [line = '', next = ''] = lines.slice(at);
    const rehashed = (changed: string) => {
      const content = changed.replace(/"hash":"[0-9a-f]{64}",/, '');
      return changed.replace(/"hash":"[0-9a-f]{64}"/, `"hash":"${sha256(`\0${content}`)}"`);
    };
    assert.equal(rehashed(line), line);
    const expected: [what: string, instead: string, found: string[]][] = [
      ['payload', line.replace('GW-200', 'GW-201'), ['line-altered +0']],
      ['time', line.replace('"tUtc":"20', '"tUtc":"19'), ['line-altered +0']],
      ['hash', line.replace(/"hash":"..../, '"hash":"0000'), ['line-altered +0', 'chain-broken +1']],
      ['prev', line.replace(/"prev":"..../, '"prev":"0000'), ['line-altered +0', 'chain-broken +0']],
      ['prev, rehashed', rehashed(line.replace(/"prev":"..../, '"prev":"0000')), ['chain-broken +0']],
      ['run, rehashed', rehashed(line.replace('"runId":"', '"runId":"x')), ['foreign-entry +0']],
      ['rehashed', rehashed(line.replace('identity', 'note')), ['chain-broken +1']],
      ['place', `${next}\n${line}`, ['entry-missing +0', 'entry-out-of-order +1']],
      ['twice', `${line}\n${line}`, ['entry-out-of-order +1']],
      ['gone', '', ['line-unreadable +0', 'entry-missing +1']],
      ...[
        line.replace('"payload":{', '"payload":{ '),
        line.replace('{"hash"', '{"a":1,"hash"'),
        line.replace(/\}$/, ',"zz":1}'),
        line.replace(/,"tUtc":"[^"]*"/, ''),
        line.replace(/"tUtc":"[^"]*"/, '"tUtc":1'),
        line.replace(/"tMono":[^,]*/, '"tMono":"1"'),
        line.replace(/"payload":.*,"prev"/, '"payload":[1],"prev"'),
        line.replace(/"kind":"identity"/, '"kind":["identity"]'),
        line.replace(/"seq":\d+/, '"seq":"4"'),
        line.replace('"tMono"', '"step":{},"tMono"'),
      ].map((text): [string, string, string[]] => [text, rehashed(text), ['line-unreadable +0']]),
    ];
    for (const [what, instead, wanted] of expected) {
      assert.notEqual(instead, line, what);
      const rest = lines.slice(at + (what === 'place' ? 2 : 1));
      const changed = [...lines.slice(0, at), ...instead.split('\n'), ...rest].join('\n');
      const seen = told(resigned({ files: { 'record.jsonl': Buffer.from(changed) } }));
      for (const one of wanted) {
        const [code, further] = one.split(' +');
        const told = `${code} record.jsonl:${at + 1 + Number(further)}`;
        assert.ok(seen.includes(told), `${what}: ${told} is not among ${seen.join()}`);
      }
    }
  });

  it('finds an entry that goes on with the chain behind its close', () => {
    const lines = contentOf('record.jsonl').trimEnd().split('\n');
    const last = JSON.parse(lines.at(-1) ?? '') as { seq: number; hash: string };
    const entry = { ...last, kind: 'note', payload: { text: 'late' }, prev: last.hash, seq: last.seq + 1 };
    const { hash: _, ...hashed } = entry;
    lines.push(canonicalize({ ...entry, hash: sha256(`\0${canonicalize(hashed)}`) }));
    const found = resigned({ files: { 'record.jsonl': Buffer.from(`${lines.join('\n')}\n`) } });
    assert.ok(told(found).includes(`after-close record.jsonl:${lines.length}`), told(found).join());
  });

  it('reads names that look like numbers, and pairs of surrogates, as RFC 8785 has them', () => {
    // The first is not what JSON.stringify gives, which puts such names in the order of their numbers.
    const manifest = JSON.parse(contentOf('manifest.json')) as object;
    const texts = [
      '\\ud800',
      '\\\\ud800',
      '\\ud83d\u{1f600}',
      '"',
      '\\',
      '\\\\',
      '\\"',
      'x\\',
      '"\\"',
      '\n\u0001',
      'é',
      '/',
      '',
    ];
    const escaped = Object.fromEntries(texts.map((text) => [`z${text}`, texts]));
    const odd = `${canonicalize({ ...manifest, '10': 1, '9': '\u{1f600}', ...escaped })}\n`;
    assert.match(odd, /^\{"10":1,"9":/);
    const found = verify(
      putTogether(pieces.map((piece, at) => (at === 0 ? { ...piece, content: Buffer.from(odd) } : piece))),
    );
    // Canonical, and not a manifest.
    assert.deepEqual(
      found.problems.map(({ code }) => code),
      ['manifest-altered', 'manifest-wrong'],
    );
  });

  it('is not led astray by sizes, names and files that no package has', () => {
    const manifest = contentOf('manifest.json');
    const header = (change: (header: Buffer) => void): Buffer => {
      const bytes = Buffer.from(putTogether(pieces));
      change(bytes);
      return bytes;
    };
    const rechecked = (bytes: Buffer, at: number) => {
      bytes.fill(' ', at + 148, at + 156);
      const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
      bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    };
    const hostile: Record<string, Uint8Array> = {
      nothing: Buffer.alloc(0),
      zeros: Buffer.alloc(4096),
      text: Buffer.from('this is no archive '.repeat(100)),
      'a huge manifest': Buffer.concat([tarHeader('manifest.json', 8 ** 11 - 1), Buffer.from(manifest)]),
      'a size with a sign': header((bytes) => {
        bytes.write('-0000000001\0', 124, 'latin1');
        rechecked(bytes, 0);
      }),
      'a size in base 256': header((bytes) => {
        bytes[124] = 0x80;
        rechecked(bytes, 0);
      }),
      'a name that leads up': header((bytes) => {
        const at = pieces.find((piece) => piece.path === 'record.jsonl')?.at ?? 0;
        bytes.write('../../etc/passwd\0', at, 'latin1');
        rechecked(bytes, at);
      }),
      'a link': header((bytes) => {
        const at = pieces.find((piece) => piece.path === 'record.jsonl')?.at ?? 0;
        bytes.write('2', at + 156, 'latin1');
        rechecked(bytes, at);
      }),
    };
    for (const [what, bytes] of Object.entries(hostile)) {
      const found = verify(bytes);
      assert.equal(found.exitCode, 1, what);
      assert.ok(found.problems.length > 0 && found.problems.length < 40, what);
      assert.ok(
        !found.problems.some(({ code }) => code === 'verifier-failed'),
        `${what}: ${told(found).join()}`,
      );
    }
    const names = ['../x', '/x', 'a//b', 'A\u0000b', 'a/../b', 'keys/x', 'RECORD.JSONL', 'record.jsonl'];
    for (const name of names) {
      const parsed = JSON.parse(manifest) as { files: object[] };
      parsed.files.push({ about: '', bytes: 0, mediaType: '', path: name, sha256: '0'.repeat(64) });
      const text = Buffer.from(`${canonicalize(parsed)}\n`);
      const found = verify(
        putTogether(pieces.map((piece, at) => (at === 0 ? { ...piece, content: text } : piece))),
      );
      assert.ok(
        found.problems.some(({ code }) => code === 'manifest-wrong'),
        name,
      );
    }
  });

  it('prints nothing that steers a terminal', async () => {
    const { verifierMain } = await import('../test/made-up-package.ts');
    const manifest = JSON.parse(contentOf('manifest.json')) as { runId: string };
    manifest.runId = '\u001b[2J\u202eVERIFIED';
    const text = Buffer.from(`${canonicalize(manifest)}\n`);
    writeFileSync(
      path('one.tar'),
      putTogether(pieces.map((piece, at) => (at === 0 ? { ...piece, content: text } : piece))),
    );
    let said = '';
    assert.equal(verifierMain([path('one.tar')], { write: (more: string) => (said += more) }), 1);
    assert.ok(!/[\u001b\u202e]/.test(said));
  });
});
