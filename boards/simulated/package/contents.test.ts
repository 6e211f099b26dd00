import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FIRMWARE, GOLDEN, packageFile, PARAMETERS, verdictOn } from '../testing/packages.ts';
import { archive, buildPackage, describe as describePackage, sealPackage } from '../vendor/build-package.ts';

const TEXT = describePackage(GOLDEN);
const FILES = GOLDEN.files;

/** The golden files under another description, signed. */
function described(text: string, files: readonly { name: string; data: Buffer }[] = FILES): Buffer {
  return sealPackage(text, GOLDEN, files);
}

const DIGEST = /sha256 = "[0-9a-f]{64}"/;

describe('packages: what is in them', () => {
  it('wants a SHA-256 for every file, and the right one', async () => {
    const missing = described(TEXT.replace(DIGEST, 'note = ""'));
    const zeros = described(TEXT.replace(DIGEST, `sha256 = "${'0'.repeat(64)}"`));
    for (const bytes of [missing, zeros]) {
      assert.equal(await verdictOn(bytes), 'digest');
      assert.equal(await verdictOn(bytes, { defects: ['installs-without-digest'] }), 'accepted');
    }
    const half = described(TEXT.replace(DIGEST, (found) => `${found.slice(0, 42)}"`));
    const other = described(TEXT, [{ ...FIRMWARE, data: Buffer.alloc(FIRMWARE.data.length) }, PARAMETERS]);
    for (const bytes of [half, other, described(TEXT, [PARAMETERS])]) {
      assert.equal(await verdictOn(bytes), 'digest');
      assert.equal(await verdictOn(bytes, { defects: ['installs-without-digest'] }), 'digest');
    }
  });

  it('refuses files that nobody described, or that come twice', async () => {
    const extra = described(TEXT, [...FILES, { name: 'extra.bin', data: Buffer.from('extra') }]);
    const before = described(TEXT, [...FILES, { ...FIRMWARE, data: Buffer.from('forged') }]);
    for (const bytes of [extra, before]) {
      assert.equal(await verdictOn(bytes), 'digest');
      assert.equal(await verdictOn(bytes, { defects: ['takes-unlisted-files'] }), 'accepted');
    }
  });

  it('refuses names that lead elsewhere', async () => {
    const kept = { device: 'file', data: Buffer.from('kept') };
    for (const name of ['../x', '/x', 'a/b', '..', 'a\\\\b', 'a\\x07b', 'a\\nb']) {
      const files = [...FILES, { ...kept, name }];
      assert.equal(await verdictOn(described(describePackage({ ...GOLDEN, files }), files)), 'path', name);
    }
    const files = [...FILES, { ...kept, name: 'notes.txt' }];
    assert.equal(await verdictOn(buildPackage({ ...GOLDEN, files })), 'accepted');
  });

  it('unpacks no further than a slot', async () => {
    const packed = (bytes: number): Buffer =>
      buildPackage({
        ...GOLDEN,
        files: [FIRMWARE, { ...PARAMETERS, data: Buffer.alloc(bytes), packed: true }],
      });
    assert.equal(await verdictOn(packed(65_536)), 'accepted');
    assert.equal(await verdictOn(packed(65_537)), 'size');
    assert.equal(await verdictOn(packageFile('bomb-1.10.1')), 'size');
    const bomb = await verdictOn(packageFile('bomb-1.10.1'), { defects: ['unpacks-without-limit'] });
    assert.equal(bomb, 'hung');
    const garbage = described(TEXT.replaceAll('device =', 'compressed = "zlib"; device ='));
    assert.equal(await verdictOn(garbage), 'format');
  });

  it('takes the firmware only when its own verification holds', async () => {
    const data = Buffer.from(FIRMWARE.data);
    const last = data.length - 1;
    data[last] = (data[last] ?? 0) ^ 1;
    const bytes = buildPackage({ ...GOLDEN, files: [{ ...FIRMWARE, data }, PARAMETERS] });
    assert.equal(await verdictOn(bytes), 'signature');
  });

  it('reads the description to the letter', async () => {
    const commented = `# one\n/* two\n */ ${TEXT} // three`;
    assert.equal(await verdictOn(described(commented)), 'accepted');
    for (const [from, to] of [
      ['sequence = 10;', 'sequence = 10; sequence = 10;'],
      ['sequence = 10;', 'sequence = "10";'],
      ['sequence = 10;', 'sequence = 4294967296;'],
      ['sequence = 10;', ''],
      ['software =', '@include "other"\nsoftware ='],
      ['images: (', 'images: ( 7,'],
      ['"1.10.0";', '"1.10.0'],
      ['"firmware.bin"', '"firmware.bin" "2"'],
      ['}\n', '}\n\0'],
      ['}\n', `${'/* */'.repeat(900)}}\n`],
    ] as const) {
      assert.equal(await verdictOn(described(TEXT.replace(from, to))), 'format', to);
    }
  });

  it('reads the archive to the letter', async () => {
    const good = buildPackage(GOLDEN);
    const at = (name: string): number => good.lastIndexOf(name) - 110;
    const altered = (start: number, text: string): Buffer =>
      Buffer.concat([good.subarray(0, start), Buffer.from(text), good.subarray(start + text.length)]);
    const parameters = at('parameters.bin');
    for (const [bytes, reason] of [
      [altered(0, '070701'), 'format'],
      [altered(parameters + 14, '0000a1ff'), 'format'],
      [altered(parameters + 102, '00000000'), 'format'],
      [altered(parameters + 54, 'ffffffff'), 'truncated'],
      [altered(parameters + 54, '-0000001'), 'format'],
      [altered(parameters + 94, '00000000'), 'format'],
      [good.subarray(0, -1), 'truncated'],
      [good.subarray(0, parameters), 'truncated'],
      [Buffer.concat([good, Buffer.alloc(4)]), 'size'],
      [Buffer.alloc(0), 'truncated'],
      [archive(FILES), 'format'],
      [archive([{ name: 'sw-description', data: Buffer.from(TEXT) }, ...FILES]), 'unsigned'],
    ] as const) {
      assert.equal(await verdictOn(bytes), reason);
    }
  });

  it('outlives every package that is cut short, and every byte that is altered', async () => {
    const good = buildPackage(GOLDEN);
    for (let at = 0; at < good.length; at += 23) {
      assert.notEqual(await verdictOn(good.subarray(0, at)), 'accepted', `cut at ${at}`);
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ 0x40;
      if ((await verdictOn(bytes)) === 'accepted') assert.ok(isIdle(good, at), `altered at ${at}`);
    }
  });
});

/** True where nothing is said about the files: the headers' inode, owner and time, and version numbers in the CMS. */
function isIdle(bytes: Buffer, at: number): boolean {
  const start = bytes.lastIndexOf('070702', at);
  return at - start < 110 || bytes.subarray(start + 110, start + 130).includes('sw-description.sig');
}
