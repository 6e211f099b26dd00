/** Public keys as eFuses and signature blocks hold them, and signatures over digests. */

import { constants, createHash, createPublicKey, privateEncrypt, type KeyObject } from 'node:crypto';
import { ecdsa, weierstrass, type ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { mgf1 } from '../../crypto/verify-digest.ts';
import { curveIds, type CurveName } from './layout.ts';

/** P-192 (SEC 2, 2.5.2 "secp192r1"), which the library leaves out for its weakness. */
const p192 = ecdsa(
  weierstrass<bigint>({
    p: 0xfffffffffffffffffffffffffffffffeffffffffffffffffn,
    n: 0xffffffffffffffffffffffff99def836146bc9b1b4d22831n,
    h: 1n,
    a: 0xfffffffffffffffffffffffffffffffefffffffffffffffcn,
    b: 0x64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1n,
    Gx: 0x188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012n,
    Gy: 0x07192b95ffc8da78631011ed6b24cdd573f977a11e794811n,
  }),
  sha256,
);

export interface EspCurve {
  name: CurveName;
  id: number;
  /** Bytes of a coordinate and of r and s. */
  bytes: number;
  order: bigint;
  curve: ECDSA;
}

const curves: readonly EspCurve[] = [
  curveOf('P-192', 24, p192),
  curveOf('P-256', 32, p256),
  curveOf('P-384', 48, p384),
];

function curveOf(name: CurveName, bytes: number, curve: ECDSA): EspCurve {
  return { name, id: curveIds[name], bytes, order: curve.Point.Fn.ORDER, curve };
}

export function curveById(id: number): EspCurve | undefined {
  return curves.find((curve) => curve.id === id);
}

const nodeCurves = new Map<string, number>([
  ['prime192v1', 1],
  ['prime256v1', 2],
  ['secp384r1', 3],
]);

/** A curve and an affine point, coordinates big-endian. */
export interface EcPoint {
  curve: EspCurve;
  x: Buffer;
  y: Buffer;
}

/** The point of an EC key on one of the three curves; undefined for any other key. */
export function pointOf(key: KeyObject): EcPoint | undefined {
  const curve = curveById(nodeCurves.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? 0);
  if (key.asymmetricKeyType !== 'ec' || curve === undefined) return undefined;
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  // SubjectPublicKeyInfo ends with the uncompressed point (RFC 5480, 2.2); there is no JWK for P-192.
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-2 * curve.bytes);
  return { curve, x: point.subarray(0, curve.bytes), y: point.subarray(curve.bytes) };
}

export const rsaBytes = 384;

/** Modulus and exponent of an RSA-3072 key; undefined for any other key. */
export function rsaNumbers(key: KeyObject): { n: bigint; e: number } | undefined {
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa' || modulusLength !== 8 * rsaBytes) return undefined;
  const { n = '' } = key.export({ format: 'jwk' }) as { n?: string };
  return { n: fromBytes(Buffer.from(n, 'base64url')), e: Number(publicExponent) };
}

/** The key fields of an RSA block: n, e, R = 2^6144 mod n, M' = −n⁻¹ mod 2³². Source: espsecure, _get_sbv2_rsa_primitives. */
export function rsaKeyField({ n, e }: { n: bigint; e: number }): Buffer {
  const montgomery = (1n << BigInt(16 * rsaBytes)) % n;
  const field = Buffer.alloc(776);
  toLittleEndian(n, rsaBytes).copy(field, 0);
  field.writeUInt32LE(e, 384);
  toLittleEndian(montgomery, rsaBytes).copy(field, 388);
  field.writeUInt32LE(negativeInverse32(n), 772);
  return field;
}

/** −n⁻¹ mod 2³² by Newton's iteration. */
function negativeInverse32(n: bigint): number {
  const mask = 0xffff_ffffn;
  let inverse = 1n;
  for (let round = 0; round < 5; round += 1) inverse = (inverse * (2n - (n & mask) * inverse)) & mask;
  return Number(-inverse & mask);
}

/** The key fields of an ECDSA block: curve id, X, Y; zeros up to 64 bytes for P-192. */
export function ecKeyField({ curve, x, y }: EcPoint): Buffer {
  const width = curve.name === 'P-384' ? 96 : 64;
  const field = Buffer.alloc(1 + width);
  field[0] = curve.id;
  Buffer.concat([reversed(x), reversed(y)]).copy(field, 1);
  return field;
}

/** What eFuses hold for a public key, lower-case hex; undefined for a key that secure boot v2 does not know. */
export function keyDigestOf(key: KeyObject): string | undefined {
  const rsa = rsaNumbers(key);
  const point = pointOf(key);
  const field = rsa === undefined ? (point === undefined ? undefined : ecKeyField(point)) : rsaKeyField(rsa);
  return field === undefined ? undefined : createHash('sha256').update(field).digest('hex');
}

/**
 * EMSA-PSS with SHA-256 for a modulus of 3072 bits. Source: RFC 8017, 9.1.1; the steps carry its numbers.
 */
export function encodePss(digest: Uint8Array, salt: Uint8Array): Buffer {
  const h = createHash('sha256').update(Buffer.alloc(8)).update(digest).update(salt).digest(); // 5, 6
  const db = Buffer.alloc(rsaBytes - h.length - 1); // 7, 8
  db[db.length - salt.length - 1] = 1;
  db.set(salt, db.length - salt.length);
  const mask = mgf1(h, db.length, 'sha256'); // 9
  const masked = db.map((byte, index) => byte ^ (mask[index] ?? 0)); // 10
  masked[0] = (masked[0] ?? 0) & 0x7f; // 11: the encoded message has 3071 bits
  return Buffer.concat([masked, h, Buffer.of(0xbc)]); // 12
}

/** RSASSA-PSS over a digest, big-endian. */
export function signPss(key: KeyObject, digest: Uint8Array, salt: Uint8Array): Buffer {
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encodePss(digest, salt));
}

/** ECDSA over a digest with the nonce of RFC 6979, r ‖ s big-endian. */
export function signEcdsa(curve: EspCurve, secret: Uint8Array, digest: Uint8Array): Buffer {
  return Buffer.from(
    curve.curve.sign(Uint8Array.from(digest), Uint8Array.from(secret), {
      prehash: false,
      lowS: true,
      format: 'compact',
    }),
  );
}

export function reversed(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes).reverse();
}

export function fromBytes(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

export function toBigEndian(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
}

export function toLittleEndian(value: bigint, bytes: number): Buffer {
  return toBigEndian(value, bytes).reverse();
}
