import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { regionNamed } from '../../image.ts';
import { assertTiles, counting } from '../../test/contract.ts';
import { suit } from './index.ts';
import { parseSuit } from './parse.ts';
import { buildSuit } from './test/builder.ts';
import { secureBoot, severedElements } from './test/draft-examples.ts';

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const payload = Buffer.from('the payload');
const good = buildSuit({ key, payload, keyId: 'key 1', severedInstall: true, text: 'Text.' });

const codesOf = (bytes: Uint8Array): string[] => parseSuit(bytesSource(bytes)).issues.map(({ code }) => code);

describe('SUIT parser', () => {
  it('names every byte of an envelope', () => {
    const image = parseSuit(bytesSource(Buffer.concat([good, Buffer.alloc(3)])));
    assertTiles(image);
    assert.deepEqual(image.issues, []);
    const kinds = new Map(image.regions.map(({ name, coverage }) => [name, coverage]));
    const expected = {
      'envelope.tag': 'unsigned',
      'auth.digest.algorithm': 'signed',
      'auth.digest.bytes': 'signed',
      'auth.block.protected': 'signed',
      'auth.block.unprotected': 'unsigned',
      'auth.block.payload': 'unsigned',
      'auth.block.signature': 'signature',
      'manifest.head': 'signed',
      'manifest.sequence-number': 'signed',
      'manifest.components': 'signed',
      'manifest.shared.vendor-id': 'signed',
      'manifest.shared.image-digest': 'signed',
      'manifest.install.digest': 'signed',
      'manifest.text.digest': 'signed',
      'severed.install.uri': 'signed',
      'severed.text': 'signed',
      'payload.#firmware.head': 'unsigned',
      'payload.#firmware': 'signed',
      trailing: 'trailing',
    };
    for (const [name, coverage] of Object.entries(expected)) assert.equal(kinds.get(name), coverage, name);
    const region = regionNamed(image, 'payload.#firmware');
    assert.deepEqual(good.subarray(region?.start, region?.end), payload);
  });

  it('reads the draft’s own examples, and says what they say', () => {
    const image = parseSuit(bytesSource(secureBoot));
    assert.deepEqual(image.issues, []);
    const facts = suit.facts(bytesSource(secureBoot), image);
    assert.equal(facts.counter, 0n);
    assert.deepEqual(facts.hardware, [
      { name: 'vendor', value: 'fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe' },
      { name: 'class', value: '1492af14-2569-5e48-bf42-9b2d51f2ab45' },
    ]);
    assert.deepEqual(facts.algorithms, ['SHA-256', 'ES256']);
    assert.deepEqual(facts.digests, [
      '6658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af',
      '00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210',
    ]);
    assert.deepEqual(facts.other, [{ name: 'component', value: '00' }]);

    const severed = parseSuit(bytesSource(severedElements));
    assert.deepEqual(severed.issues, []);
    assert.deepEqual(
      severed.manifest?.severed.map(({ name }) => name),
      ['install', 'text'],
    );
    assert.ok(
      suit
        .facts(bytesSource(severedElements), severed)
        .other.some(({ value }) => value === 'http://example.com/very/long/path/to/file/file.bin'),
    );
  });

  it('tells key ids, payloads that are used and payloads that are not', () => {
    const facts = suit.facts(bytesSource(good), parseSuit(bytesSource(good)));
    assert.deepEqual(facts.signers, [{ name: 'key id', value: Buffer.from('key 1').toString('hex') }]);
    assert.ok(facts.other.some(({ name, value }) => name === 'payload' && value === '#firmware (11 bytes)'));
  });

  it('says what is wrong, and whether it is harmless', () => {
    const replace = (from: string, to: string): Buffer => {
      const hex = good.toString('hex');
      assert.ok(hex.includes(from), from);
      return Buffer.from(hex.replace(from, to), 'hex');
    };
    const cases: [name: string, bytes: Buffer, code: string, broken: 'envelope' | 'manifest' | undefined][] =
      [
        ['empty', Buffer.alloc(0), 'cbor-truncated', 'envelope'],
        ['cut', good.subarray(0, 100), 'cbor-truncated', 'envelope'],
        ['a number', Buffer.of(5), 'unexpected-type', 'envelope'],
        ['another tag', replace('d86ba5', 'd86ca5'), 'tag', 'envelope'],
        ['no manifest', Buffer.from('d86ba1024180', 'hex'), 'no-manifest', 'envelope'],
        [
          'indefinite',
          Buffer.concat([replace('d86ba5', 'd86bbf'), Buffer.of(0xff)]),
          'cbor-indefinite',
          undefined,
        ],
        ['manifest not wrapped', Buffer.from('a102f6', 'hex'), 'not-wrapped', 'envelope'],
        ['auth last', Buffer.from('a20341a0024180', 'hex'), 'auth-order', undefined],
        ['junk in a wrap', Buffer.from('a2024280000341a0', 'hex'), 'wrapped-rest', 'envelope'],
        ['no common part', Buffer.from('a20241800341a0', 'hex'), 'no-common', 'manifest'],
      ];
    for (const [name, bytes, code, broken] of cases) {
      const image = parseSuit(bytesSource(bytes));
      assertTiles(image);
      assert.ok(
        image.issues.some((issue) => issue.code === code),
        `${name}: ${codesOf(bytes).join(' ')}`,
      );
      const found = Object.entries(image.broken).find(([, issue]) => issue.code === code)?.[0];
      assert.equal(found, broken, name);
    }
  });

  it('reads little of a large payload', () => {
    const large = buildSuit({ key, payload: Buffer.alloc(5_000_000) });
    const source = counting(large);
    assert.deepEqual(parseSuit(source).issues, []);
    assert.ok(source.bytesRead < 5000, `${source.bytesRead} bytes read`);
  });

  it('claims envelopes with and without the tag, and no other CBOR', () => {
    const claim = (bytes: Uint8Array): unknown => suit.claims(bytesSource(bytes));
    assert.deepEqual(claim(good), { certainty: 'certain' });
    assert.deepEqual(claim(good.subarray(2)), { certainty: 'certain' });
    for (const other of ['a0', 'a10203', 'd86b01', '820203', 'a202010302', '']) {
      assert.equal(claim(Buffer.from(other, 'hex')), undefined, other);
    }
  });
});
