/**
 * ECDSA P-256 over a digest that somebody else computed, which node:crypto does not offer.
 *
 * Only the defect `verify-header-only` needs it: a verifier that trusts the digest written in the image. Slow and
 * plain. Source: FIPS 186-5, 6.4.2; SEC 2 v2, 2.4.2 for the curve.
 */

import { type KeyObject } from 'node:crypto';
import { P256_ORDER as N, type EcdsaPair } from './ecdsa-signature.ts';

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const G: Point = [
  0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
];

type Point = readonly [bigint, bigint];

/** @param digest 32 bytes */
export function verifyP256Digest(digest: Buffer, { r, s }: EcdsaPair, key: KeyObject): boolean {
  const jwk = key.export({ format: 'jwk' });
  if (jwk.x === undefined || jwk.y === undefined) return false;
  if (r <= 0n || r >= N || s <= 0n || s >= N) return false;
  const inverse = invert(s, N);
  const publicPoint: Point = [
    toBigInt(Buffer.from(jwk.x, 'base64url')),
    toBigInt(Buffer.from(jwk.y, 'base64url')),
  ];
  const sum = add(
    multiply(G, mod(toBigInt(digest) * inverse, N)),
    multiply(publicPoint, mod(r * inverse, N)),
  );
  return sum !== undefined && mod(sum[0], N) === r;
}

function toBigInt(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function invert(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [mod(value, modulus), modulus, 1n, 0n];
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return mod(x, modulus);
}

function add(left: Point | undefined, right: Point | undefined): Point | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  const same = left[0] === right[0];
  if (same && mod(left[1] + right[1], P) === 0n) return undefined;
  const slope = same
    ? (3n * left[0] * left[0] - 3n) * invert(2n * left[1], P)
    : (right[1] - left[1]) * invert(right[0] - left[0], P);
  const x = mod(slope * slope - left[0] - right[0], P);
  return [x, mod(slope * (left[0] - x) - left[1], P)];
}

function multiply(point: Point, factor: bigint): Point | undefined {
  let result: Point | undefined;
  let power: Point | undefined = point;
  for (let rest = factor; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = add(result, power);
    power = add(power, power);
  }
  return result;
}
