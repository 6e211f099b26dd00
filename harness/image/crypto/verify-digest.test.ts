import assert from 'node:assert/strict';
import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { DigestAlgorithm } from '../digest.ts';
import { verifyDigest, type DigestScheme } from './verify-digest.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const oddRsa = generateKeyPairSync('rsa', { modulusLength: 2049 }).privateKey;
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;

type Row = [
  name: string,
  key: KeyObject,
  scheme: DigestScheme,
  hash: DigestAlgorithm,
  sign: (m: Buffer) => Buffer,
];

function pss(name: string, key: KeyObject, hash: DigestAlgorithm, saltBytes: number): Row {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const scheme = { type: 'rsa-pss', hash, saltBytes } as const;
  return [name, key, scheme, hash, (m) => sign(hash, m, { key, padding, saltLength: saltBytes })];
}

function ecdsa(name: string, key: KeyObject, hash: DigestAlgorithm, encoding: 'der' | 'p1363'): Row {
  const dsaEncoding = encoding === 'der' ? 'der' : 'ieee-p1363';
  return [name, key, { type: 'ecdsa', encoding }, hash, (m) => sign(hash, m, { key, dsaEncoding })];
}

const rows: Row[] = [
  [
    'RSA PKCS #1, SHA-256',
    rsa,
    { type: 'rsa-pkcs1', hash: 'sha256' },
    'sha256',
    (m) => sign('sha256', m, rsa),
  ],
  ['RSA PKCS #1, SHA-1', rsa, { type: 'rsa-pkcs1', hash: 'sha1' }, 'sha1', (m) => sign('sha1', m, rsa)],
  [
    'RSA PKCS #1, SHA-512',
    rsa,
    { type: 'rsa-pkcs1', hash: 'sha512' },
    'sha512',
    (m) => sign('sha512', m, rsa),
  ],
  pss('RSA PSS', rsa, 'sha256', 32),
  pss('RSA PSS without salt', rsa, 'sha384', 0),
  pss('RSA PSS, a modulus of 8 n + 1 bits', oddRsa, 'sha256', 32),
  ecdsa('ECDSA P-256, DER', p256, 'sha256', 'der'),
  ecdsa('ECDSA P-256, P1363', p256, 'sha256', 'p1363'),
  ecdsa('ECDSA P-384', p384, 'sha384', 'der'),
  ecdsa('ECDSA P-521', p521, 'sha512', 'p1363'),
  ecdsa('ECDSA P-256 over a longer digest', p256, 'sha512', 'der'),
];

describe('signatures over a digest', () => {
  for (const [name, key, scheme, hash, make] of rows) {
    it(`${name}: agrees with node:crypto, and takes no bit changed`, () => {
      const publicKey = createPublicKey(key);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(), fc.nat(7), (message, where, bit) => {
          const signature = make(Buffer.from(message));
          const digest = createHash(hash).update(message).digest();
          assert.deepEqual(verifyDigest(publicKey, scheme, digest, signature), { good: true });
          const broken = Buffer.from(signature);
          const at = where % broken.length;
          broken[at] = (broken[at] ?? 0) ^ (1 << bit);
          assert.equal(verifyDigest(publicKey, scheme, digest, broken).good, false);
          digest[0] = (digest[0] ?? 0) ^ 1;
          assert.equal(verifyDigest(publicKey, scheme, digest, signature).good, false);
        }),
        { numRuns: 8 },
      );
    });
  }

  it('says what is wrong', () => {
    const message = Buffer.from('firmware');
    const digest = createHash('sha256').update(message).digest();
    const key = createPublicKey(rsa);
    const pkcs1 = sign('sha256', message, rsa);
    const short = sign('sha256', message, {
      key: rsa,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: 20,
    });
    const why = (scheme: DigestScheme, signature: Uint8Array, by = key): string => {
      const check = verifyDigest(by, scheme, digest, signature);
      return check.good ? 'good' : check.why;
    };
    const asPss = { type: 'rsa-pss', hash: 'sha256', saltBytes: 32 } as const;
    const asPkcs1 = { type: 'rsa-pkcs1', hash: 'sha256' } as const;
    assert.match(why(asPss, short), /the salt has 20 bytes, not 32/);
    assert.equal(why({ type: 'rsa-pss', hash: 'sha256' }, short), 'good');
    assert.match(why(asPss, pkcs1), /the padding is not PSS/);
    assert.match(why(asPkcs1, short), /the padding is not PKCS #1/);
    assert.match(why({ type: 'rsa-pkcs1', hash: 'sha384' }, pkcs1), /another digest, or another padding/);
    assert.match(why(asPkcs1, pkcs1.subarray(1)), /the signature has 255 bytes, the modulus 256/);
    assert.match(why(asPkcs1, Buffer.alloc(256, 0xff)), /not a number below the modulus/);
    assert.match(why({ type: 'ecdsa', encoding: 'der' }, pkcs1), /no curve/);
    assert.match(
      why({ type: 'ecdsa', encoding: 'der' }, Buffer.of(0x30, 0), createPublicKey(p256)),
      /does not verify/,
    );
    assert.match(why(asPkcs1, pkcs1, createPublicKey(p256)), /no RSA key/);
  });
});
