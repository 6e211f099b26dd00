import assert from 'node:assert/strict';
import { sign, verify, X509Certificate } from 'node:crypto';
import { describe, it } from 'mocha';
import { knownKey } from './known-keys.ts';
import { cmsSignerOf, sampleKeys } from './sample-keys.ts';

describe('private sample keys', () => {
  it('are those whose public digests are known, and called by the same name', () => {
    for (const { id, name, publicKey } of sampleKeys) assert.equal(knownKey(publicKey)?.name, name, id);
  });

  it('are whole: what they sign, their public half verifies', () => {
    const message = Buffer.from('anything');
    for (const { id, kind, privateKey, publicKey } of sampleKeys) {
      const hash = kind === 'ed25519' ? null : 'sha256';
      assert.ok(verify(hash, message, publicKey, sign(hash, message, privateKey)), id);
    }
  });

  it('have ids of their own, and at least one for each kind of signature that boot loaders know', () => {
    assert.equal(new Set(sampleKeys.map(({ id }) => id)).size, sampleKeys.length);
    assert.deepEqual([...new Set(sampleKeys.map(({ kind }) => kind))].sort(), [
      'ed25519',
      'p256',
      'p384',
      'rsa2048',
      'rsa3072',
    ]);
  });

  it('come with the certificates that are published with them', () => {
    const signers = sampleKeys.flatMap((key) => cmsSignerOf(key) ?? []);
    assert.equal(signers.length, 1);
    for (const { certificate = Buffer.alloc(0), chain = [], privateKey } of signers) {
      assert.ok(new X509Certificate(certificate).checkPrivateKey(privateKey));
      const [leaf, issuer] = chain.map((der) => new X509Certificate(der));
      assert.ok(leaf !== undefined && issuer !== undefined && leaf.verify(issuer.publicKey));
    }
  });
});
