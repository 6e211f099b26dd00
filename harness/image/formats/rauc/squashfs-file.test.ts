import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { identifyImage } from '../../identify.ts';
import { makeTestAuthority, type TestAuthority } from '../../test/test-ca.ts';
import { readRootFile } from './squashfs-file.ts';
import { buildRauc } from './test/builder.ts';
import { squashfsOf } from './test/squashfs.ts';

const file = (bytes: Buffer, name: string, most = 4096, end = bytes.length): Buffer | undefined =>
  readRootFile(bytesSource(bytes), end, name, most);

describe('a file of a squashfs', () => {
  for (const how of ['zlib', 'stored', 'withoutFragments'] as const) {
    it(`is read where it is made by mksquashfs: ${how}`, () => {
      const bytes = squashfsOf(how);
      assert.match(
        String(file(bytes, 'manifest.raucm')),
        /^\[update\]\ncompatible=Gateway\nversion=1\.2\.0\n/,
      );
      assert.deepEqual(file(bytes, 'firmware.img'), Buffer.alloc(300));
    });
  }

  it('is not there by another name, beyond the end, or when it is longer than wanted', () => {
    const bytes = squashfsOf('zlib');
    assert.equal(file(bytes, 'manifest'), undefined);
    assert.equal(file(bytes, 'firmware.img', 299), undefined);
    assert.notEqual(file(bytes, 'firmware.img', 300), undefined);
    assert.equal(file(bytes, 'manifest.raucm', 4096, bytes.length - 100), undefined);
  });

  it('is left alone where it is compressed by other means', () => {
    assert.equal(file(squashfsOf('xz'), 'manifest.raucm'), undefined);
  });

  it('is looked for without an exception, whatever byte is damaged', () => {
    for (const how of ['zlib', 'stored', 'withoutFragments'] as const) {
      const good = squashfsOf(how);
      for (let at = 0; at < good.length; at += 1) {
        for (const value of [0, 0x7f, 0xff]) {
          const bytes = Buffer.from(good);
          bytes[at] = value;
          file(bytes, 'manifest.raucm');
        }
        file(good.subarray(0, at), 'manifest.raucm');
      }
    }
  });
});

describe('a plain bundle', () => {
  let ca: TestAuthority;
  before(async () => {
    ca = await makeTestAuthority('rsa2048');
  });
  const identity = (how: Parameters<typeof squashfsOf>[0]): ReturnType<typeof identifyImage> =>
    identifyImage(buildRauc({ by: ca.valid, format: 'plain', squashfs: squashfsOf(how) }));

  it('tells its version, and the digests by which a device may name what it installed', () => {
    const told = identity('zlib');
    assert.equal(told?.version, '1.2.0');
    assert.equal(told.digests[1], '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881');
    assert.equal(told.contentsHidden, false);
  });

  it('says that its contents are hidden where they are', () => {
    assert.equal(identity('xz')?.contentsHidden, true);
  });
});
