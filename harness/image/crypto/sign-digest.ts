/**
 * Signatures over digests, the counterpart of verify-digest.ts: deterministic throughout, so that an attack image comes
 * out the same each time. These keys protect nothing: arithmetic need not be constant-time.
 */

import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
  type KeyObject,
} from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { DigestAlgorithm } from '../digest.ts';
import { encodePkcs1, mgf1, type DigestScheme } from './verify-digest.ts';

const curves = new Map([
  ['prime256v1', { curve: p256, jwk: 'P-256' }],
  ['secp384r1', { curve: p384, jwk: 'P-384' }],
  ['secp521r1', { curve: p521, jwk: 'P-521' }],
]);

/**
 * @param salt of PSS; as many bytes as the scheme says
 * @returns DER or r ‖ s for ECDSA (nonce by RFC 6979), as long as the modulus for RSA
 * @throws RangeError when the key does not fit the scheme
 */
export function signDigest(
  key: KeyObject,
  scheme: DigestScheme,
  digest: Uint8Array,
  salt: Uint8Array = new Uint8Array(),
): Buffer {
  if (scheme.type === 'ecdsa') {
    const { d, known } = secretOf(key);
    const format = scheme.encoding === 'der' ? 'der' : 'compact';
    const message = Uint8Array.from(digest);
    return Buffer.from(known.curve.sign(message, d, { prehash: false, lowS: false, format }));
  }
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (key.asymmetricKeyType !== 'rsa' || bits === undefined) throw new RangeError('not an RSA key');
  const bytes = Math.ceil(bits / 8);
  const encoded =
    scheme.type === 'rsa-pkcs1'
      ? encodePkcs1(scheme.hash, digest, bytes)
      : encodePss(scheme.hash, digest, salt, bits - 1, bytes);
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded);
}

type Known = NonNullable<ReturnType<typeof curves.get>>;

function secretOf(key: KeyObject): { d: Uint8Array; known: Known } {
  const known = curves.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (key.asymmetricKeyType !== 'ec' || known === undefined)
    throw new RangeError('not a key on a NIST curve');
  const { d = '' } = key.export({ format: 'jwk' }) as { d?: string };
  return { d: Uint8Array.from(Buffer.from(d, 'base64url')), known };
}

/** Source: RFC 8017, 9.1.1 (EMSA-PSS-ENCODE). */
function encodePss(
  hash: DigestAlgorithm,
  digest: Uint8Array,
  salt: Uint8Array,
  emBits: number,
  bytes: number,
): Buffer {
  const emBytes = Math.ceil(emBits / 8);
  const h = createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const zeros = Buffer.alloc(emBytes - salt.length - h.length - 2);
  const db = Buffer.concat([zeros, Buffer.of(1), salt]);
  const mask = mgf1(h, db.length, hash);
  const masked = Buffer.from(db.map((byte, index) => byte ^ (mask[index] ?? 0)));
  masked[0] = (masked[0] ?? 0) & (0xff >> (8 * emBytes - emBits));
  return Buffer.concat([Buffer.alloc(bytes - emBytes), masked, h, Buffer.of(0xbc)]);
}

// RFC 8410 section 7: PKCS #8 of an Ed25519 private key is this prefix and the 32 bytes of its seed.
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * A private key like another: same type, same size or curve. From the random bytes, but for RSA.
 *
 * @param random deterministic bytes
 * @returns undefined for a type of key that is not known here
 */
export function keyLike(model: KeyObject, random: (bytes: number) => Uint8Array): KeyObject | undefined {
  const type = model.asymmetricKeyType;
  if (type === 'rsa') {
    const modulusLength = model.asymmetricKeyDetails?.modulusLength ?? 2048;
    return generateKeyPairSync('rsa', { modulusLength }).privateKey;
  }
  if (type === 'ed25519') {
    const key = Buffer.concat([ed25519Prefix, random(32)]);
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  }
  const known = curves.get(model.asymmetricKeyDetails?.namedCurve ?? '');
  return type === 'ec' && known !== undefined ? ecKey(known, random) : undefined;
}

function ecKey({ curve, jwk }: Known, random: (bytes: number) => Uint8Array): KeyObject {
  const d = curve.utils.randomSecretKey(Uint8Array.from(random(curve.lengths.seed ?? 48)));
  const point = Buffer.from(curve.getPublicKey(d, false)).subarray(1);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const x = text(point.subarray(0, point.length / 2));
  const y = text(point.subarray(point.length / 2));
  return createPrivateKey({ key: { kty: 'EC', crv: jwk, x, y, d: text(d) }, format: 'jwk' });
}

/** The public half. */
export function publicHalf(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key;
}
