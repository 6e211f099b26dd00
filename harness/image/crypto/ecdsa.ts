/** ECDSA signatures as pairs of numbers, strictly and leniently read, and their curves. */

import type { KeyObject } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { encodeDer, encodeDerInteger } from '../codec/der.ts';
import { toBytes, toNumber } from './key-bytes.ts';
import { verifyDigest } from './verify-digest.ts';

export type CurveName = 'p256' | 'p384' | 'p521';

export const ecdsaCurves = { p256, p384, p521 } as const;

/** Order of the curve's base point, and its width in bytes. */
export function orderOf(curve: CurveName): { n: bigint; bytes: number } {
  return { n: ecdsaCurves[curve].Point.Fn.ORDER, bytes: { p256: 32, p384: 48, p521: 66 }[curve] };
}

const curveNames = new Map<string | undefined, CurveName>([
  ['prime256v1', 'p256'],
  ['secp384r1', 'p384'],
  ['secp521r1', 'p521'],
]);

export function curveOf(key: KeyObject): CurveName | undefined {
  return curveNames.get(key.asymmetricKeyDetails?.namedCurve);
}

export interface EcdsaPair {
  r: bigint;
  s: bigint;
}

/** r ‖ s, each as wide as the order. */
export function toP1363({ r, s }: EcdsaPair, curve: CurveName): Buffer {
  const { bytes } = orderOf(curve);
  return Buffer.concat([toBytes(r, bytes), toBytes(s, bytes)]);
}

/** SEQUENCE { INTEGER r, INTEGER s }, for numbers that are not negative. */
export function toDer({ r, s }: EcdsaPair): Buffer {
  return encodeDer(0x30, encodeDerInteger(r), encodeDerInteger(s));
}

export function fromP1363(bytes: Uint8Array, curve: CurveName): EcdsaPair | undefined {
  const width = orderOf(curve).bytes;
  if (bytes.length !== 2 * width) return undefined;
  return { r: toNumber(bytes.subarray(0, width)), s: toNumber(bytes.subarray(width)) };
}

/**
 * Two INTEGERs in a SEQUENCE as a forgiving decoder reads them: long lengths, superfluous zeros, a missing sign byte, an
 * indefinite length and what follows are no obstacle. Undefined when there are no two numbers.
 */
export function readDerLoosely(bytes: Uint8Array): EcdsaPair | undefined {
  const outer = looseElement(bytes, 0);
  if (outer?.tag !== 0x30) return undefined;
  const r = looseElement(bytes, outer.start);
  const s = r === undefined ? undefined : looseElement(bytes, r.end);
  if (r?.tag !== 2 || s?.tag !== 2 || r.end === r.start || s.end === s.start) return undefined;
  return { r: toNumber(bytes.subarray(r.start, r.end)), s: toNumber(bytes.subarray(s.start, s.end)) };
}

function looseElement(
  bytes: Uint8Array,
  at: number,
): { tag: number; start: number; end: number } | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  if (first === 0x80) return { tag, start: at + 2, end: bytes.length };
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 32) return undefined;
  const length = count === 0 ? first : Number(toNumber(bytes.subarray(at + 2, at + 2 + count)));
  const start = at + 2 + count;
  return start + length > bytes.length ? undefined : { tag, start, end: start + length };
}

/** Whether the same numbers in any encoding that is in use make a good signature. */
export function verifyEcdsaLoosely(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const curve = curveOf(key);
  if (curve === undefined) return false;
  const { n } = orderOf(curve);
  return [readDerLoosely(signature), fromP1363(signature, curve)].some(
    (pair) =>
      pair !== undefined &&
      pair.r < n &&
      pair.s < n &&
      verifyDigest(key, { type: 'ecdsa', encoding: 'p1363' }, digest, toP1363(pair, curve)).good,
  );
}
