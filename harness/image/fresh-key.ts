/**
 * Keys that nobody trusts, made from a seed, so that an attack image can be made again byte for byte; and signing of
 * digests, which node:crypto does not do for ECDSA and RSASSA-PSS.
 *
 * RSA keys cannot be derived here: they come from the system's randomness, and the image is rebuilt from its record.
 */

import {
  constants,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto';
import { p256, p384 } from '@noble/curves/nist.js';
import { mgf1 } from './crypto/verify-digest.ts';
import type { DigestAlgorithm } from './digest.ts';

export type FreshKeyKind = 'p256' | 'p384' | 'ed25519' | 'rsa2048' | 'rsa3072' | 'rsa4096';

/** A private key with its way of signing a region. */
export interface FreshKey {
  kind: FreshKeyKind;
  publicKey: KeyObject;
  /** For formats with schemes of their own. Protects nothing. */
  privateKey: KeyObject;
  /**
   * @param region the bytes that are signed, in pieces; not read where the digest is enough
   * @param hash the digest over them, by `algorithm`
   * @returns DER for ECDSA, 64 bytes for Ed25519 (over the digest), RSASSA-PSS with 32 bytes of salt for RSA
   */
  sign(region: Iterable<Uint8Array>, hash: { algorithm: string; digest: Buffer }): Buffer;
}

const modulusBits = { rsa2048: 2048, rsa3072: 3072, rsa4096: 4096 } as const;

/** @param seed at least 32 bytes; the same seed gives the same key (but for RSA) */
export function freshKey(kind: FreshKeyKind, seed: Uint8Array): FreshKey {
  const privateKey = privateKeyOf(kind, seed);
  return {
    kind,
    privateKey,
    publicKey: createPublicKey(privateKey),
    sign: (_region, { algorithm, digest }) =>
      signDigest(privateKey, algorithm as DigestAlgorithm, digest, hmac(seed, 'salt')),
  };
}

function privateKeyOf(kind: FreshKeyKind, seed: Uint8Array): KeyObject {
  switch (kind) {
    case 'p256':
      return ecKey('P-256', p256, seed);
    case 'p384':
      return ecKey('P-384', p384, seed);
    case 'ed25519':
      return ed25519Key(seed);
    case 'rsa2048':
    case 'rsa3072':
    case 'rsa4096':
      return generateKeyPairSync('rsa', { modulusLength: modulusBits[kind] }).privateKey;
  }
}

// RFC 8410 section 7: PKCS #8 of an Ed25519 private key is this prefix and the 32 bytes of its seed.
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519Key(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([ed25519Prefix, hmac(seed, 'ed25519')]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** The scalar is taken from more bits than the order has, so that no bias is left (FIPS 186-5, A.2.1). */
function ecKey(crv: string, curve: typeof p256, seed: Uint8Array): KeyObject {
  const label = `${crv} private key`;
  const wide = Buffer.concat([hmac(seed, `${label} 1`), hmac(seed, `${label} 2`), hmac(seed, `${label} 3`)]);
  const secret = curve.utils.randomSecretKey(Uint8Array.from(wide.subarray(0, curve.lengths.seed)));
  const point = Buffer.from(curve.getPublicKey(secret, false));
  const width = (point.length - 1) / 2;
  const jwk = {
    kty: 'EC',
    crv,
    d: Buffer.from(secret).toString('base64url'),
    x: point.subarray(1, 1 + width).toString('base64url'),
    y: point.subarray(1 + width).toString('base64url'),
  };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

/**
 * A signature over a digest that is known already; the same arguments give the same signature.
 *
 * @param salt for RSASSA-PSS, at most 32 bytes that nothing depends on
 * @returns DER with the smaller s for ECDSA (nonce by RFC 6979), 64 bytes for Ed25519 with the digest as its message,
 *   RSASSA-PSS with MGF1 of the same hash for RSA
 * @throws RangeError for a key of another kind
 */
export function signDigest(
  key: KeyObject,
  hash: DigestAlgorithm,
  digest: Uint8Array,
  salt: Uint8Array,
): Buffer {
  const { asymmetricKeyType: type } = key;
  if (type === 'ec') return signEcdsa(key, digest);
  if (type === 'ed25519') return signBytes(null, digest, key);
  if (type === 'rsa') return signPss(key, hash, digest, salt);
  throw new RangeError(`no signatures with a key of type ${type ?? 'none'}`);
}

function signEcdsa(key: KeyObject, digest: Uint8Array): Buffer {
  const curve = { prime256v1: p256, secp384r1: p384 }[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (curve === undefined) throw new RangeError('no signatures on this curve');
  const { d = '' } = key.export({ format: 'jwk' }) as { d?: string };
  const secret = Uint8Array.from(Buffer.from(d, 'base64url'));
  return Buffer.from(
    curve.sign(Uint8Array.from(digest), secret, { prehash: false, lowS: true, format: 'der' }),
  );
}

/** Source: RFC 8017, 9.1.1 (EMSA-PSS-ENCODE); the steps carry its numbers. */
function signPss(key: KeyObject, hash: DigestAlgorithm, digest: Uint8Array, salt: Uint8Array): Buffer {
  const bytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const h = createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest(); // 5, 6
  const db = Buffer.alloc(bytes - h.length - 1);
  db[db.length - salt.length - 1] = 1; // 7, 8
  db.set(salt, db.length - salt.length);
  const mask = mgf1(h, db.length, hash); // 9
  const masked = Buffer.from(db.map((byte, index) => byte ^ (mask[index] ?? 0))); // 10
  masked[0] = (masked[0] ?? 0) & 0x7f; // 11
  const message = Buffer.concat([masked, h, Buffer.of(0xbc)]); // 12
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, message);
}

function hmac(key: Uint8Array, label: string): Buffer {
  return createHmac('sha256', key).update(label).digest();
}
