import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { regionNamed } from '../../image.ts';
import { assertTiles } from '../../test/contract.ts';
import { esp } from './index.ts';
import { parseEsp } from './parse.ts';
import { crc32, xorChecksum } from './sums.ts';
import { buildEsp } from './test/builder.ts';
import { ecKey } from './test/samples.ts';

const key = ecKey('P-256');
const good = buildEsp({ keys: [key], chipId: 0x0d });

describe('ESP parser', () => {
  it('names every part of an image', () => {
    const image = parseEsp(bytesSource(good));
    assertTiles(image);
    assert.deepEqual(image.issues, []);
    assert.deepEqual(image.app, {
      start: 32,
      secureVersion: 3,
      version: '1.2.3',
      projectName: 'tester',
      idfVersion: 'v5.4',
      elfSha256: 'c47f5b18b8a430e698b9fe15e51f6119984e78334bcf3f45e210d30c37ef2f9e',
    });
    assert.equal(image.segments.length, 3);
    assert.equal(image.signedEnd, 4096);
    assert.equal(good.length, 8192);
    const shape = image.regions
      .filter(({ start }) => start >= (image.checksumAt ?? 0))
      .map(({ name, start, end, coverage }) => `${name} ${start - 4096} ${end - start} ${coverage}`)
      .slice(3);
    assert.deepEqual(shape, [
      'block0.magic 0 1 unsigned',
      'block0.version 1 1 unsigned',
      'block0.hash 2 1 unsigned',
      'block0.reserved 3 1 unsigned',
      'block0.digest 4 32 unsigned',
      'block0.curve 36 1 unsigned',
      'block0.point 37 64 unsigned',
      'block0.signature 101 64 signature',
      'block0.unused 165 1031 unsigned',
      'block0.crc 1196 4 unsigned',
      'block0.padding 1200 16 unsigned',
      'slot1.empty 1216 1216 unsigned',
      'slot2.empty 2432 1216 unsigned',
      'sector.slack 3648 448 unsigned',
    ]);
  });

  it('tells chip, counter and signer', () => {
    const source = bytesSource(good);
    const facts = esp.facts(source, parseEsp(source));
    assert.equal(facts.version, '1.2.3');
    assert.equal(facts.counter, 3n);
    assert.deepEqual(facts.hardware[0], { name: 'chip', value: 'ESP32-C6' });
    assert.deepEqual(facts.algorithms, ['ECDSA P-256', 'SHA-256']);
    assert.equal(facts.signers.length, 1);
  });

  it('says what is wrong, and where', () => {
    const cases: [name: string, alter: (bytes: Buffer) => Buffer, code: string, at: number][] = [
      ['empty', () => Buffer.alloc(0), 'truncated', 0],
      ['magic', (bytes) => (bytes.writeUInt8(0xe8, 0), bytes), 'magic', 0],
      ['no segments', (bytes) => (bytes.writeUInt8(0, 1), bytes), 'segment-count', 1],
      ['17 segments', (bytes) => (bytes.writeUInt8(17, 1), bytes), 'segment-count', 1],
      ['odd segment', (bytes) => (bytes.writeUInt32LE(5, 28), bytes), 'segment-length', 28],
      ['endless segment', (bytes) => (bytes.writeUInt32LE(0xffff_fffc, 28), bytes), 'segment-length', 28],
      ['long segment', (bytes) => (bytes.writeUInt32LE(0x8000, 28), bytes), 'truncated', 8192],
      ['no sector', (bytes) => bytes.subarray(0, 4096), 'truncated', 4096],
      ['half a block', (bytes) => bytes.subarray(0, 5000), 'truncated-block', 5000],
      ['crc', (bytes) => (bytes.writeUInt8(0xaa, 4096 + 1100), bytes), 'block-crc', 4096 + 1196],
      ['version', (bytes) => (bytes.writeUInt8(4, 4097), bytes), 'block-version', 4097],
    ];
    for (const [name, alter, code, at] of cases) {
      const image = parseEsp(bytesSource(alter(Buffer.from(good))));
      assertTiles(image);
      assert.ok(
        image.issues.some((issue) => issue.code === code && issue.at === at),
        `${name}: ${JSON.stringify(image.issues)}`,
      );
    }
  });

  it('takes nothing for an ESP image that only begins like one', () => {
    const jump = Buffer.alloc(4096, 0xe9);
    assert.equal(esp.claims(bytesSource(jump)), undefined);
    assert.deepEqual(esp.claims(bytesSource(good)), { certainty: 'certain' });
    assert.equal(esp.claims(bytesSource(good.subarray(0, 4096)))?.certainty, 'possible');
  });

  it('computes the sums that others compute', () => {
    // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
    assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
    const bytes = bytesSource(Buffer.of(1, 2, 4, 8));
    assert.equal(xorChecksum(bytes, [{ start: 0, end: 2 }, { start: 3, end: 4 }]), 0xef ^ 1 ^ 2 ^ 8); // prettier-ignore
    assert.ok(regionNamed(parseEsp(bytesSource(good)), 'checksum'));
  });
});
