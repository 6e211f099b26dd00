import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { pieces, type ByteSource } from '../../byte-source.ts';
import { signPure, verifyPure } from './pure-ed25519.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');

describe('Ed25519 over a streamed message', () => {
  it('signs and verifies as node:crypto does, however the message is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (parts) => {
        const message = Buffer.concat(parts);
        const signature = signPure(privateKey, () => parts);
        assert.deepEqual(signature, sign(null, message, privateKey));
        assert.ok(verifyPure(publicKey, () => parts, signature));
        assert.ok(!verifyPure(publicKey, () => [message, Buffer.of(0)], signature));
      }),
      { numRuns: 20 },
    );
  });

  it('refuses what node:crypto refuses: any bit, a larger S, another length, a stranger', () => {
    const message = Buffer.from('message');
    const good = sign(null, message, privateKey);
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const bad = Buffer.from(good);
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(
          verifyPure(publicKey, () => [message], bad),
          verify(null, message, publicKey, bad),
        );
        assert.ok(!verifyPure(publicKey, () => [message], bad));
      }),
      { numRuns: 30 },
    );
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(good.subarray(32)).reverse().toString('hex')}`) + order;
    const raised = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
    assert.ok(!verifyPure(publicKey, () => [message], Buffer.concat([good.subarray(0, 32), raised])));
    for (const length of [0, 32, 63]) {
      assert.ok(!verifyPure(publicKey, () => [message], good.subarray(0, length)));
    }
    const stranger = createPublicKey(generateKeyPairSync('ed25519').privateKey);
    assert.ok(!verifyPure(stranger, () => [message], good));
  });

  it('reads a large region in small pieces', () => {
    let largest = 0;
    const size = 20 * 1024 * 1024;
    const source: ByteSource = {
      size,
      read: (start, end) => new Uint8Array(Math.min(end, size) - start),
      readInto: (target) => {
        largest = Math.max(largest, target.length);
        target.fill(7);
        return target.length;
      },
    };
    const region = (): Iterable<Uint8Array> => pieces(source);
    assert.ok(verifyPure(publicKey, region, signPure(privateKey, region)));
    assert.ok(largest <= 1024 * 1024, `${largest} bytes at once`);
  });
});
