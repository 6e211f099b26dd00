/**
 * Signature values at the edges of their schemes. None but those marked as equivalent verifies for anything.
 *
 * Source: FIPS 186-5, 6.4.2; RFC 8017, 5.2.2; RFC 8032, 5.1.7; Wycheproof, ecdsa_verify and rsa_signature tests.
 */

import type { KeyObject } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { bytesSource } from '../byte-source.ts';
import { derValue, encodeDer, encodeDerInteger, scanDer } from '../codec/der.ts';

export interface EdgeValue {
  /** Kebab-case. */
  id: string;
  /** Completes "a signature …". */
  name: string;
  value: Buffer;
  /** The same numbers in another encoding, or another that verifies too: accepting it lets nothing in. */
  equivalent?: true;
}

/** Orders of the curves. */
const orders = new Map([
  ['prime256v1', p256.Point.Fn.ORDER],
  ['secp384r1', p384.Point.Fn.ORDER],
  ['secp521r1', p521.Point.Fn.ORDER],
]);
const ed25519Order = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn;

/** Edge values for a key, made from a genuine signature by it (DER for ECDSA). */
export function edgeValues(key: KeyObject, genuine: Uint8Array): readonly EdgeValue[] {
  const empty: EdgeValue = { id: 'empty', name: 'of no bytes', value: Buffer.alloc(0) };
  const type = key.asymmetricKeyType;
  if (type === 'ec')
    return [empty, ...ecdsaEdges(orders.get(key.asymmetricKeyDetails?.namedCurve ?? ''), genuine)];
  if (type === 'rsa') return [empty, ...rsaEdges(key, genuine)];
  return type === 'ed25519' ? [empty, ...ed25519Edges(genuine)] : [empty];
}

function ecdsaEdges(n: bigint | undefined, genuine: Uint8Array): EdgeValue[] {
  const source = bytesSource(genuine);
  const [r, s] = scanDer(source).nodes[0]?.children.map((node) => toNumber(derValue(source, node))) ?? [];
  if (n === undefined || r === undefined || s === undefined) return [];
  const pair = (a: bigint, b: bigint): Buffer => encodeDer(0x30, encodeDerInteger(a), encodeDerInteger(b));
  const inside = Buffer.from(genuine).subarray(Buffer.from(genuine).length - bodyBytes(genuine));
  const width = Math.ceil(n.toString(16).length / 2);
  return [
    { id: 'zero-zero', name: 'with r = s = 0', value: pair(0n, 0n) },
    { id: 'one-zero', name: 'with r = 1 and s = 0', value: pair(1n, 0n) },
    { id: 'zero-one', name: 'with r = 0 and s = 1', value: pair(0n, 1n) },
    { id: 'order-order', name: 'with r = s = the order', value: pair(n, n) },
    { id: 'r-plus-order', name: 'with the order added to r', value: pair(r + n, s) },
    { id: 's-plus-order', name: 'with the order added to s', value: pair(r, s + n) },
    { id: 's-negated', name: 'with s negated modulo the order', value: pair(r, n - s), equivalent: true },
    {
      id: 'long-length',
      name: 'with a length in more bytes than it needs',
      value: Buffer.concat([Buffer.of(0x30, 0x82, inside.length >> 8, inside.length & 0xff), inside]),
      equivalent: true,
    },
    {
      id: 'trailing',
      name: 'with a byte behind its two numbers',
      value: Buffer.concat([genuine, Buffer.of(0)]),
      equivalent: true,
    },
    {
      id: 'raw',
      name: 'as r and s one behind the other',
      value: Buffer.concat([fixed(r, width), fixed(s, width)]),
      equivalent: true,
    },
  ];
}

function bodyBytes(der: Uint8Array): number {
  const [root] = scanDer(bytesSource(der)).nodes;
  return root === undefined ? 0 : root.end - root.valueStart;
}

function rsaEdges(key: KeyObject, genuine: Uint8Array): EdgeValue[] {
  const { n: modulus = '' } = key.export({ format: 'jwk' }) as { n?: string };
  const n = toNumber(Buffer.from(modulus, 'base64url'));
  const width = genuine.length;
  return [
    { id: 'zero', name: 'of value 0', value: fixed(0n, width) },
    { id: 'one', name: 'of value 1', value: fixed(1n, width) },
    { id: 'modulus-minus-one', name: 'one below the modulus', value: fixed(n - 1n, width) },
    { id: 'modulus', name: 'equal to the modulus', value: fixed(n, width) },
    { id: 'all-ones', name: 'of all ones', value: Buffer.alloc(width, 0xff) },
    {
      id: 'leading-zero',
      name: 'with a zero byte in front',
      value: Buffer.concat([Buffer.of(0), genuine]),
      equivalent: true,
    },
  ];
}

/** R and S are little-endian; S below the order of the group. */
function ed25519Edges(genuine: Uint8Array): EdgeValue[] {
  const r = Buffer.from(genuine.subarray(0, 32));
  const s = toNumber(Buffer.from(genuine.subarray(32, 64)).reverse());
  const withS = (value: bigint): Buffer => Buffer.concat([r, fixed(value, 32).reverse()]);
  const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
  return [
    { id: 's-plus-order', name: 'with the order added to S', value: withS(s + ed25519Order) },
    { id: 's-zero', name: 'with S = 0', value: withS(0n) },
    {
      id: 'identity',
      name: 'with R = the neutral element and S = 0',
      value: Buffer.concat([identity, Buffer.alloc(32)]),
    },
    { id: 'zero', name: 'of zeros', value: Buffer.alloc(64) },
  ];
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function fixed(value: bigint, bytes: number): Buffer {
  return Buffer.from(
    value
      .toString(16)
      .padStart(bytes * 2, '0')
      .slice(-bytes * 2),
    'hex',
  );
}
