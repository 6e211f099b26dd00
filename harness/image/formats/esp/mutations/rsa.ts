/** Attacks on the RSA fields of signature blocks. */

import { withCrc, withField } from '../block.ts';
import { blockPatches } from '../edit.ts';
import { encodePss, fromBytes, reversed, rsaBytes, toLittleEndian } from '../keys.ts';
import { rsaLayout } from '../layout.ts';
import { blockField, type EspBlock } from '../parse.ts';
import { signedDigest, type Refusal } from '../verify.ts';
import { attack, benign, guide, planOf, withBlocks, type EspInput, type EspMutation } from './common.ts';

type Described = Omit<Parameters<typeof attack>[0], 'plan'>;

/** Every RSA block edited alike, its CRC fitting unless it is to be stale. */
function everyRsaBlock(
  described: Described,
  edit: (block: EspBlock, input: EspInput) => Buffer,
  refusedFor: Refusal | undefined,
  crc: 'fresh' | 'stale' = 'fresh',
): EspMutation {
  return attack({
    invariants: ['same-length', 'signed-kept'],
    ...described,
    plan: (input) =>
      withBlocks(input, (first, blocks) => {
        if (first.layout?.name !== 'rsa') return { doesNotApply: 'it is not signed with RSA' };
        const patches = blocks.flatMap((block) => {
          const edited = edit(block, input);
          return blockPatches(block, crc === 'fresh' ? withCrc(edited) : edited);
        });
        return planOf(input, patches, refusedFor === undefined ? {} : { refusedFor });
      }),
  });
}

const places = new Map(rsaLayout.fields.map(({ name, at }) => [name, at]));
const put = (block: Uint8Array, name: string, bytes: Uint8Array): Buffer =>
  withField(block, places.get(name) ?? 0, bytes);

/** A field of the public key with one bit flipped, the CRC stale and fresh. */
function keyFieldPair(name: string, words: string, why: string): EspMutation[] {
  const id = `esp-rsa-${name.toLowerCase().replace('_', '-')}`;
  const flip = ({ bytes }: EspBlock): Buffer => {
    const at = (places.get(name) ?? 0) + 1;
    return withField(bytes, at, Buffer.of((bytes[at] ?? 0) ^ 2));
  };
  const common = { kind: 'signature', rationale: why, references: ['SIG-06', guide] } as const;
  return [
    everyRsaBlock(
      { ...common, id: `${id}-stale-crc`, name: `with another ${words}` },
      flip,
      'block-crc',
      'stale',
    ),
    everyRsaBlock(
      {
        ...common,
        id: `${id}-fresh-crc`,
        name: `with another ${words}, its CRC recomputed`,
        rationale: `${why} The CRC fits, so that only the key’s digest can tell.`,
      },
      flip,
      'unknown-key',
    ),
  ];
}

const exponentOne = everyRsaBlock(
  {
    id: 'esp-rsa-exponent-one',
    kind: 'edge-value',
    name: 'with the exponent 1, and the encoded message for its signature',
    rationale:
      'With e = 1 everybody signs for every modulus. The exponent is among the bytes whose digest the eFuses hold: a ' +
      'loader that compares the modulus only is lost.',
    references: ['SIG-06', guide],
  },
  ({ bytes }, input) => {
    const message = encodePss(signedDigest(input.base, input.image), input.random('salt', 32));
    const exponent = Buffer.from([1, 0, 0, 0]);
    return put(put(bytes, 'e', exponent), 'signature', reversed(message));
  },
  'unknown-key',
);

const montgomeryZero = everyRsaBlock(
  {
    id: 'esp-rsa-montgomery-zeroed',
    kind: 'edge-value',
    name: 'with zeros for the numbers that speed up its RSA operation',
    rationale:
      'R and M′ follow from n and are handed to the RSA unit as they are: with others it computes something else than ' +
      'a power of the signature. They are among the bytes of the key’s digest.',
  },
  ({ bytes }) => put(put(bytes, 'R', Buffer.alloc(rsaBytes)), 'M_prime', Buffer.alloc(4)),
  'unknown-key',
);

/** A signature that is a chosen number, by the modulus. */
function chosen(id: string, words: string, value: (n: bigint) => bigint): EspMutation {
  return everyRsaBlock(
    {
      id: `esp-rsa-signature-${id}`,
      kind: 'edge-value',
      name: `whose RSA signature is ${words}`,
      rationale:
        'Its power is known without any key; and numbers from the modulus on are no signatures at all.',
      references: ['RFC 8017, 5.2.2', guide],
    },
    (block) => {
      const n = fromBytes(reversed(blockField(block, 'n')));
      return put(block.bytes, 'signature', toLittleEndian(value(n), rsaBytes));
    },
    'signature',
  );
}

const bigEndian = everyRsaBlock(
  {
    id: 'esp-rsa-signature-byte-order',
    kind: 'encoding',
    name: 'whose RSA signature has its bytes in the other order',
    rationale: 'Numbers are little-endian here and big-endian everywhere else: exactly one order is right.',
  },
  (block) => put(block.bytes, 'signature', reversed(blockField(block, 'signature'))),
  'signature',
);

const noReserved = everyRsaBlock(
  {
    id: 'esp-rsa-reserved-first',
    kind: 'structure',
    name: 'whose RSA blocks have another byte where ECDSA blocks name a hash',
    rationale: 'For RSA the byte is reserved, and covered by the CRC alone.',
    expectation: benign,
  },
  ({ bytes }) => withField(bytes, 2, Buffer.of(1)),
  undefined,
);

export const rsaMutations: readonly EspMutation[] = [
  ...keyFieldPair(
    'n',
    'RSA modulus',
    'The public key comes with the image: all of it is compared with the eFuses.',
  ),
  ...keyFieldPair('e', 'RSA exponent', 'The exponent belongs to the key as much as the modulus does.'),
  ...keyFieldPair('R', 'Montgomery number R', 'R is used as it stands, and so belongs to the key.'),
  ...keyFieldPair('M_prime', 'Montgomery number M′', 'M′ is used as it stands, and so belongs to the key.'),
  exponentOne,
  montgomeryZero,
  chosen('zero', 'zero', () => 0n),
  chosen('one', 'one', () => 1n),
  chosen('modulus-minus-one', 'the modulus less one', (n) => n - 1n),
  chosen('modulus', 'the modulus', (n) => n),
  chosen('all-ones', 'the largest number that fits', () => (1n << BigInt(8 * rsaBytes)) - 1n),
  bigEndian,
  noReserved,
];
