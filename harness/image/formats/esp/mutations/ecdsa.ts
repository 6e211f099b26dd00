/**
 * Attacks on the ECDSA fields of signature blocks. Numbers outside 1 … n − 1 matter most where the boot ROM verifies:
 * several chips did not check them (Espressif AR2026-006).
 */

import { overwrite, type Patch } from '../../../patch-set.ts';
import { withCrc, withField } from '../block.ts';
import { blockPatches, withFreshSums } from '../edit.ts';
import { toLittleEndian } from '../keys.ts';
import { blockField, type EspBlock } from '../parse.ts';
import { ecdsaOf, signedDigest, type Refusal } from '../verify.ts';
import {
  alteredBy,
  attack,
  guide,
  harmlessUnless,
  planOf,
  withBlocks,
  type EspInput,
  type EspMutation,
} from './common.ts';

type Described = Omit<Parameters<typeof attack>[0], 'plan'>;
type Parts = NonNullable<ReturnType<typeof ecdsaOf>>;

const advisory = 'Espressif security advisory AR2026-006';

/** Every ECDSA block edited alike, its CRC fitting. */
function everyEcdsaBlock(
  described: Described,
  edit: (block: EspBlock, parts: Parts, input: EspInput) => Buffer | string,
  refusedFor: Refusal | undefined,
): EspMutation {
  return attack({
    invariants: ['same-length', 'signed-kept'],
    ...described,
    plan: (input) =>
      withBlocks(input, (_first, blocks) => {
        const patches: Patch[] = [];
        for (const block of blocks) {
          const parts = ecdsaOf(block);
          const edited = parts === undefined ? 'it is not signed with ECDSA' : edit(block, parts, input);
          if (typeof edited === 'string') return { doesNotApply: edited };
          patches.push(...blockPatches(block, withCrc(edited)));
        }
        return planOf(input, patches, refusedFor === undefined ? {} : { refusedFor });
      }),
  });
}

function withPair(block: EspBlock, { curve }: Parts, r: bigint, s: bigint): Buffer {
  const pair = Buffer.concat([toLittleEndian(r, curve.bytes), toLittleEndian(s, curve.bytes)]);
  return withField(block.bytes, block.layout?.signature.at ?? 0, pair);
}

/** r and s by the genuine ones and the order. */
type Pair = (parts: { r: bigint; s: bigint; order: bigint; most: bigint }) => readonly [bigint, bigint];

const pairs: readonly { id: string; words: string; pair: Pair }[] = [
  { id: 'zero-zero', words: 'r = s = 0', pair: () => [0n, 0n] },
  { id: 'zero-one', words: 'r = 0, s = 1', pair: () => [0n, 1n] },
  { id: 'one-zero', words: 'r = 1, s = 0', pair: () => [1n, 0n] },
  { id: 'one-one', words: 'r = s = 1', pair: () => [1n, 1n] },
  { id: 'r-zero', words: 'its r and s = 0', pair: ({ r }) => [r, 0n] },
  { id: 'zero-s', words: 'r = 0 and its s', pair: ({ s }) => [0n, s] },
  { id: 'n-n', words: 'r = s = n', pair: ({ order }) => [order, order] },
  { id: 'n-zero', words: 'r = n, s = 0', pair: ({ order }) => [order, 0n] },
  { id: 'zero-n', words: 'r = 0, s = n', pair: ({ order }) => [0n, order] },
  { id: 'n-one', words: 'r = n, s = 1', pair: ({ order }) => [order, 1n] },
  { id: 'r-n', words: 'its r and s = n', pair: ({ r, order }) => [r, order] },
  { id: 'n-s', words: 'r = n and its s', pair: ({ s, order }) => [order, s] },
  { id: 'n-plus-one', words: 'r = s = n + 1', pair: ({ order }) => [order + 1n, order + 1n] },
  { id: 'n-minus-one', words: 'r = s = n − 1', pair: ({ order }) => [order - 1n, order - 1n] },
  { id: 'all-ones', words: 'the largest r and s that fit', pair: ({ most }) => [most, most] },
  { id: 'swapped', words: 'r and s exchanged', pair: ({ r, s }) => [s, r] },
  { id: 'negated-r', words: 'n − r for r', pair: ({ r, s, order }) => [order - r, s] },
];

const edgeValues = pairs.map(({ id, words, pair }) =>
  everyEcdsaBlock(
    {
      id: `esp-ecdsa-${id}`,
      kind: 'edge-value',
      name: `whose ECDSA signature has ${words}`,
      rationale:
        'Both numbers must lie in 1 … n − 1 and fit the digest; boot ROMs have skipped the first of the two.',
      references: [advisory, 'FIPS 186-5, 6.4.2', 'Wycheproof, ecdsa_secp256r1_sha256'],
    },
    (block, parts) => {
      const { order, bytes } = parts.curve;
      const [r, s] = pair({ ...parts, order, most: (1n << BigInt(8 * bytes)) - 1n });
      return withPair(block, parts, r, s);
    },
    'signature',
  ),
);

/** On the boot path with code that nobody signed: what an attacker at the flash really does. */
function alteredWith(id: string, words: string, value: (order: bigint) => bigint): EspMutation {
  return attack({
    id: `esp-ecdsa-${id}-payload-altered`,
    kind: 'edge-value',
    invariants: ['same-length'],
    name: `altered, every sum recomputed, whose ECDSA signature has ${words}`,
    rationale: 'A verifier that takes the degenerate numbers for good ones runs any code.',
    references: [advisory, 'CVE-2022-21449 (the same fault elsewhere)'],
    attackerModel: 'storage',
    plan: (input) =>
      withBlocks(input, (first, blocks) => {
        const at = input.image.segments.at(-1)?.dataStart;
        if (ecdsaOf(first) === undefined || at === undefined)
          return { doesNotApply: 'it is not signed with ECDSA' };
        const flipped = overwrite(at, Buffer.of((input.base.read(at, at + 1)[0] ?? 0) ^ 1));
        const content = withFreshSums(input.base, input.image, [flipped], 'content');
        const altered = alteredBy(input.base, content);
        const edited = blocks.flatMap((block) => {
          const parts = ecdsaOf(block);
          if (parts === undefined) return [];
          const number = value(parts.curve.order);
          const digest = signedDigest(altered, input.image, block.layout?.hash ?? 'sha256');
          const bytes = withField(withPair(block, parts, number, number), 4, digest);
          return blockPatches(block, withCrc(bytes));
        });
        return planOf(input, [...content, ...edited], { refusedFor: 'signature' });
      }),
  });
}

const highS = everyEcdsaBlock(
  {
    id: 'esp-ecdsa-high-s',
    kind: 'encoding',
    name: 'whose ECDSA signature has n − s for s',
    rationale:
      'The same signature in its other form: as good as the first, unless the device takes low s only.',
    references: ['BIP 146', 'FIPS 186-5, 6.4.2'],
    expectation: harmlessUnless('malleableSignatures', 'refuse'),
  },
  (block, parts) => {
    const { order } = parts.curve;
    if (2n * parts.s > order) return 'its s is above half the order already: the device takes such numbers';
    return withPair(block, parts, parts.r, order - parts.s);
  },
  undefined,
);

const byteOrder = everyEcdsaBlock(
  {
    id: 'esp-ecdsa-byte-order',
    kind: 'encoding',
    name: 'whose ECDSA numbers have their bytes in the other order',
    rationale: 'Numbers are little-endian here and big-endian everywhere else: exactly one order is right.',
  },
  (block, { curve }) => {
    const field = Buffer.from(blockField(block, 'signature'));
    field.subarray(0, curve.bytes).reverse();
    field.subarray(curve.bytes, 2 * curve.bytes).reverse();
    return withField(block.bytes, block.layout?.signature.at ?? 0, field);
  },
  'signature',
);

const otherCurve = everyEcdsaBlock(
  {
    id: 'esp-ecdsa-curve-swapped',
    kind: 'downgrade',
    name: 'whose signature blocks name another curve',
    rationale:
      'The curve is the first byte of what the eFuses hold the digest of: a weaker one is another key.',
    references: ['SIG-06', guide],
  },
  (block, { curve }) => withField(block.bytes, block.layout?.key.at ?? 0, Buffer.of(curve.id === 1 ? 2 : 1)),
  'unknown-key',
);

const otherPoint = everyEcdsaBlock(
  {
    id: 'esp-ecdsa-point-zero',
    kind: 'edge-value',
    name: 'whose ECDSA public key is all zeros',
    rationale: 'A point that is on no curve verifies strange things; its digest is in no eFuse.',
    references: ['SIG-06', guide],
  },
  (block, { curve }) =>
    withField(block.bytes, (block.layout?.key.at ?? 0) + 1, Buffer.alloc(2 * curve.bytes)),
  'unknown-key',
);

const pointBit = everyEcdsaBlock(
  {
    id: 'esp-ecdsa-point-bit',
    kind: 'signature',
    name: 'with one bit of its ECDSA public key flipped, the CRC recomputed',
    rationale: 'The public key comes with the image: all of it is compared with the eFuses.',
    references: ['SIG-06', guide],
  },
  (block) => {
    const at = (block.layout?.key.at ?? 0) + 1;
    return withField(block.bytes, at, Buffer.of((block.bytes[at] ?? 0) ^ 1));
  },
  'unknown-key',
);

export const ecdsaMutations: readonly EspMutation[] = [
  ...edgeValues,
  alteredWith('zero-zero', 'r = s = 0', () => 0n),
  alteredWith('n-n', 'r = s = n', (order) => order),
  highS,
  byteOrder,
  otherCurve,
  otherPoint,
  pointBit,
];
