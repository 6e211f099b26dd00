/**
 * Attacks on ECDSA signatures: degenerate numbers, numbers out of range, other encodings.
 *
 * Source: FIPS 186-5, 6.4.2 (r and s lie in [1, n − 1]); RFC 3279, 2.2.3 (DER); IEEE 1363, E.3.1.
 */

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { encodeDer, encodeDerInteger } from '../../../codec/der.ts';
import {
  ecdsaCurves,
  fromP1363,
  orderOf,
  readDerLoosely,
  toDer,
  toP1363,
  type EcdsaPair,
} from '../../../crypto/ecdsa.ts';
import { toBytes, toNumber } from '../../../crypto/key-bytes.ts';
import type { SignatureScheme } from '../../../crypto/signature.ts';
import { digestOf } from '../../../digest.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { malleable, type SignatureAttack, type SignatureContext } from './common.ts';

type EcdsaScheme = Extract<SignatureScheme, { type: 'ecdsa' }>;

interface PairContext extends EcdsaPair {
  n: bigint;
  /** Width of the order in bytes. */
  bytes: number;
  scheme: EcdsaScheme;
  signature: Buffer;
}

const standard = 'FIPS 186-5, 6.4.2';

/** The numbers of the genuine signature, and the forged value made of them. */
function withPair(
  context: SignatureContext,
  forge: (pair: PairContext) => Uint8Array | DoesNotApply,
): Uint8Array | DoesNotApply {
  const { scheme, signature } = context;
  if (scheme.type !== 'ecdsa') return { doesNotApply: 'the signature is not ECDSA' };
  const pair = scheme.encoding === 'der' ? readDerLoosely(signature) : fromP1363(signature, scheme.curve);
  if (pair === undefined) return { doesNotApply: 'the signature is no pair of numbers' };
  return forge({ ...pair, ...orderOf(scheme.curve), scheme, signature });
}

/** Numbers that are not negative, in the encoding of the scheme. */
function encode(pair: EcdsaPair, { scheme, bytes }: PairContext): Uint8Array | DoesNotApply {
  if (scheme.encoding === 'der') return toDer(pair);
  const fits = [pair.r, pair.s].every((value) => value < 1n << BigInt(8 * bytes));
  return fits
    ? toP1363(pair, scheme.curve)
    : { doesNotApply: 'a number above the order does not fit into r ‖ s' };
}

function numbers(
  id: string,
  name: string,
  rationale: string,
  change: (pair: PairContext) => EcdsaPair,
  more: Partial<SignatureAttack> = {},
): SignatureAttack {
  return {
    id: `ecdsa-${id}`,
    kind: 'edge-value',
    name,
    rationale,
    references: ['SIG-07', standard, 'Wycheproof, flags InvalidSignature, RangeCheck, ModifiedInteger'],
    forge: (context) => withPair(context, (pair) => encode(change(pair), pair)),
    ...more,
  };
}

const zeroRationale =
  'An implementation without the range check accepts zeros for every message and key (CVE-2022-21449).';
const rangeRationale =
  'Without the range check of r and s, values modulo the order pass for the genuine ones.';

/** Numbers of full width: these fit wherever the genuine signature does, whatever its encoding. */
function degenerate(encoding: 'der' | 'p1363'): SignatureAttack[] {
  const resizes = encoding === 'der';
  const zero = ['Wycheproof, flag InvalidSignature', 'CVE-2022-21449', standard];
  return [
    numbers('r-zero-s-zero', 'with r = s = 0', zeroRationale, () => ({ r: 0n, s: 0n }), {
      resizes,
      references: zero,
    }),
    numbers('r-one-s-zero', 'with r = 1, s = 0', zeroRationale, () => ({ r: 1n, s: 0n }), {
      resizes,
      references: zero,
    }),
    numbers('r-zero-s-one', 'with r = 0, s = 1', zeroRationale, () => ({ r: 0n, s: 1n }), {
      resizes,
      references: zero,
    }),
    numbers('r-one-s-one', 'with r = s = 1', 'The smallest numbers in range.', () => ({ r: 1n, s: 1n }), {
      resizes,
    }),
    numbers('r-order-s-order', 'with r = s = n', rangeRationale, ({ n }) => ({ r: n, s: n }), { resizes }),
    numbers('r-order', 'with r = n', rangeRationale, ({ n, s }) => ({ r: n, s }), { resizes }),
    numbers('s-order', 'with s = n', rangeRationale, ({ n, r }) => ({ r, s: n }), { resizes }),
    numbers('s-zero', 'with s = 0', zeroRationale, ({ r }) => ({ r, s: 0n }), { resizes, references: zero }),
    numbers('r-zero', 'with r = 0', zeroRationale, ({ s }) => ({ r: 0n, s }), { resizes, references: zero }),
    numbers(
      'order-minus-one',
      'with r = s = n − 1',
      'The largest numbers in range.',
      ({ n }) => ({ r: n - 1n, s: n - 1n }),
      {
        resizes,
      },
    ),
    numbers(
      'swapped',
      'with r and s exchanged',
      'Both numbers are genuine, in the wrong places.',
      ({ r, s }) => ({ r: s, s: r }),
      {
        resizes,
      },
    ),
    numbers(
      's-negated',
      'with n − s for s',
      'The other of the two signatures that follow from each other: what a list of seen signatures misses.',
      ({ r, s, n }) => ({ r, s: n - s }),
      { resizes, expectation: malleable, kind: 'encoding' },
    ),
  ];
}

/** Numbers above the order: these have room in DER, and in r ‖ s of P-521. */
const aboveOrder: readonly SignatureAttack[] = [
  numbers('r-plus-order', 'with r + n for r', rangeRationale, ({ r, s, n }) => ({ r: r + n, s }), {
    resizes: true,
  }),
  numbers('s-plus-order', 'with s + n for s', rangeRationale, ({ r, s, n }) => ({ r, s: s + n }), {
    resizes: true,
  }),
];

const aboveOrderOfP521 = aboveOrder.map((attack) => ({ ...attack, resizes: false }));

/** INTEGER of any sign, in two's complement. */
function signedInteger(value: bigint): Buffer {
  if (value >= 0n) return encodeDerInteger(value);
  let bytes = 1;
  while (value < -(1n << BigInt(8 * bytes - 1))) bytes += 1;
  return encodeDer(0x02, toBytes((1n << BigInt(8 * bytes)) + value, bytes));
}

const signedNumbers: readonly SignatureAttack[] = (
  [
    ['r-negative', 'with −r for r', ({ r, s }) => [-r, s]],
    ['s-negative', 'with −s for s', ({ r, s }) => [r, -s]],
    ['r-minus-order', 'with r − n for r', ({ r, s, n }) => [r - n, s]],
    ['s-minus-order', 'with s − n for s', ({ r, s, n }) => [r, s - n]],
    ['r-overflow', 'with r + n · 2^256 for r', ({ r, s, n, bytes }) => [r + (n << BigInt(8 * bytes)), s]],
    ['r-huge', 'with 1000 bytes for r', ({ r, s, bytes }) => [r + (1n << BigInt(8 * (bytes + 968))), s]],
  ] as [string, string, (pair: PairContext) => [bigint, bigint]][]
).map(([id, name, change]) => ({
  id: `ecdsa-${id}`,
  kind: 'edge-value',
  resizes: true,
  name,
  rationale: 'Numbers that are cut, or reduced modulo the order, before they are checked pass for others.',
  references: ['SIG-07', standard, 'Wycheproof, flags RangeCheck, IntegerOverflow, ModifiedInteger'],
  forge: (context) => withPair(context, (pair) => encodeDer(0x30, ...change(pair).map(signedInteger))),
}));

interface DerParts {
  r: Buffer;
  s: Buffer;
  signature: Buffer;
}

function der(
  id: string,
  name: string,
  build: (parts: DerParts) => Uint8Array | DoesNotApply,
  more: Partial<SignatureAttack> = {},
): SignatureAttack {
  return {
    id: `ecdsa-der-${id}`,
    kind: 'encoding',
    resizes: true,
    expectation: malleable,
    name,
    rationale: 'DER has one form for each value; a decoder that takes others gives one signature many names.',
    references: [
      'SIG-08',
      'ITU-T X.690, 10.1',
      'Wycheproof, flags BerEncodedSignature, InvalidEncoding, MissingZero',
    ],
    forge: (context) =>
      withPair(context, ({ r, s, signature }) =>
        build({ r: encodeDerInteger(r), s: encodeDerInteger(s), signature }),
      ),
    ...more,
  };
}

/** Same element with its length in one byte more than it needs. */
function longForm(element: Buffer): Buffer {
  const short = (element[1] ?? 0) < 0x80;
  const [tag = 0] = element;
  return short
    ? Buffer.concat([Buffer.of(tag, 0x81), element.subarray(1)])
    : Buffer.concat([Buffer.of(tag, (element[1] ?? 0) + 1, 0), element.subarray(2)]);
}

/** First of the numbers whose highest bit needs a zero byte in front. */
function withoutSignByte(parts: DerParts): Uint8Array | DoesNotApply {
  const strip = (number: Buffer): Buffer => encodeDer(2, number.subarray(3));
  if (parts.r[2] === 0) return encodeDer(0x30, strip(parts.r), parts.s);
  if (parts.s[2] === 0) return encodeDer(0x30, parts.r, strip(parts.s));
  return { doesNotApply: 'neither number of this signature needs a sign byte' };
}

const refused = { kind: 'structure', resizes: true } as const;

/** An attack that no decoder may take. */
function broken(id: string, name: string, build: (parts: DerParts) => Uint8Array): SignatureAttack {
  const { expectation: _, ...attack } = der(id, name, build);
  return {
    ...attack,
    ...refused,
    rationale: 'A decoder must not find numbers where there are none.',
    references: ['SIG-08', 'Wycheproof, flags InvalidTypesInSignature, InvalidEncoding'],
  };
}

const derEncodings: readonly SignatureAttack[] = [
  der('long-length', 'with the outer length in long form', ({ r, s }) => longForm(encodeDer(0x30, r, s))),
  der('long-length-of-r', 'with the length of r in long form', ({ r, s }) => encodeDer(0x30, longForm(r), s)),
  der('indefinite', 'with an indefinite length', ({ r, s }) =>
    Buffer.concat([Buffer.of(0x30, 0x80), r, s, Buffer.alloc(2)]),
  ),
  der('leading-zero', 'with a superfluous zero in front of s', ({ r, s }) =>
    encodeDer(0x30, r, encodeDer(2, Buffer.alloc(1), s.subarray(2))),
  ),
  der('sign-byte-missing', 'without the zero that keeps a number positive', withoutSignByte),
  der('inner-trailing', 'with NULL behind s inside the SEQUENCE', ({ r, s }) =>
    encodeDer(0x30, r, s, Buffer.of(5, 0)),
  ),
  der('trailing-null', 'with NULL behind the signature', ({ signature }) =>
    Buffer.concat([signature, Buffer.of(5, 0)]),
  ),
  der('as-p1363', 'as r ‖ s instead of DER', () => Buffer.alloc(0), {
    forge: (context) => withPair(context, (pair) => toP1363(pair, pair.scheme.curve)),
  }),
  broken('empty-sequence', 'with an empty SEQUENCE for a signature', () => Buffer.of(0x30, 0)),
  broken('empty-integers', 'with two INTEGERs of no bytes', () => Buffer.of(0x30, 4, 2, 0, 2, 0)),
  broken('only-r', 'without s', ({ r }) => encodeDer(0x30, r)),
  broken('r-as-octets', 'with an OCTET STRING for r', ({ r, s }) =>
    encodeDer(0x30, encodeDer(4, r.subarray(2)), s),
  ),
  broken('length-beyond', 'with a length beyond its end', ({ signature }) =>
    Buffer.concat([Buffer.of(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff), signature.subarray(2)]),
  ),
];

const p1363Encodings: readonly SignatureAttack[] = [
  der('instead-of-p1363', 'in DER instead of r ‖ s', ({ r, s }) => encodeDer(0x30, r, s)),
  der('p1363-wide', 'with r and s one byte wider each', () => Buffer.alloc(0), {
    expectation: { class: 'must-reject', latestStage: 'boot' },
    forge: (context) =>
      withPair(context, ({ r, s, bytes }) => Buffer.concat([toBytes(r, bytes + 1), toBytes(s, bytes + 1)])),
  }),
];

/** A signature by a good key of another curve, as wide as the right one. */
const otherCurve: SignatureAttack = {
  id: 'ecdsa-other-curve',
  kind: 'downgrade',
  attackerModel: 'foreign-key',
  name: 'signed on another curve',
  rationale: 'Parameters of the curve belong to the trusted key, never to the signature.',
  references: ['SIG-06', 'CVE-2020-0601'],
  forge: (context) =>
    withPair(context, (pair) => {
      const { scheme } = pair;
      const [curve, width] = otherCurves[scheme.curve];
      const digest = Uint8Array.from(digestOf(context.message, scheme.hash));
      const seed = Uint8Array.from(context.random('key on another curve', width + 16));
      const secret = toBytes((toNumber(seed) % (curve.Point.Fn.ORDER - 1n)) + 1n, width);
      const signed = curve.sign(digest, Uint8Array.from(secret), { prehash: false, lowS: false });
      return encode({ r: toNumber(signed.subarray(0, width)), s: toNumber(signed.subarray(width)) }, pair);
    }),
};

/** With the bytes of their orders. */
const otherCurves = {
  p256: [secp256k1, 32],
  p384: [ecdsaCurves.p256, 32],
  p521: [ecdsaCurves.p384, 48],
} as const;

export function ecdsaAttacks({ curve, encoding }: EcdsaScheme): readonly SignatureAttack[] {
  const curveAttack = { ...otherCurve, resizes: encoding === 'der' };
  if (encoding === 'der')
    return [...degenerate(encoding), ...aboveOrder, ...signedNumbers, ...derEncodings, curveAttack];
  const above = curve === 'p521' ? aboveOrderOfP521 : [];
  return [...degenerate(encoding), ...above, ...p1363Encodings, curveAttack];
}
