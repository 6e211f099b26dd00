import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { regionNamed } from '../../image.ts';
import { assertTiles } from '../../test/contract.ts';
import { makeTestAuthority, type TestAuthority } from '../../test/test-ca.ts';
import { rauc } from './index.ts';
import { manifestEntry, manifestValue, readManifest } from './manifest.ts';
import { parseRauc } from './parse.ts';
import { buildCrypt, buildRauc } from './test/builder.ts';
import { compareVersions } from './version.ts';

let ca: TestAuthority;
before(async () => {
  ca = await makeTestAuthority('rsa2048');
});

describe('RAUC parser', () => {
  it('names every byte of a verity bundle, from the superblock to the trailer', () => {
    const bytes = buildRauc({ by: ca.valid });
    const image = parseRauc(bytesSource(bytes));
    assertTiles(image);
    assert.deepEqual(image.issues, []);
    assert.equal(image.bundleFormat, 'verity');
    const shape = image.regions
      .filter(({ name }) => !name.startsWith('squashfs.') || name === 'squashfs.padding')
      .map(
        ({ name, start, coverage }) =>
          `${name} ${name.startsWith('cms') || name.startsWith('trailer') ? '' : start} ${coverage}`,
      );
    assert.deepEqual(shape, [
      'payload 96 signed',
      'squashfs.padding 10000 signed',
      'tree.level0 12288 signed',
      'tree.level0.padding 12384 signed',
      'cms.header  unsigned',
      'cms.content  signed',
      'cms.certificates  unsigned',
      'cms.signer.id  unsigned',
      'cms.signer.signedAttributes  signed',
      'cms.signer.signatureAlgorithm  unsigned',
      'cms.signer.signature  signature',
      'trailer.size  unsigned',
    ]);
    assert.equal(image.payloadEnd, 16_384);
    assert.equal(image.dataEnd, 12_288);
    const used = regionNamed(image, 'squashfs.bytes_used');
    assert.deepEqual([used?.start, used?.end], [40, 48]);
  });

  it('tells plain and encrypted bundles by their CMS', () => {
    const plain = parseRauc(bytesSource(buildRauc({ by: ca.valid, format: 'plain' })));
    assert.equal(plain.bundleFormat, 'plain');
    assert.equal(plain.tree, undefined);
    assert.equal(plain.dataEnd, plain.payloadEnd);
    const crypt = parseRauc(bytesSource(buildCrypt({ by: ca.valid }, ca.valid.certificate)));
    assert.deepEqual(crypt.issues, []);
    assert.equal(crypt.bundleFormat, 'crypt');
    assert.equal(crypt.tree?.dataBlocks, 3, 'the size of the tree follows from the whole');
    assert.equal(crypt.envelope?.recipients.length, 1);
  });

  it('tells of a verity bundle what its manifest says, and of others what it cannot', () => {
    const facts = (bytes: Buffer): ReturnType<typeof rauc.facts> =>
      rauc.facts(bytesSource(bytes), parseRauc(bytesSource(bytes)));
    const verity = facts(buildRauc({ by: ca.valid }));
    assert.equal(verity.version, '1.2.3');
    assert.deepEqual(verity.hardware, [{ name: 'compatible', value: 'Fieldproof Gateway' }]);
    assert.deepEqual(
      verity.signers.map(({ value }) => value),
      ['CN=Release Signer, O=Fieldproof Test'],
    );
    assert.equal(verity.digests.length, 2);
    const plain = facts(buildRauc({ by: ca.valid, format: 'plain' }));
    assert.equal(plain.version, undefined);
    assert.ok(plain.other.some(({ name }) => name === 'not told'));
  });

  it('says what is wrong, and where', () => {
    const good = buildRauc({ by: ca.valid });
    const at = good.length - 8;
    const sized = (size: bigint): Buffer => {
      const bytes = Buffer.from(good);
      bytes.writeBigUInt64BE(size, at);
      return bytes;
    };
    const manifest = (text: string): Buffer => buildRauc({ by: ca.valid, manifest: text });
    const size = '[update]\ncompatible=x\n[bundle]\nformat=verity\nverity-size=';
    const cases: [name: string, bytes: Buffer, code: string, at: number][] = [
      ['empty', Buffer.alloc(0), 'truncated', 0],
      ['seven bytes', Buffer.alloc(7), 'truncated', 7],
      ['no CMS', sized(0n), 'cms-size', at],
      ['a CMS larger than the file', sized(BigInt(at + 1)), 'cms-size', at],
      ['2^63', sized(1n << 63n), 'cms-size', at],
      ['no CMS where one should be', sized(100n).fill(0xff, at - 100, at), 'cms', at - 100],
      ['a tree larger than the payload', manifest(`${size}409600\n`), 'verity-size', 16_384],
      ['a tree of another size', manifest(`${size}8192\n`), 'verity-size', 16_384],
      ['no size', manifest('[update]\ncompatible=x\n'), 'verity-size', 16_384],
      ['a size that is none', manifest(`${size}-1\n`), 'verity-size', 16_384],
    ];
    for (const [name, bytes, code, where] of cases) {
      const image = parseRauc(bytesSource(bytes));
      assertTiles(image);
      assert.ok(
        image.issues.some((issue) => issue.code === code && issue.at === where),
        `${name}: ${JSON.stringify(image.issues)}`,
      );
    }
  });

  it('does not allocate what a trailer claims', () => {
    const size = 2 ** 40;
    const huge = {
      size,
      read(start: number, end: number) {
        assert.ok(end - start <= 4096, `${end - start} bytes read at once`);
        const bytes = Buffer.alloc(Math.max(0, Math.min(end, size) - start));
        if (start === size - 8) bytes.writeBigUInt64BE(2n ** 39n);
        return bytes;
      },
      readInto: () => assert.fail('nothing is read in bulk'),
    };
    const image = parseRauc(huge);
    assertTiles(image);
    assert.deepEqual(
      image.issues.map(({ code }) => code),
      ['cms-size', 'squashfs'],
    );
  });

  it('claims bundles for certain, a lone squashfs perhaps, and nothing else', () => {
    const bundle = buildRauc({ by: ca.valid });
    assert.equal(rauc.claims(bytesSource(bundle))?.certainty, 'certain');
    assert.equal(rauc.claims(bytesSource(bundle.subarray(0, 12_288)))?.certainty, 'possible');
    assert.equal(rauc.claims(bytesSource(Buffer.alloc(20_000))), undefined);
  });
});

describe('RAUC manifest', () => {
  const text =
    '# comment\n[update]\ncompatible = A device \nversion=1\nversion=2\n\n[image.rootfs]\nfilename=a.img\n';
  const source = bytesSource(Buffer.from(`xx${text}yy`));
  const manifest = readManifest(source, 2, 2 + text.length);

  it('reads groups and values with their places; of two the last counts', () => {
    assert.equal(manifestValue(manifest, 'update', 'compatible'), 'A device');
    assert.equal(manifestValue(manifest, 'update', 'version'), '2');
    assert.equal(manifestValue(manifest, 'image.rootfs', 'filename'), 'a.img');
    assert.equal(manifestValue(manifest, 'update', 'build'), undefined);
    assert.equal(manifest.strange, 0);
    const entry = manifestEntry(manifest, 'update', 'compatible');
    assert.equal(String(source.read(entry?.start ?? 0, entry?.end ?? 0)), 'A device');
  });

  it('counts lines that belong to no manifest', () => {
    const strange = readManifest(bytesSource(Buffer.from('hsqs\0\0\n=x\nkey=before any group\n')), 0, 100);
    assert.deepEqual(strange, { entries: [], strange: 3 });
  });
});

describe('RAUC versions', () => {
  it('are compared as semantic versions, minor and patch optional', () => {
    const ascending = [
      '0',
      '1.0.0-1',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-beta',
      '1',
      '1.2',
      '1.2.3',
      '1.10',
      '20240501',
    ];
    for (const [index, version] of ascending.entries()) {
      assert.equal(compareVersions(version, version), 0);
      const next = ascending[index + 1];
      if (next === undefined) continue;
      assert.ok((compareVersions(version, next) ?? 0) < 0, `${version} < ${next}`);
      assert.ok((compareVersions(next, version) ?? 0) > 0, `${next} > ${version}`);
    }
    assert.equal(compareVersions('1.0', '1.0.0+build'), 0);
    assert.equal(compareVersions('2011.03-2', 'release of May'), undefined);
  });
});
