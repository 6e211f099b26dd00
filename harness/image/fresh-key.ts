/**
 * Keys that nobody trusts, made from a seed, so that an attack image can be made again byte for byte.
 *
 * RSA keys cannot be derived here: they come from the system's randomness, and the image is rebuilt from its record.
 */

import {
  constants,
  createECDH,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto';

export type FreshKeyKind = 'p256' | 'ed25519' | 'rsa2048' | 'rsa3072';

/** A private key with its way of signing a region. */
export interface FreshKey {
  kind: FreshKeyKind;
  publicKey: KeyObject;
  /**
   * @param region the bytes that are signed, in pieces
   * @param hash the digest over them, by `algorithm`
   * @returns DER for ECDSA, 64 bytes for Ed25519 (over the digest), RSASSA-PSS with 32 bytes of salt for RSA
   */
  sign(region: Iterable<Uint8Array>, hash: { algorithm: string; digest: Buffer }): Buffer;
}

/** @param seed at least 32 bytes; the same seed gives the same key (but for RSA) */
export function freshKey(kind: FreshKeyKind, seed: Uint8Array): FreshKey {
  switch (kind) {
    case 'p256':
      return freshP256(seed);
    case 'ed25519':
      return freshEd25519(seed);
    case 'rsa2048':
    case 'rsa3072':
      return freshRsa(kind);
  }
}

// RFC 8410 section 7: PKCS #8 of an Ed25519 private key is this prefix and the 32 bytes of its seed.
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function freshEd25519(seed: Uint8Array): FreshKey {
  const der = Buffer.concat([ed25519Prefix, hmac(seed, 'ed25519')]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return {
    kind: 'ed25519',
    publicKey: createPublicKey(privateKey),
    sign: (_region, { digest }) => signBytes(null, digest, privateKey),
  };
}

function freshRsa(kind: 'rsa2048' | 'rsa3072'): FreshKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: kind === 'rsa2048' ? 2048 : 3072,
  });
  return {
    kind,
    publicKey,
    sign: (region, { algorithm }) => {
      const signer = createSign(algorithm);
      for (const bytes of region) signer.update(bytes);
      return signer.sign({ key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    },
  };
}

/** Order of P-256 (SEC 2, 2.4.2). */
const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function freshP256(seed: Uint8Array): FreshKey {
  const d = scalar(seed, 'p256 private key');
  const point = pointOf(d);
  const publicKey = createPublicKey({
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33, 65).toString('base64url'),
    },
    format: 'jwk',
  });
  return {
    kind: 'p256',
    publicKey,
    sign: (_region, { digest }) => signP256(d, digest),
  };
}

/**
 * ECDSA over a digest with a nonce derived from key and digest: node:crypto neither signs digests with P-256 nor
 * takes a nonce. BigInt arithmetic is not constant-time; these keys protect nothing.
 *
 * Source: FIPS 186-5, 6.4.1.
 */
function signP256(d: bigint, digest: Buffer): Buffer {
  const z = toBigInt(digest.subarray(0, 32));
  for (let attempt = 0; ; attempt += 1) {
    const k = scalar(Buffer.concat([toBytes(d), digest]), `nonce ${attempt}`);
    const r = toBigInt(pointOf(k).subarray(1, 33)) % n;
    const s = (inverse(k) * (z + r * d)) % n;
    if (r !== 0n && s !== 0n) return derSequence(r, s);
  }
}

/** A number in [1, n), from 48 bytes so that the modulo leaves no bias. */
function scalar(seed: Uint8Array, label: string): bigint {
  const wide = Buffer.concat([hmac(seed, `${label} high`), hmac(seed, `${label} low`).subarray(0, 16)]);
  return (toBigInt(wide) % (n - 1n)) + 1n;
}

/** Uncompressed point of a scalar: 04 ‖ X ‖ Y. */
function pointOf(k: bigint): Buffer {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(toBytes(k));
  return ecdh.getPublicKey();
}

/** Inverse modulo n by the extended Euclidean algorithm. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value % n, n, 1n, 0n];
  while (a > 1n) {
    const q = a / b;
    [a, b, x, y] = [b, a % b, y, x - q * y];
  }
  return x < 0n ? x + n : x;
}

function derSequence(...numbers: bigint[]): Buffer {
  const body = Buffer.concat(numbers.map(derInteger));
  return Buffer.concat([Buffer.of(0x30, body.length), body]); // at most 72 bytes: one length byte
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const positive = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(0x02, positive.length), positive]);
}

function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function hmac(key: Uint8Array, label: string): Buffer {
  return createHmac('sha256', key).update(label).digest();
}
