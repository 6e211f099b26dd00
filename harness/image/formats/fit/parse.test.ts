import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { regionNamed } from '../../image.ts';
import { assertTiles, counting } from '../../test/contract.ts';
import { fit } from './index.ts';
import { parseFit } from './parse.ts';
import { buildFit } from './test/builder.ts';
import { captured } from './test/captured.ts';

const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const good = buildFit({ key });

describe('FIT parser', () => {
  it('reads what mkimage made', () => {
    const source = bytesSource(captured);
    const image = parseFit(source);
    assertTiles(image);
    assert.deepEqual(image.issues, []);
    assert.equal(image.defaultName, 'c');
    const [kernel] = image.images;
    assert.equal(kernel?.data?.kind, 'external');
    assert.equal(String(source.read(kernel.data.start, kernel.data.claimedEnd)), 'sixteen byte krn');
    assert.deepEqual(image.configurations[0]?.signatures[0]?.hashedNodes, [
      '/',
      '/configurations/c',
      '/images/k',
      '/images/k/hash-1',
    ]);
    const facts = fit.facts(source, image);
    assert.deepEqual(facts.algorithms, ['sha256,rsa2048', 'sha256']);
    assert.deepEqual(facts.signers, [{ name: 'key name hint', value: 'dev' }]);
    assert.equal(facts.version, undefined);
    assert.equal(facts.counter, undefined);
    assert.ok(facts.other.some(({ name }) => name === 'anti-rollback'));
  });

  it('knows what is signed and what is not', () => {
    const image = parseFit(bytesSource(good));
    const coverage = (name: string): string | undefined => regionNamed(image, name)?.coverage;
    assert.equal(coverage('/images/kernel-1.load'), 'signed');
    assert.equal(coverage('/images/kernel-1.data'), 'signed');
    assert.equal(coverage('/images/kernel-1.data.header'), 'unsigned');
    assert.equal(coverage('/configurations.default'), 'unsigned');
    assert.equal(coverage('/configurations/conf-1/signature-1.signer-name'), 'unsigned');
    assert.equal(coverage('/configurations/conf-1/signature-1.value'), 'signature');
    assert.equal(coverage('header.totalsize'), 'unsigned');
    assert.equal(coverage('strings.hashed'), 'signed');
    assert.equal(coverage('strings.rest'), 'unsigned');
    const names = regionNamed(image, 'strings.rest');
    assert.ok(String(good.subarray(names?.start, names?.end)).includes('hashed-nodes'));
  });

  it('finds external data by offset and by position, and says when they are not there', () => {
    for (const where of ['offset', 'position'] as const) {
      const bytes = buildFit({ key, where });
      const image = parseFit(bytesSource(bytes));
      assertTiles(image);
      assert.deepEqual(image.issues, []);
      assert.equal(image.imageEnd, bytes.length);
      const data = regionNamed(image, 'data.kernel-1');
      assert.match(String(bytes.subarray(data?.start, data?.end)), /^kernel of the test image/);
      const short = parseFit(bytesSource(bytes.subarray(0, bytes.length - 40)));
      assertTiles(short);
      assert.deepEqual(
        short.issues.map(({ code }) => code),
        ['fit-data'],
      );
    }
  });

  it('tells a FIT from the device tree of a board, and from a damaged one', () => {
    assert.deepEqual(fit.claims(bytesSource(good)), { certainty: 'certain' });
    assert.equal(fit.claims(bytesSource(Buffer.from('27051956', 'hex'))), undefined);
    const board = Buffer.from(
      'd00dfeed000000480000003800000048000000280000001100000010000000000000000000000010' +
        '00000000000000000000000000000000' +
        '00000001000000000000000200000009',
      'hex',
    );
    assert.equal(fit.claims(bytesSource(board)), undefined);
    assert.equal(fit.claims(bytesSource(good.subarray(0, 60)))?.certainty, 'possible');
  });

  it('does not read the data', () => {
    const source = counting(buildFit({ key, kernel: Buffer.alloc(1_000_000, 1) }));
    parseFit(source);
    assert.ok(source.bytesRead < 20_000, `${source.bytesRead} bytes read`);
  });
});
