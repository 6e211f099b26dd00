import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { bytesSource, materialise } from '../../byte-source.ts';
import { attackImages } from '../../generate.ts';
import type { Policy } from '../../policy.ts';
import { esp } from './index.ts';
import { keyDigestOf } from './keys.ts';
import { parseEsp } from './parse.ts';
import { buildEsp, type BuildOptions } from './test/builder.ts';
import { ecKey, rsaKey } from './test/samples.ts';
import { keyDigest } from './verify.ts';

function reason(bytes: Uint8Array, keys: readonly KeyObject[], policy: Policy = {}): string {
  const trusted = keys.map((key) => ({ kind: 'classic' as const, key: createPublicKey(key), name: 'maker' }));
  const verdict = esp.verifier({ keys: trusted, genuine: [], policy })(bytesSource(bytes));
  return verdict.accepted ? 'accepted' : verdict.reason;
}

describe('ESP reference verifier', function () {
  this.timeout(60_000);
  const kinds: [name: string, options: BuildOptions][] = [];
  before(() => {
    kinds.push(
      ['RSA-3072', { keys: [rsaKey()] }],
      ['P-192', { keys: [ecKey('prime192v1')] }],
      ['P-256', { keys: [ecKey('P-256')] }],
      ['P-384', { keys: [ecKey('P-384')] }],
    );
  });

  it('accepts every kind, and refuses it for a stranger, unsigned or cut', () => {
    const stranger = ecKey('P-256');
    for (const [name, options] of kinds) {
      const bytes = buildEsp(options);
      assert.equal(reason(bytes, options.keys), 'accepted', name);
      assert.equal(reason(bytes, [stranger]), 'unknown-key', name);
      assert.equal(reason(buildEsp({ ...options, keys: [] }), options.keys), 'unsigned', name);
      assert.equal(reason(bytes.subarray(0, 5200), options.keys), 'truncated', name);
      assert.equal(reason(bytes.subarray(0, 4000), options.keys), 'truncated', name);
    }
  });

  it('names keys as eFuses do', () => {
    for (const [name, { keys }] of kinds) {
      const [block] = parseEsp(bytesSource(buildEsp({ keys }))).blocks;
      const [key] = keys;
      assert.ok(block !== undefined && key !== undefined);
      assert.equal(keyDigest(block), keyDigestOf(key), name);
    }
  });

  it('accepts nothing that differs in one bit of what is signed', () => {
    const key = ecKey('P-256');
    const good = buildEsp({ keys: [key] });
    fc.assert(
      fc.property(fc.nat(4095), fc.nat(7), (at, bit) => {
        const altered = Buffer.from(good);
        altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        assert.notEqual(reason(altered, [key]), 'accepted', `bit ${bit} at ${at}`);
      }),
      { numRuns: 300 },
    );
  });

  it('goes on to the next block when one is foreign or damaged', () => {
    const [own, other] = [ecKey('P-256'), ecKey('P-256')];
    const two = buildEsp({ keys: [other, own] });
    assert.equal(reason(two, [own]), 'accepted');
    two.writeUInt8(0x55, 4096 + 1000);
    assert.equal(reason(two, [own]), 'accepted');
    two.writeUInt8(0x55, 4096 + 1216 + 1000);
    assert.equal(reason(two, [own, other]), 'block-crc');
  });

  it('ignores or refuses what lies behind, as the device says', () => {
    const key = ecKey('P-384');
    const longer = Buffer.concat([buildEsp({ keys: [key] }), Buffer.of(1)]);
    assert.equal(reason(longer, [key]), 'accepted');
    assert.equal(reason(longer, [key], { appendedData: 'refuse' }), 'trailing');
  });

  it('trusts the keys of the genuine image where it has no others', () => {
    const key = ecKey('P-256');
    const good = buildEsp({ keys: [key] });
    const verify = esp.verifier({ keys: [], genuine: [bytesSource(good)], policy: {} });
    assert.deepEqual(verify(bytesSource(buildEsp({ keys: [key], app: 'none' }))), { accepted: true });
    assert.equal(verify(bytesSource(buildEsp({ keys: [ecKey('P-256')] }))).accepted, false);
  });
});

describe('Attacks on ESP images', function () {
  this.timeout(60_000);
  const key = ecKey('P-256');
  const good = buildEsp({ keys: [key], lowS: true });
  const attacked = (id: string): Buffer => {
    const base = { name: 'golden.bin', source: bytesSource(good) };
    const [made] = attackImages(base, { ids: [id], seed: Buffer.alloc(32, 3) });
    assert.ok(made);
    return Buffer.from(materialise(made.source));
  };

  it('puts degenerate numbers where r and s are, and the CRC right', () => {
    const altered = attacked('esp-ecdsa-zero-zero');
    assert.deepEqual(altered.subarray(4197, 4261), Buffer.alloc(64));
    assert.equal(parseEsp(bytesSource(altered)).blocks[0]?.crcFits, true);
    assert.equal(reason(altered, [key]), 'signature');
  });

  it('recomputes every sum, so that the signature alone is wrong', () => {
    const altered = attacked('esp-payload-middle-bit-fresh-digest');
    assert.equal(reason(altered, [key]), 'signature');
    assert.deepEqual(altered.subarray(4197, 4261), good.subarray(4197, 4261));
    assert.equal(reason(attacked('esp-payload-middle-bit-stale-digest'), [key]), 'checksum');
    assert.equal(reason(attacked('esp-payload-middle-bit-fresh-sums'), [key]), 'digest');
  });

  it('puts a whole, validly signed block of a stranger before the genuine one', () => {
    const [foreign, genuine] = parseEsp(bytesSource(attacked('esp-foreign-block-first'))).blocks;
    assert.ok(foreign?.crcFits === true && genuine?.crcFits === true);
    assert.equal(keyDigest(genuine), keyDigestOf(key));
    assert.notEqual(keyDigest(foreign), keyDigestOf(key));
    assert.deepEqual(genuine.bytes, good.subarray(4096, 4096 + 1216));
  });

  it('leaves out only what is erased flash when it cuts one byte', () => {
    const altered = attacked('esp-truncated-one-byte');
    assert.equal(altered.length, good.length - 1);
    assert.equal(reason(altered, [key]), 'accepted');
  });
});
