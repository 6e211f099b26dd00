import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import { envelope, envelopeText, type Envelope } from '../../harness/record/dsse.ts';
import { hashOf, type Entry } from '../../harness/record/entry.ts';
import { canonicalize } from '../../harness/record/jcs.ts';
import type { Signer } from '../../harness/record/signing.ts';
import {
  madeUpPackage,
  newSigner,
  pack,
  putTogether,
  rewriteRun,
  scratch,
  takeApart,
  verifyPackage,
  type Piece,
  type Verification,
} from './test/made-up-package.ts';
import { paddingAfter } from './tar.ts';

describe('Tampering with an evidence package', () => {
  const { path, remove } = scratch();
  let bench: Signer;
  let whole: Buffer;
  let pieces: Piece[];
  const file = path('tampered.tar');
  before(async () => {
    bench = newSigner();
    whole = readFileSync(await madeUpPackage(path('run'), path('whole.tar'), bench));
    pieces = takeApart(whole);
  });
  after(remove);

  const verify = (bytes: Buffer, keys: readonly string[] = [bench.fingerprint]): Verification => {
    writeFileSync(file, bytes);
    return verifyPackage(file, keys);
  };
  const codes = (bytes: Buffer, keys?: readonly string[]) =>
    verify(bytes, keys).problems.map(({ code }) => code);
  /** Found, named, and by a check of its own: not by the work having fallen over. */
  const mustBeFound = (found: Verification, what: string) => {
    assert.equal(found.exitCode, 1, what);
    assert.ok(found.problems.length > 0, what);
    for (const { code, where, message, next } of found.problems) {
      assert.ok(![code, where, message, next].includes(''), what);
      assert.notEqual(code, 'verifier-failed', `${what}: ${message}`);
    }
  };
  const contentOf = (name: string) => pieces.find((piece) => piece.path === name)?.content ?? Buffer.alloc(0);
  const withContent = (name: string, content: Buffer) =>
    putTogether(pieces.map((piece) => (piece.path === name ? { ...piece, content } : piece)));

  it('starts from a package that is taken apart and put together unharmed', () => {
    assert.ok(putTogether(pieces).equals(whole));
    assert.deepEqual(codes(whole), []);
  });

  /** One altered byte at each of these places. */
  const mustFindEach = (offsets: ReadonlySet<number>, atLeast: number) => {
    assert.ok(offsets.size >= atLeast, `${offsets.size} places`);
    for (const offset of offsets) {
      const altered = Buffer.from(whole);
      altered[offset] = (altered[offset] ?? 0) ^ (offset % 3 === 0 ? 0x80 : 0x01);
      mustBeFound(verify(altered), `byte ${offset}`);
    }
  };

  it('is found in one altered byte of every block', () => {
    const offsets = new Set<number>();
    for (let at = 0; at < whole.length; at += 512) offsets.add(at + 256 - (at % 7) * 30);
    mustFindEach(offsets, 100);
  });

  it('is found in one altered byte of every field of every header', () => {
    // name, mode, uid, gid, size, mtime, checksum, type, link, magic, version, owner, group, device, prefix, rest
    const fields = [
      0, 99, 100, 108, 116, 124, 136, 148, 155, 156, 157, 257, 263, 265, 297, 329, 345, 499, 511,
    ];
    mustFindEach(new Set(pieces.flatMap(({ at }) => fields.map((field) => at + field))), 250);
  });

  it('is found in the first and the last byte of every file, of the zeros after it, and of the end', () => {
    const offsets = new Set<number>();
    for (const { at, content } of pieces) {
      const [first, end] = [at + 512, at + 512 + content.length];
      if (content.length > 0) offsets.add(first).add(end - 1);
      if (paddingAfter(content.length) > 0) offsets.add(end).add(end + paddingAfter(content.length) - 1);
    }
    for (const back of [1, 512, 513, 1024]) offsets.add(whole.length - back);
    mustFindEach(offsets, 50);
  });

  it('is found in every cut of the tail, and in what is added to it', () => {
    for (let length = 0; length < whole.length; length += length < 2048 ? 97 : 1511)
      mustBeFound(verify(whole.subarray(0, length)), `${length} bytes`);
    assert.deepEqual(codes(whole.subarray(0, -1)), ['package-cut']);
    assert.deepEqual(codes(Buffer.concat([whole, Buffer.alloc(1)])), ['bytes-after-end']);
    assert.deepEqual(codes(Buffer.concat([whole, Buffer.alloc(512)])), ['bytes-after-end']);
  });

  it('is found in every file that is removed, repeated, moved or added', () => {
    for (const [index, piece] of pieces.entries()) {
      mustBeFound(verify(putTogether(pieces.toSpliced(index, 1))), `without ${piece.path}`);
      mustBeFound(verify(putTogether(pieces.toSpliced(index, 0, piece))), `${piece.path} twice`);
      const next = pieces[index + 1];
      if (next !== undefined)
        mustBeFound(
          verify(putTogether(pieces.with(index, next).with(index + 1, piece))),
          `${piece.path} moved`,
        );
    }
    const last = pieces.length;
    for (const at of [1, 5, last]) {
      const stranger = { path: 'wire/stranger.bin', content: Buffer.from('x'), at: 0 };
      assert.ok(codes(putTogether(pieces.toSpliced(at, 0, stranger))).includes('file-foreign'), `at ${at}`);
    }
    const names = pieces.map((piece) => piece.path);
    const record = names.indexOf('record.jsonl');
    assert.deepEqual(
      codes(putTogether(pieces.toSpliced(record + 1, 1))),
      ['file-missing', 'seal-wrong'].slice(0, 1),
    );
  });

  it('is found in every member of the small files that is changed, taken out or added', () => {
    const small = names().filter((name) => /^(manifest\.json|seal|statements)/.test(name));
    assert.equal(small.length, 6);
    for (const name of small) {
      const value = JSON.parse(contentOf(name).toString()) as Record<string, unknown>;
      for (const { edited, what } of edits(value))
        mustBeFound(verify(withContent(name, Buffer.from(`${canonicalize(edited)}\n`))), `${name}: ${what}`);
      const spaced = Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
      assert.ok(codes(withContent(name, spaced)).length > 0, `${name} with white space`);
    }
  });
  const names = () => pieces.map((piece) => piece.path);

  /** What is found when the record has these lines; the manifest still has its size and digest. */
  const record = (lines: readonly string[]) =>
    verify(withContent('record.jsonl', Buffer.from(lines.map((line) => `${line}\n`).join(''))));
  const recordLines = () => contentOf('record.jsonl').toString().trimEnd().split('\n');
  const mustHave = (found: Verification, code: string, index: number) => {
    const told = JSON.stringify(found.problems.slice(0, 3));
    assert.ok(
      found.problems.some((problem) => problem.code === code),
      `${code}, line ${index + 1}: ${told}`,
    );
  };

  it('is found when any line of the record is altered or moved', () => {
    const lines = recordLines();
    for (const [index, line] of lines.entries()) {
      mustHave(record(lines.with(index, line.replace('"tUtc":"2', '"tUtc":"1'))), 'line-altered', index);
      const next = lines[index + 1];
      if (next !== undefined)
        mustHave(record(lines.with(index, next).with(index + 1, line)), 'entry-out-of-order', index);
    }
  });

  it('is found when a line of the record is rewritten with a fresh hash', () => {
    const lines = recordLines();
    for (const [index, line] of lines.entries()) {
      const entry = JSON.parse(line.replace('"tUtc":"2', '"tUtc":"1')) as Entry;
      entry.hash = Buffer.from(hashOf({ ...entry })).toString('hex');
      const found = record(lines.with(index, canonicalize(entry)));
      mustHave(found, index === lines.length - 1 ? 'seal-wrong' : 'chain-broken', index);
      if (index < lines.length - 1) mustHave(found, 'root-wrong', index);
    }
  });

  it('is found when any line of the record is removed or repeated, or its tail is cut', () => {
    const lines = recordLines();
    for (const [index, line] of lines.entries()) {
      const isLast = index === lines.length - 1;
      mustHave(record(lines.toSpliced(index, 1)), isLast ? 'tail-cut' : 'entry-missing', index);
      mustHave(record(lines.toSpliced(index, 0, line)), isLast ? 'after-close' : 'entry-out-of-order', index);
      mustHave(record(lines.slice(0, index)), index === 0 ? 'line-unreadable' : 'tail-cut', index);
    }
  });

  it('is found when statements are signed twice by one key, or by a key that is not there', () => {
    const name = 'statements/package.dsse.json';
    const signed = JSON.parse(contentOf(name).toString()) as Envelope;
    const again = (signatures: Envelope['signatures']) =>
      codes(withContent(name, Buffer.from(envelopeText({ ...signed, signatures }))));
    const [one] = signed.signatures;
    assert.ok(one !== undefined);
    assert.deepEqual(again([one, one]), ['signature-duplicated']);
    // Another name for the same key does not make it two.
    assert.deepEqual(again([one, { ...one, keyid: 'f'.repeat(64) }]), ['signature-duplicated']);
    assert.deepEqual(again([{ ...one, keyid: 'somebody' }]), ['keyid-wrong']);
    assert.ok(again([]).includes('signature-missing'));
    const body = Buffer.from(signed.payload, 'base64');
    const other = envelope(signed.payloadType, body, [newSigner()]).signatures;
    assert.ok(again([one, ...other]).includes('signature-wrong'));
  });

  it('takes signatures in both alphabets of base64, and no mixture of them', () => {
    const name = 'statements/cases.dsse.json';
    const signed = JSON.parse(contentOf(name).toString()) as Envelope;
    const url = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_');
    const [one] = signed.signatures;
    assert.ok(one !== undefined);
    const inUrl = { ...signed, payload: url(signed.payload), signatures: [{ ...one, sig: url(one.sig) }] };
    assert.deepEqual(codes(withContent(name, Buffer.from(envelopeText(inUrl)))), []);
    const unpadded = { ...signed, signatures: [{ ...one, sig: one.sig.replaceAll('=', '') }] };
    assert.ok(codes(withContent(name, Buffer.from(envelopeText(unpadded)))).includes('signature-wrong'));
  });

  it('is found when a key is exchanged, or lies there unused', () => {
    const other = newSigner();
    const key = `keys/${bench.fingerprint}.pem`;
    assert.ok(codes(withContent(key, Buffer.from(other.publicPem))).includes('key-altered'));
    const extra = { path: `keys/${other.fingerprint}.pem`, content: Buffer.from(other.publicPem), at: 0 };
    const keys = [...pieces.slice(1, 2), extra].sort((a, b) => (a.path < b.path ? -1 : 1));
    assert.deepEqual(codes(putTogether([...pieces.slice(0, 1), ...keys, ...pieces.slice(2)])), [
      'key-unused',
    ]);
  });

  it('shows in the fingerprint alone when everything was rewritten with another key', async () => {
    const forger = newSigner();
    rewriteRun(path('run'), path('forged'), forger, (line) =>
      line.replace('"verdict":"violates"', '"verdict":"conforms"'),
    );
    const forged = readFileSync(await pack(path('forged'), path('forged.tar'), { signers: [forger] }));
    const unknown = verify(forged, []);
    assert.deepEqual([unknown.exitCode, unknown.problems], [2, []]);
    const known = verify(forged);
    assert.equal(known.exitCode, 1);
    assert.deepEqual(known.problems[0], {
      code: 'signer-missing',
      where: bench.fingerprint,
      message: 'has signed neither this package nor its record',
      next: known.problems[0]?.next,
    });
  });

  it('shows when the record was written anew by somebody without a key, and the bench packed it', async () => {
    rewriteRun(path('run'), path('unsigned'), newSigner(), (line) =>
      line.replace('"verdict":"violates"', '"verdict":"conforms"'),
    );
    const record = path('unsigned/record.jsonl');
    const withoutKey = readFileSync(record, 'utf8').replace(/"benchKey":"[0-9a-f]{64}",/, '');
    writeFileSync(record, withoutKey);
    rewriteRun(path('unsigned'), path('anew'), newSigner(), (line) => line, { sign: false });
    const packed = readFileSync(await pack(path('anew'), path('anew.tar'), { signers: [bench] }));
    const found = verify(packed);
    assert.deepEqual([found.exitCode, found.problems], [2, []]);
    assert.ok(found.notChecked.some(({ what }) => what === 'a signature made when the record was closed'));
  });

  it('is found when one of two expected signers made it up, with a statement that the other signed', async () => {
    const person = newSigner();
    rewriteRun(path('run'), path('made-up'), person, (line) => line.replaceAll('made-up-1', 'made-up-9'));
    const other = takeApart(
      readFileSync(await pack(path('made-up'), path('made-up.tar'), { signers: [person] })),
    );
    const name = 'statements/test-result.dsse.json';
    const signedByBench = pieces.find((piece) => piece.path === name);
    const benchKey = pieces.find((piece) => piece.path === `keys/${bench.fingerprint}.pem`);
    assert.ok(signedByBench !== undefined && benchKey !== undefined);
    const swapped = other.map((piece) => (piece.path === name ? signedByBench : piece));
    const [manifest, ...rest] = swapped;
    assert.ok(manifest !== undefined);
    const inOrder = [manifest, ...[benchKey, ...rest.slice(0, 1)].sort((a, b) => (a.path < b.path ? -1 : 1))];
    const found = verify(putTogether([...inOrder, ...rest.slice(1)]), [
      bench.fingerprint,
      person.fingerprint,
    ]);
    assert.equal(found.exitCode, 1);
    const told = found.problems.map(({ code, where }) => [code, where]);
    assert.ok(told.some(([code, where]) => code === 'signer-missing' && where === bench.fingerprint));
    assert.ok(
      told.some(([code, where]) => code === 'statement-wrong' && where === name),
      'of another record',
    );
  });

  it('is found when the forger keeps the seal that the bench has signed', async () => {
    const forger = newSigner();
    rewriteRun(path('run'), path('half'), forger, (line) => (line.includes('"note"') ? undefined : line));
    for (const name of ['seal.json', 'seal.dsse.json', 'seal-key.pem'])
      writeFileSync(path(`half/${name}`), readFileSync(path(`run/${name}`)));
    const half = readFileSync(await pack(path('half'), path('half.tar'), { signers: [forger] }));
    const found = verify(half, []);
    mustBeFound(found, 'the old seal');
    assert.ok(found.problems.every(({ code }) => code === 'seal-wrong'));
  });
});

interface Edit {
  edited: unknown;
  what: string;
}

/** Each member of a value altered, each taken out, and one added to each object, one at a time. */
function* edits(value: unknown, at = '$'): Generator<Edit> {
  if (typeof value === 'string') yield { edited: `${value}x`, what: `${at} altered` };
  else if (typeof value === 'number') yield { edited: value + 1, what: `${at} altered` };
  else if (typeof value === 'boolean') yield { edited: !value, what: `${at} altered` };
  else if (Array.isArray(value)) yield* editsOfList(value, at);
  else if (typeof value === 'object' && value !== null)
    yield* editsOfObject(value as Record<string, unknown>, at);
}

function* editsOfList(list: readonly unknown[], at: string): Generator<Edit> {
  for (const [index, item] of list.entries()) {
    yield { edited: list.toSpliced(index, 1), what: `${at}[${index}] taken out` };
    for (const { edited, what } of edits(item, `${at}[${index}]`))
      yield { edited: list.with(index, edited), what };
  }
}

function* editsOfObject(object: Readonly<Record<string, unknown>>, at: string): Generator<Edit> {
  yield { edited: { ...object, zz: 1 }, what: `${at} with one more` };
  for (const [name, item] of Object.entries(object)) {
    const { [name]: _gone, ...rest } = object;
    yield { edited: rest, what: `${at}.${name} taken out` };
    for (const { edited, what } of edits(item, `${at}.${name}`))
      yield { edited: { ...object, [name]: edited }, what };
  }
}
