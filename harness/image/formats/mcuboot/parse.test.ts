import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { regionNamed, type Region } from '../../image.ts';
import { buildMcuboot } from './test/builder.ts';
import { verifyMcuboot } from './verify.ts';
import { assertTiles, counting } from '../../test/contract.ts';
import { parseMcuboot } from './parse.ts';
import { tlvName } from './layout.ts';

const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const good = Buffer.from(buildMcuboot({ key, trailing: Buffer.alloc(5, 0xff) }).bytes);

describe('MCUboot parser', () => {
  it('names every byte of an image', () => {
    const image = parseMcuboot(bytesSource(good));
    assertTiles(image);
    assert.deepEqual(image.issues, []);
    assert.equal(image.header?.version, '1.2.3+4');
    const shape = image.regions
      .filter(({ name }) => !name.startsWith('header.'))
      .map(({ name, coverage }) => `${name} ${coverage}`);
    assert.deepEqual(shape, [
      'payload signed',
      'protected.info signed',
      'protected.SEC_CNT.header signed',
      'protected.SEC_CNT.value signed',
      'unprotected.info unsigned',
      'unprotected.SHA256.header unsigned',
      'unprotected.SHA256.value unsigned',
      'unprotected.KEYHASH.header unsigned',
      'unprotected.KEYHASH.value unsigned',
      'unprotected.ECDSA.header unsigned',
      'unprotected.ECDSA.value signature',
      'trailing trailing',
    ]);
    const { start, end } = regionNamed(image, 'payload') as Region;
    assert.equal(String(good.subarray(start, end)), 'payload of the test image, long enough to be halved');
    assert.equal(image.signedEnd, regionNamed(image, 'unprotected.info')?.start);
    assert.equal(image.imageEnd, good.length - 5);
  });

  it('reads images with other shapes: no protected area, repeated and unknown entries', () => {
    const bare = parseMcuboot(bytesSource(buildMcuboot({ key, protectedTlvs: [] }).bytes));
    assert.equal(bare.protectedArea, undefined);
    assert.deepEqual(bare.issues, []);
    const twice = buildMcuboot({
      key,
      hdrSize: 32,
      protectedTlvs: [
        [0x50, Buffer.alloc(4)],
        [0x50, Buffer.alloc(4)],
        [0x01a0, Buffer.alloc(0)],
        [0x99, Buffer.alloc(1)],
      ],
    });
    const image = parseMcuboot(bytesSource(twice.bytes));
    assertTiles(image);
    assert.deepEqual(image.issues, []);
    assert.ok(regionNamed(image, 'protected.SEC_CNT.value#2'));
    assert.ok(regionNamed(image, 'protected.VENDOR_01a0.header'));
    assert.equal(tlvName(0x99), 'TYPE_0099');
  });

  it('says what is wrong, and where', () => {
    const cases: [name: string, alter: (bytes: Buffer) => Buffer, code: string, at: number][] = [
      ['empty', () => Buffer.alloc(0), 'truncated', 0],
      ['magic', (bytes) => (bytes.writeUInt32LE(1, 0), bytes), 'magic', 0],
      [
        'little-endian numbers behind a big-endian magic',
        (bytes) => (bytes.writeUInt32BE(0x96f3b83d, 0), bytes),
        'truncated',
        good.length,
      ],
      ['header size', (bytes) => (bytes.writeUInt16LE(8, 8), bytes), 'header-size', 8],
      [
        'payload beyond the file',
        (bytes) => (bytes.writeUInt32LE(0xffff_ffff, 12), bytes),
        'truncated',
        good.length,
      ],
      ['protected size', (bytes) => (bytes.writeUInt16LE(16, 10), bytes), 'protected-size', 115],
      ['unprotected magic', (bytes) => (bytes.writeUInt16LE(0x6908, 127), bytes), 'tlv-magic', 127],
      ['unprotected length', (bytes) => (bytes.writeUInt16LE(2, 129), bytes), 'tlv-length', 129],
      ['entry too long', (bytes) => (bytes.writeUInt16LE(60_000, 133), bytes), 'tlv-length', 133],
    ];
    for (const [name, alter, code, at] of cases) {
      const image = parseMcuboot(bytesSource(alter(Buffer.from(good))));
      assertTiles(image);
      assert.ok(
        image.issues.some((issue) => issue.code === code && issue.at === at),
        `${name}: ${JSON.stringify(image.issues)}`,
      );
    }
  });

  it('meets any truncation and any flipped bits with issues, tiles and a bounded effort', () => {
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(7)), { maxLength: 4 });
    fc.assert(
      fc.property(flips, fc.nat(good.length), (bits, length) => {
        const bytes = Buffer.from(good.subarray(0, length));
        for (const [at, bit] of bits) if (at < length) bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        const source = counting(bytes);
        const image = parseMcuboot(source);
        assertTiles(image);
        assert.ok(source.reads <= 3 + bytes.length / 4, `${source.reads} reads`);
        assert.ok(source.bytesRead <= 32 + 8 + bytes.length, `${source.bytesRead} bytes read`);
        const described = length < image.signedEnd + 4 ? image.issues.length > 0 : true;
        assert.ok(described, 'a truncated image has issues');
        verifyMcuboot(source, { keys: [publicKey] });
      }),
      { numRuns: 500 },
    );
  });

  it('meets arbitrary bytes behind a good header likewise', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(0xffff),
        fc.nat(400),
        (bytes, protectSize, imgSize) => {
          const header = Buffer.from(good.subarray(0, 32));
          header.writeUInt16LE(protectSize, 10);
          header.writeUInt32LE(imgSize, 12);
          assertTiles(parseMcuboot(bytesSource(Buffer.concat([header, bytes]))));
        },
      ),
    );
  });

  it('reads a TLV area full of empty entries once', () => {
    const entries = Array.from({ length: 16_000 }, () => [0x99, Buffer.alloc(0)] as const);
    const { bytes } = buildMcuboot({ key, protectedTlvs: entries });
    const source = counting(bytes);
    const image = parseMcuboot(source);
    assertTiles(image);
    assert.equal(image.tlvs.length, 16_003);
    assert.ok(source.reads < 16_020, `${source.reads} reads`);
  });
});
