/**
 * Attacks on Ed25519 signatures.
 *
 * Source: RFC 8032, 5.1.7 (S below L, canonical points), 8.4 (malleability), 5.1 (variants ctx and ph); "Taming the Many
 * EdDSAs" (Chalkias, Garillot, Nikolaenko 2020) for what implementations differ in.
 */

import { bytesSource } from '../../../byte-source.ts';
import { ed25519Order, littleEndian, toLittleEndian } from '../../../crypto/ed25519.ts';
import { signMessage } from '../../../crypto/sign.ts';
import type { SignatureScheme } from '../../../crypto/signature.ts';
import { digestOf } from '../../../digest.ts';
import { resigned, withByte, type SignatureAttack } from './common.ts';

type EdScheme = Extract<SignatureScheme, { type: `ed25519${string}` }>;

const standard = 'RFC 8032, 5.1.7';

function scalar(id: string, name: string, change: (s: bigint) => bigint, rationale: string): SignatureAttack {
  return {
    id: `ed25519-${id}`,
    kind: 'edge-value',
    name,
    rationale,
    references: ['SIG-07', standard, 'Wycheproof, flags SignatureMalleability, InvalidSignature'],
    forge: ({ signature }) => {
      const s = littleEndian(signature.subarray(32, 64));
      const changed = change(s);
      if (changed < 0n || changed >= 1n << 256n) return { doesNotApply: 'S has no room for it' };
      return Buffer.concat([signature.subarray(0, 32), toLittleEndian(changed)]);
    },
  };
}

const malleability = 'S is checked against L, or every signature has others that pass too.';

const scalars: readonly SignatureAttack[] = [
  scalar('s-plus-order', 'with S + L for S', (s) => s + ed25519Order, malleability),
  scalar('s-plus-8-orders', 'with S + 8 L for S', (s) => s + 8n * ed25519Order, malleability),
  scalar('s-negated', 'with L − S for S', (s) => ed25519Order - s, 'The sign of S must matter.'),
  scalar('s-zero', 'with S = 0', () => 0n, 'A product with zero is the neutral element.'),
  scalar('s-one', 'with S = 1', () => 1n, 'The smallest S that is none.'),
  scalar('s-order', 'with S = L', () => ed25519Order, 'L is zero modulo L, and out of range.'),
  scalar('s-all-ones', 'with all bits of S set', () => (1n << 256n) - 1n, malleability),
];

/**
 * Points of small order and non-canonical encodings of these, by what they are; y little-endian, the sign of x in the
 * highest bit. p = 2^255 − 19.
 */
const points: readonly (readonly [string, string, string])[] = [
  ['identity', 'the neutral element', `01${'00'.repeat(31)}`],
  ['order-2', 'the point of order 2', `ec${'ff'.repeat(30)}7f`],
  ['order-4', 'a point of order 4', '00'.repeat(32)],
  ['order-8', 'a point of order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
  ['identity-non-canonical', 'the neutral element with y = p + 1', `ee${'ff'.repeat(30)}7f`],
  ['order-4-non-canonical', 'a point of order 4 with y = p', `ed${'ff'.repeat(30)}7f`],
  ['identity-signed', 'the neutral element with x = −0', `01${'00'.repeat(30)}80`],
  ['off-curve', 'a y that no point has', `02${'00'.repeat(31)}`],
];

function pointAttacks([id, words, hex]: readonly [string, string, string]): SignatureAttack[] {
  const common = {
    kind: 'edge-value',
    rationale: 'With R of small order, and S zero, the equation loses its terms one by one.',
    references: ['SIG-07', standard, 'Taming the Many EdDSAs, 2020', 'Wycheproof, flag InvalidEncoding'],
  } as const;
  return [
    {
      ...common,
      id: `ed25519-r-${id}`,
      name: `with ${words} for R`,
      forge: ({ signature }) => Buffer.concat([Buffer.from(hex, 'hex'), signature.subarray(32)]),
    },
    {
      ...common,
      id: `ed25519-r-${id}-s-zero`,
      name: `with ${words} for R and S = 0`,
      forge: () => Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(32)]),
    },
  ];
}

const others: readonly SignatureAttack[] = [
  {
    id: 'ed25519-r-negated',
    kind: 'edge-value',
    name: 'with −R for R',
    rationale: 'The sign of R must matter.',
    references: ['SIG-07', standard],
    forge: ({ signature }) => withByte(signature, 31, (byte) => byte ^ 0x80),
  },
  {
    id: 'ed25519-halves-swapped',
    kind: 'encoding',
    name: 'with R and S exchanged',
    rationale: 'Both halves are genuine, in the wrong order.',
    references: ['SIG-08', standard],
    forge: ({ signature }) => Buffer.concat([signature.subarray(32), signature.subarray(0, 32)]),
  },
  {
    id: 'ed25519-r-only',
    kind: 'encoding',
    resizes: true,
    name: 'with R alone for a signature',
    rationale: 'Half a signature must not be completed with zeros.',
    references: ['SIG-08', 'Wycheproof, flags TruncatedSignature, CompressedSignature'],
    forge: ({ signature }) => signature.subarray(0, 32),
  },
];

/** The same message signed by the trusted key in another variant of Ed25519. */
function variants(scheme: EdScheme): SignatureAttack[] {
  const all: readonly (readonly [string, string, EdScheme])[] = [
    ['ed25519', 'pure Ed25519', { type: 'ed25519' }],
    ['ed25519ph', 'Ed25519ph', { type: 'ed25519ph' }],
    ['ed25519ctx', 'Ed25519ctx with a context', { type: 'ed25519ctx', context: '666f6f' }],
  ];
  return all
    .filter(([type]) => type !== scheme.type)
    .map(([id, words, other]) => ({
      id: `ed25519-signed-as-${id}`,
      kind: 'downgrade',
      attackerModel: 'insider',
      needs: ['test-key'],
      name: `signed as ${words} by a trusted key`,
      rationale: 'The variants are different schemes: a signature of the one says nothing in the other.',
      references: ['RFC 8032, 5.1 and 8.5'],
      forge: (context) => resigned(context, other),
    }));
}

const overDigest: SignatureAttack = {
  id: 'ed25519-signed-digest',
  kind: 'downgrade',
  attackerModel: 'insider',
  needs: ['test-key'],
  name: 'signed over its SHA-512 by a trusted key',
  rationale:
    'A digest signed as a message is another message: the two conventions must not be taken for each other.',
  references: ['RFC 8032, 8.5'],
  forge: ({ input, message, scheme }) => {
    const { testKey } = input;
    if (scheme.type === 'ed25519ph') return { doesNotApply: 'the scheme hashes first' };
    const signature =
      testKey && signMessage(testKey, { type: 'ed25519' }, bytesSource(digestOf(message, 'sha512')));
    return signature ?? { doesNotApply: 'there is no test key for Ed25519' };
  },
};

export function ed25519Attacks(scheme: EdScheme): readonly SignatureAttack[] {
  const hashed = scheme.type === 'ed25519ph' ? [] : [overDigest];
  return [...scalars, ...points.flatMap(pointAttacks), ...others, ...variants(scheme), ...hashed];
}
