import assert from 'node:assert/strict';
import { constants, createHash, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { describe, it } from 'mocha';
import { freshKey, signDigest, type FreshKeyKind } from './fresh-key.ts';

const seed = Buffer.alloc(32, 3);
const message = Buffer.from('sample');

describe('fresh keys of every kind', () => {
  const kinds: [kind: FreshKeyKind, hash: 'sha256' | 'sha384' | 'sha512', bits: number | undefined][] = [
    ['p256', 'sha256', undefined],
    ['p384', 'sha384', undefined],
    ['rsa2048', 'sha256', 2048],
    ['rsa3072', 'sha512', 3072],
    ['rsa4096', 'sha256', 4096],
  ];
  for (const [kind, hash, bits] of kinds) {
    it(`${kind} sign what node:crypto verifies`, () => {
      const key = freshKey(kind, seed);
      assert.equal(key.publicKey.asymmetricKeyDetails?.modulusLength, bits);
      const digest = createHash(hash).update(message).digest();
      const signature = key.sign([message], { algorithm: hash, digest });
      const how = { key: key.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
      assert.ok(verify(hash, message, bits === undefined ? key.publicKey : how, signature));
      assert.deepEqual(key.sign([], { algorithm: hash, digest }), signature);
    });
  }

  it('come from the seed, but for RSA', () => {
    for (const kind of ['p256', 'p384', 'ed25519'] as const) {
      const spki = (from: Uint8Array): string =>
        freshKey(kind, from).publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
      assert.equal(spki(seed), spki(seed));
      assert.notEqual(spki(seed), spki(Buffer.alloc(32, 4)));
    }
  });
});

describe('signatures over digests', () => {
  it('take their nonce from key and digest', () => {
    // RFC 6979, A.2.5: P-256, SHA-256, "sample".
    const d = Buffer.from('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721', 'hex');
    const x = Buffer.from('60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6', 'hex');
    const y = Buffer.from('7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299', 'hex');
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      d: d.toString('base64url'),
      x: x.toString('base64url'),
      y: y.toString('base64url'),
    };
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    const digest = createHash('sha256').update(message).digest();
    const signature = signDigest(key, 'sha256', digest, Buffer.alloc(0)).toString('hex');
    const r = 'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716';
    // The smaller of s and n − s: the vector has s = f7cb1c94…cda8.
    const s = '0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9';
    assert.equal(signature, `3045022100${r}0220${s}`);
    assert.ok(verify('sha256', message, createPublicKey(key), Buffer.from(signature, 'hex')));
  });
});
