/**
 * Attacks on ML-DSA and SLH-DSA signatures.
 *
 * Source: FIPS 204, 7.2 (encoding of signatures), algorithms 3, 8 and 21 (hints); FIPS 205, 9 and 10; C2SP CCTV, ML-DSA.
 */

import { isMlDsa, mlDsaSets, postQuantumSizes, slhDsaSets } from '../../../crypto/post-quantum.ts';
import { signMessage, strangersKey } from '../../../crypto/sign.ts';
import type { PostQuantumScheme, SignatureScheme } from '../../../crypto/signature.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { resigned, withByte, withBytes, type SignatureAttack, type SignatureContext } from './common.ts';

/** Where the parts of an ML-DSA signature lie. Source: FIPS 204, table 1 and algorithm 26. */
interface MlDsaShape {
  /** Bytes of c̃. */
  challenge: number;
  /** Bits of a coefficient of z. */
  zBits: number;
  /** Most hints. */
  omega: number;
  /** Polynomials with hints. */
  k: number;
}

const shapes = {
  'ml-dsa-44': { challenge: 32, zBits: 18, omega: 80, k: 4 },
  'ml-dsa-65': { challenge: 48, zBits: 20, omega: 55, k: 6 },
  'ml-dsa-87': { challenge: 64, zBits: 20, omega: 75, k: 8 },
} as const;

interface Hints extends MlDsaShape {
  signature: Buffer;
  /** Offset of the first index. */
  at: number;
  /** End of the indices of each polynomial. */
  ends: number[];
}

function withHints(
  { scheme, signature }: SignatureContext,
  forge: (hints: Hints) => Uint8Array | DoesNotApply,
): Uint8Array | DoesNotApply {
  const shape = isMlDsa(scheme.type) ? shapes[scheme.type] : undefined;
  if (shape === undefined || signature.length < shape.omega + shape.k)
    return { doesNotApply: 'the signature is not ML-DSA' };
  const at = signature.length - shape.omega - shape.k;
  return forge({ ...shape, signature, at, ends: [...signature.subarray(at + shape.omega)] });
}

function hints(
  id: string,
  name: string,
  forge: (hints: Hints) => Uint8Array | DoesNotApply,
  rationale = 'Hints have one encoding: another one that decodes to the same would be a second signature.',
): SignatureAttack {
  return {
    id: `ml-dsa-hint-${id}`,
    kind: 'encoding',
    name,
    rationale,
    references: ['FIPS 204, algorithm 21', 'Wycheproof, flag InvalidHintsEncoding'],
    forge: (context) => withHints(context, forge),
  };
}

/** First polynomial with two hints at least: offset of its first. */
function pairAt({ ends, at }: Hints): number | undefined {
  const index = ends.findIndex((end, i) => end - (ends[i - 1] ?? 0) >= 2);
  return index < 0 ? undefined : at + (ends[index - 1] ?? 0);
}

const noPair = { doesNotApply: 'no polynomial has two hints in this signature' };

const hintAttacks: readonly SignatureAttack[] = [
  hints('order', 'with two hints in descending order', (shape) => {
    const first = pairAt(shape);
    if (first === undefined) return noPair;
    const { signature } = shape;
    return withBytes(signature, first, Buffer.of(signature[first + 1] ?? 0, signature[first] ?? 0));
  }),
  hints('repeated', 'with the same hint twice', (shape) => {
    const first = pairAt(shape);
    if (first === undefined) return noPair;
    return withByte(shape.signature, first + 1, () => shape.signature[first] ?? 0);
  }),
  hints(
    'count-over',
    'with a count of hints beyond the most there may be',
    ({ signature, at, omega, k }) => withByte(signature, at + omega + k - 1, () => omega + 1),
    'A count that is not checked reads beyond the hints.',
  ),
  hints(
    'count-255',
    'with 255 hints in its first polynomial',
    ({ signature, at, omega }) => withByte(signature, at + omega, () => 255),
    'A count that is not checked reads beyond the hints.',
  ),
  hints('count-falling', 'with counts of hints that fall', ({ signature, at, omega, k, ends }) => {
    const last = ends.at(-1) ?? 0;
    if (last === 0) return { doesNotApply: 'the signature has no hints' };
    return withByte(signature, at + omega + k - 1, () => (ends.at(-2) ?? 0) - 1);
  }),
  hints('padding', 'with a hint behind the last one', ({ signature, at, omega, ends }) => {
    const last = ends.at(-1) ?? 0;
    return last < omega
      ? withByte(signature, at + omega - 1, () => 1)
      : { doesNotApply: 'the signature has as many hints as there may be' };
  }),
  hints('dropped', 'without any hints', ({ signature, at, omega, k }) =>
    withBytes(signature, at, Buffer.alloc(omega + k)),
  ),
];

/** Zero bits encode γ₁, the largest coefficient; all ones the smallest. */
function norm(id: string, name: string, byte: number, count: 'one' | 'all'): SignatureAttack {
  return {
    id: `ml-dsa-z-${id}`,
    kind: 'edge-value',
    name,
    rationale: 'Without the bound on z forgeries are found by lattice reduction.',
    references: [
      'FIPS 204, algorithm 8, step 13',
      'Wycheproof, flags InfinityNormViolation, BoundaryCondition',
    ],
    forge: (context) =>
      withHints(context, ({ signature, challenge, zBits, at }) => {
        // A coefficient of 18 or 20 bits: three bytes cover the first; the fourth bits belong to the next.
        const bytes = count === 'one' ? Math.ceil(zBits / 8) : at - challenge;
        return withBytes(signature, challenge, Buffer.alloc(bytes, byte));
      }),
  };
}

const challengeEdit: SignatureAttack = {
  id: 'ml-dsa-challenge-zero',
  kind: 'edge-value',
  name: 'with zeros for its challenge',
  rationale: 'The challenge is recomputed and compared over its whole length.',
  references: ['FIPS 204, algorithm 8, step 13', 'Wycheproof, flag ModifiedSignature'],
  forge: (context) =>
    withHints(context, ({ signature, challenge }) => withBytes(signature, 0, Buffer.alloc(challenge))),
};

/** A good signature by a stranger under another parameter set. */
function otherSet(scheme: PostQuantumScheme, type: PostQuantumScheme['type']): SignatureAttack {
  const { signature } = postQuantumSizes(type);
  return {
    id: `signed-as-${type}`,
    kind: 'downgrade',
    attackerModel: 'foreign-key',
    resizes: signature !== postQuantumSizes(scheme.type).signature,
    name: `signed by an unknown key as ${type.toUpperCase()}, ${signature} bytes`,
    rationale: 'The parameter set belongs to the trusted key; a length must not select another.',
    references: ['SIG-08', 'FIPS 204, table 2', 'FIPS 205, table 2'],
    forge: ({ message, random }) => {
      const other: PostQuantumScheme = { ...scheme, type };
      const key = strangersKey(other, (bytes) => random('unknown key', bytes));
      const value = key && signMessage(key, other, message);
      return value ?? { doesNotApply: `no key for ${type}` };
    },
  };
}

function variant(id: string, name: string, rationale: string, other: SignatureScheme): SignatureAttack {
  return {
    id: `signed-${id}`,
    kind: 'downgrade',
    attackerModel: 'insider',
    needs: ['test-key'],
    name,
    rationale,
    references: ['FIPS 204, 5.2 and 5.4', 'FIPS 205, 10.2'],
    forge: (context) => resigned(context, other),
  };
}

/** The same message signed by a trusted key with another context or another domain. */
function variants(scheme: PostQuantumScheme): SignatureAttack[] {
  const { context, preHash, ...plain } = scheme;
  const ofContext = context === undefined || context === '' ? {} : { context };
  const contextRationale =
    'The context separates uses of one key: what is signed for another use is no firmware.';
  const preHashRationale =
    'Pure and pre-hashed signatures have different domains, so that neither passes for the other.';
  return [
    variant('with-other-context', 'signed by a trusted key with another context', contextRationale, {
      ...scheme,
      context: `${context ?? ''}6f74686572`.slice(0, 510),
    }),
    variant('with-longest-context', 'signed by a trusted key with a context of 255 bytes', contextRationale, {
      ...scheme,
      context: '5a'.repeat(255),
    }),
    ...(context === undefined || context === ''
      ? []
      : [
          variant('without-context', 'signed by a trusted key without a context', contextRationale, {
            ...plain,
            ...(preHash === undefined ? {} : { preHash }),
          }),
        ]),
    preHash === undefined
      ? variant('pre-hashed', 'signed by a trusted key with a pre-hash', preHashRationale, {
          ...plain,
          ...ofContext,
          preHash: 'sha512',
        })
      : variant('pure', 'signed by a trusted key without a pre-hash', preHashRationale, {
          ...plain,
          ...ofContext,
        }),
  ];
}

export function mlDsaAttacks(scheme: PostQuantumScheme): readonly SignatureAttack[] {
  const others = (Object.keys(mlDsaSets) as (keyof typeof mlDsaSets)[]).filter(
    (type) => type !== scheme.type,
  );
  return [
    challengeEdit,
    norm('largest', 'with the first coefficient of z at its largest', 0, 'one'),
    norm('smallest', 'with the first coefficient of z at its smallest', 0xff, 'one'),
    norm('all-largest', 'with all coefficients of z at their largest', 0, 'all'),
    ...hintAttacks,
    ...others.map((type) => otherSet(scheme, type)),
    ...variants(scheme),
  ];
}

/** n in bytes, by the security of the set. Source: FIPS 205, table 2. */
function nOf(type: string): number {
  if (type.includes('128')) return 16;
  return type.includes('192') ? 24 : 32;
}

/** Bytes of the FORS signature: k (1 + a) n. Source: FIPS 205, table 2. */
function forsBytes(type: string): number {
  const rows: readonly (readonly [string, number, number])[] = [
    ['128s', 14, 12],
    ['128f', 33, 6],
    ['192s', 17, 14],
    ['192f', 33, 8],
    ['256s', 22, 14],
    ['256f', 35, 9],
  ];
  const [, k = 0, a = 0] = rows.find(([name]) => type.endsWith(name)) ?? [];
  return k * (1 + a) * nOf(type);
}

function slhDsaEdit(id: string, name: string, at: (type: string, bytes: number) => number): SignatureAttack {
  return {
    id: `slh-dsa-${id}`,
    kind: 'signature',
    name,
    rationale: 'Every part of the signature must lead to the root of the trusted key.',
    references: ['FIPS 205, algorithms 17, 13 and 20'],
    forge: ({ scheme, signature }) =>
      withByte(signature, at(scheme.type, signature.length), (byte) => byte ^ 0x01),
  };
}

const slhDsaEdits: readonly SignatureAttack[] = [
  slhDsaEdit('randomiser', 'with one bit of its randomiser flipped', () => 0),
  slhDsaEdit('fors-secret', 'with one bit of its first FORS value flipped', (type) => nOf(type)),
  slhDsaEdit(
    'fors-path',
    'with one bit of its last FORS path flipped',
    (type) => nOf(type) + forsBytes(type) - 1,
  ),
  slhDsaEdit(
    'first-tree',
    'with one bit of its first WOTS+ value flipped',
    (type) => nOf(type) + forsBytes(type),
  ),
  slhDsaEdit('top-tree', 'with one bit of its topmost path flipped', (_, bytes) => bytes - 1),
];

export function slhDsaAttacks(scheme: PostQuantumScheme): readonly SignatureAttack[] {
  // Small and fast, SHA-2 and SHAKE: sets of the same key length are the ones to be confused.
  const swapped = [
    scheme.type.replace(/[sf]$/, (last) => (last === 's' ? 'f' : 's')),
    scheme.type.includes('sha2')
      ? scheme.type.replace('sha2', 'shake')
      : scheme.type.replace('shake', 'sha2'),
  ].filter((type): type is PostQuantumScheme['type'] => type in slhDsaSets && type.endsWith('f'));
  return [...slhDsaEdits, ...swapped.map((type) => otherSet(scheme, type)), ...variants(scheme)];
}
