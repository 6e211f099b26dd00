/** Degenerate values and other encodings of COSE signatures. */

import { p256, p384, p521 } from '@noble/curves/nist.js';
import { encodeDer, encodeDerInteger } from '../../../codec/der.ts';
import { byPolicy, type DoesNotApply, type Expectation } from '../../../mutation.ts';
import type { CoseSignature } from '../auth.ts';
import { withContent, withoutCodes, type Edit } from '../edit.ts';
import { coseAlgorithms } from '../labels.ts';
import { fixed } from '../sign.ts';
import { attack, mustReject, noCrash, type SuitInput, type SuitMutation } from './common.ts';

interface Pair {
  r: bigint;
  s: bigint;
  n: bigint;
  /** Bytes of each number. */
  width: number;
}

const orders: ReadonlyMap<number, bigint> = new Map([
  [64, p256.Point.Fn.ORDER],
  [96, p384.Point.Fn.ORDER],
  [132, p521.Point.Fn.ORDER],
]);

/** Every signature of the scheme, each changed. */
function each(
  { image }: SuitInput,
  scheme: 'ecdsa' | 'eddsa',
  change: (one: CoseSignature) => Uint8Array | undefined,
): Edit[] | DoesNotApply {
  const signatures = (image.auth?.blocks ?? [])
    .filter(({ kind }) => kind === 'sign1' || kind === 'sign')
    .flatMap((block) => block.signatures);
  const kinds = signatures.map(({ algorithm }) => coseAlgorithms.get(algorithm ?? NaN)?.scheme.kind);
  if (signatures.length === 0 || kinds.some((kind) => kind !== scheme)) {
    return { doesNotApply: `its signatures are not all ${scheme}` };
  }
  const changed = signatures.map((one) => ({ one, to: change(one) }));
  if (changed.some(({ to }) => to === undefined))
    return { doesNotApply: 'a signature is not of the form for it' };
  const edits = changed.flatMap(({ one, to }) => (to === undefined ? [] : withContent(one.signature, to)));
  return [...edits, ...withoutCodes(image)];
}

function eachPair(input: SuitInput, change: (pair: Pair) => Uint8Array | undefined): Edit[] | DoesNotApply {
  return each(input, 'ecdsa', ({ signature: { headEnd, end } }) => {
    const n = orders.get(end - headEnd);
    if (n === undefined) return undefined;
    const hex = Buffer.from(input.base.read(headEnd, end)).toString('hex');
    const [r, s] = [hex.slice(0, hex.length / 2), hex.slice(hex.length / 2)];
    return change({ r: BigInt(`0x${r}`), s: BigInt(`0x${s}`), n, width: hex.length / 4 });
  });
}

const raw = ({ width }: Pair, r: bigint, s: bigint): Buffer =>
  Buffer.concat([fixed(r, width), fixed(s, width)]);
const largest = ({ width }: Pair): bigint => (1n << BigInt(8 * width)) - 1n;

const degenerate: [id: string, name: string, change: (pair: Pair) => Buffer][] = [
  ['both-zero', 'with r = s = 0 for its signature', (pair) => raw(pair, 0n, 0n)],
  ['r-zero', 'with r = 0 in its signature', (pair) => raw(pair, 0n, pair.s)],
  ['s-zero', 'with s = 0 in its signature', (pair) => raw(pair, pair.r, 0n)],
  ['both-one', 'with r = s = 1 for its signature', (pair) => raw(pair, 1n, 1n)],
  ['r-order', 'with r = n, the order of the curve', (pair) => raw(pair, pair.n, pair.s)],
  ['s-order', 'with s = n, the order of the curve', (pair) => raw(pair, pair.r, pair.n)],
  ['both-order', 'with r = s = n, the order of the curve', (pair) => raw(pair, pair.n, pair.n)],
  ['both-largest', 'with a signature of bytes FF', (pair) => raw(pair, largest(pair), largest(pair))],
  ['r-negated', 'with n − r in place of r', (pair) => raw(pair, pair.n - pair.r, pair.s)],
  ['swapped', 'with r and s exchanged', (pair) => raw(pair, pair.s, pair.r)],
];

const ecdsaEdges = degenerate.map(([id, name, change]) =>
  attack({
    id: `suit-ecdsa-${id}`,
    kind: 'edge-value',
    name,
    rationale:
      'ECDSA asks that r and s lie in [1, n − 1] and that the equation holds; CVE-2022-21449 is what happens otherwise.',
    references: ['FIPS 186-5, 6.4.2', 'CVE-2022-21449', 'Wycheproof, flag InvalidSignature'],
    refusedFor: 'signature',
    alter: (input) => eachPair(input, change),
  }),
);

/** Where other encodings count as good, a device may take them or not; what it executes is the same. */
const malleable = byPolicy('malleableSignatures', (value): Expectation =>
  value === 'refuse' ? mustReject : { class: 'benign-accept' },
);

const encodings: SuitMutation[] = [
  attack({
    id: 'suit-ecdsa-s-negated',
    kind: 'encoding',
    expectation: malleable,
    name: 'with n − s in place of s, which is equally valid',
    rationale: 'Whoever names images by their signature sees two; ECDSA itself allows both.',
    references: ['SEC 1, 4.1.3', 'BIP 146 (low S)'],
    refusedFor: 'signature',
    alter: (input) =>
      eachPair(input, (pair) =>
        // The upper half is what a strict device refuses: to lead into the lower one attacks nothing.
        pair.s > pair.n / 2n ? undefined : raw(pair, pair.r, pair.n - pair.s),
      ),
  }),
  attack({
    id: 'suit-ecdsa-der',
    kind: 'encoding',
    expectation: malleable,
    name: 'with its signature in DER',
    rationale:
      'COSE wants r ‖ s of fixed width; a library that guesses the encoding has two parsers to attack.',
    references: ['RFC 9053, 2.1'],
    refusedFor: 'signature',
    alter: (input) =>
      eachPair(input, ({ r, s }) => encodeDer(0x30, encodeDerInteger(r), encodeDerInteger(s))),
  }),
  attack({
    id: 'suit-ecdsa-longer',
    kind: 'encoding',
    name: 'with r and s each a zero byte wider than the order',
    rationale:
      'The same numbers in a length that the algorithm does not have: buffers are made for the right one.',
    references: ['RFC 9053, 2.1'],
    expectation: noCrash,
    alter: (input) =>
      eachPair(input, ({ r, s, width }) => Buffer.concat([fixed(r, width + 1), fixed(s, width + 1)])),
  }),
  attack({
    id: 'suit-ecdsa-cut',
    kind: 'signature',
    name: 'with half of its signature',
    rationale: 'A verifier that takes r and s at fixed places reads what lies behind.',
    references: ['RFC 9053, 2.1', 'CWE-125'],
    refusedFor: 'signature',
    alter: (input) => eachPair(input, ({ r, width }) => fixed(r, width)),
  }),
];

/** Order of the base point of edwards25519 (RFC 8032, 5.1). */
const ed25519Order = (1n << 252n) + 27742317777372353535851937790883648493n;

const edwards: SuitMutation[] = [
  attack({
    id: 'suit-eddsa-zero',
    kind: 'edge-value',
    name: 'with an Ed25519 signature of zeros',
    rationale:
      'R of low order and S = 0 satisfy the equation for keys of low order, which must not be usable.',
    references: ['RFC 8032, 5.1.7', 'Wycheproof, EdDSA'],
    refusedFor: 'signature',
    alter: (input) =>
      each(input, 'eddsa', ({ signature }) => Buffer.alloc(signature.end - signature.headEnd)),
  }),
  attack({
    id: 'suit-eddsa-s-plus-order',
    kind: 'encoding',
    // Verifiers differ in whether they check the bound; where other encodings are allowed, both are right.
    expectation: byPolicy('malleableSignatures', (value) => (value === 'refuse' ? mustReject : noCrash)),
    name: 'with S + L in place of S in its Ed25519 signature',
    rationale: 'RFC 8032 asks that S lies below L; without that check every signature has a twin.',
    references: ['RFC 8032, 5.1.7', 'Wycheproof, flag SignatureMalleability'],
    refusedFor: 'signature',
    alter: (input) =>
      each(input, 'eddsa', ({ signature: { headEnd, end } }) => {
        const bytes = Buffer.from(input.base.read(headEnd, end));
        if (bytes.length !== 64) return undefined;
        const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + ed25519Order;
        return s >= 1n << 256n ? undefined : Buffer.concat([bytes.subarray(0, 32), fixed(s, 32).reverse()]);
      }),
  }),
];

export const edgeValueMutations: readonly SuitMutation[] = [...ecdsaEdges, ...encodings, ...edwards];
