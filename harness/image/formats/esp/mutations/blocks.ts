/** Attacks on the fields of signature blocks, on their order, and on what lies between them. */

import { overwrite } from '../../../patch-set.ts';
import { withCrc, withField } from '../block.ts';
import { blockPatches, sectorPatch, withFreshSums } from '../edit.ts';
import { blockBytes, blockUsedBytes, crcAt, mostBlocks } from '../layout.ts';
import type { EspBlock } from '../parse.ts';
import {
  appVerifySource,
  attack,
  benign,
  guide,
  planOf,
  withBlocks,
  type EspInput,
  type EspMutation,
  type EspPlan,
} from './common.ts';

type Described = Omit<Parameters<typeof attack>[0], 'plan'>;

/** Every block of the image edited alike. */
function everyBlock(
  described: Described,
  edit: (block: EspBlock, input: EspInput) => Uint8Array | undefined,
  more: NonNullable<Parameters<typeof planOf>[2]> = {},
): EspMutation {
  return attack({
    invariants: ['same-length', 'signed-kept'],
    ...described,
    plan: (input) =>
      withBlocks(input, (_first, blocks) => {
        const patches = blocks.flatMap((block) => {
          const bytes = edit(block, input);
          return bytes === undefined ? [] : blockPatches(block, bytes);
        });
        if (patches.length === 0) return { doesNotApply: 'its blocks have no such field' };
        return planOf(input, patches, more);
      }),
  });
}

const crcStale = everyBlock(
  {
    id: 'esp-block-crc-wrong',
    kind: 'structure',
    name: 'whose signature blocks have a wrong CRC',
    rationale: 'A block whose CRC does not fit is no block, and an image without a block is unsigned.',
  },
  ({ bytes }) => withField(bytes, crcAt, Buffer.of((bytes[crcAt] ?? 0) ^ 1)),
  { refusedFor: 'block-crc' },
);

const magicWrong = everyBlock(
  {
    id: 'esp-block-magic',
    kind: 'structure',
    name: 'whose signature blocks have another magic byte',
    rationale: 'Without its magic the block is not one, whatever its CRC says.',
  },
  ({ bytes }) => withCrc(withField(bytes, 0, Buffer.of(0xe8))),
  { refusedFor: 'unsigned' },
);

const versionSwapped = everyBlock(
  {
    id: 'esp-block-version-swapped',
    kind: 'downgrade',
    name: 'whose signature blocks name the other scheme',
    rationale:
      'An RSA block that says ECDSA, or the other way: the fields are read at other places. Loaders that know one ' +
      'scheme only ignore the byte, and are right to.',
    references: [guide, appVerifySource],
    expectation: { class: 'no-crash-only' },
  },
  ({ bytes, version }) => withCrc(withField(bytes, 1, Buffer.of(version === 2 ? 3 : 2))),
);

const hashSwapped = everyBlock(
  {
    id: 'esp-block-hash-swapped',
    kind: 'downgrade',
    name: 'whose ECDSA blocks name the other hash',
    rationale:
      'A P-256 block that says SHA-384, or the other way: a digest of another length is read and compared.',
    references: ['esptool, espsecure verify_signature_v2'],
    expectation: { class: 'no-crash-only' },
  },
  ({ bytes, layout }) =>
    layout?.name === 'rsa' ? undefined : withCrc(withField(bytes, 2, Buffer.of((bytes[2] ?? 0) ^ 1))),
);

const legacyAltered = attack({
  id: 'esp-block-version-legacy-payload-altered',
  kind: 'downgrade',
  invariants: ['same-length', 'signature-kept'],
  name: 'altered, whose signature blocks name the scheme of secure boot v1',
  rationale: 'A version that is not known must end in a refusal, never in a check that is left out.',
  plan: (input) =>
    withBlocks(input, () => {
      const at = input.image.segments.at(-1)?.dataStart;
      if (at === undefined) return { doesNotApply: 'it has no segments' };
      const flipped = overwrite(at, Buffer.of((input.base.read(at, at + 1)[0] ?? 0) ^ 1));
      const content = withFreshSums(input.base, input.image, [flipped], 'content');
      const blocks = input.image.blocks.flatMap((block) =>
        blockPatches(block, withCrc(withField(block.bytes, 1, Buffer.of(1)))),
      );
      return planOf(input, [...content, ...blocks], { refusedFor: 'block-version' });
    }),
});

const digestField = everyBlock(
  {
    id: 'esp-block-digest-wrong',
    kind: 'structure',
    name: 'whose signature blocks have another copy of the digest',
    rationale:
      'The guide has it compared, ESP-IDF signs off on the digest that it computed itself; the signature is over the ' +
      'genuine code either way.',
    references: [guide, appVerifySource],
    expectation: benign,
  },
  ({ bytes }) => withCrc(withField(bytes, 4, Buffer.of((bytes[4] ?? 0) ^ 1))),
);

const reservedByte = everyBlock(
  {
    id: 'esp-block-reserved',
    kind: 'structure',
    name: 'whose signature blocks have other reserved bytes',
    rationale: 'Covered by the CRC alone, and read by nobody.',
    expectation: benign,
  },
  ({ bytes }) => withCrc(withField(bytes, 3, Buffer.of((bytes[3] ?? 0) ^ 1))),
);

const paddingByte = everyBlock(
  {
    id: 'esp-block-padding',
    kind: 'injection',
    name: 'with data in the padding of its signature blocks',
    rationale: 'Behind the CRC of a block nothing is covered by anything; nobody may use it.',
    expectation: benign,
  },
  ({ bytes }, { random }) => withField(bytes, blockUsedBytes, random('padding', blockBytes - blockUsedBytes)),
);

const slack = attack({
  id: 'esp-sector-slack',
  kind: 'injection',
  invariants: ['same-length', 'signed-kept', 'signature-kept'],
  name: 'with data in the unused end of its signature sector',
  rationale:
    'Behind the third slot the sector is covered by nothing; it is mapped with the code, and never may be run.',
  expectation: benign,
  plan: (input) =>
    withBlocks(input, () => {
      const at = input.image.signedEnd + mostBlocks * blockBytes;
      const bytes = input.image.sectorEnd - at;
      if (input.base.size < input.image.sectorEnd)
        return { doesNotApply: 'its signature sector is cut short' };
      return planOf(input, [overwrite(at, input.random('slack', bytes))]);
    }),
});

/** The sector anew from the image's own blocks: the signature stays a genuine one. */
function rearranged(
  described: Described,
  arrange: (blocks: readonly Buffer[], signatureAt: number) => readonly Buffer[] | string,
): EspMutation {
  return attack({
    expectation: benign,
    invariants: ['same-length', 'signed-kept'],
    ...described,
    plan: (input): EspPlan =>
      withBlocks(input, (first, blocks) => {
        const arranged = arrange(
          blocks.map(({ bytes }) => bytes),
          first.layout?.signature.at ?? 0,
        );
        if (typeof arranged === 'string') return { doesNotApply: arranged };
        return planOf(input, [sectorPatch(input.base, input.image, arranged)]);
      }),
  });
}

const oneBlock = 'it has one signature block only';
const empty = Buffer.alloc(blockBytes, 0xff);

const reordered = rearranged(
  {
    id: 'esp-blocks-reordered',
    kind: 'structure',
    name: 'with its signature blocks in another order',
    rationale: 'The order means nothing: any block of a trusted key vouches for the whole image.',
  },
  (blocks) => (blocks.length < 2 ? oneBlock : [...blocks].reverse()),
);

const lastOnly = rearranged(
  {
    id: 'esp-blocks-last-only',
    kind: 'structure',
    name: 'with the last of its signature blocks alone',
    rationale:
      'One trusted signature is enough, unless the eFuses have its key revoked; the code is the genuine one in any ' +
      'case.',
  },
  (blocks) => (blocks.length < 2 ? oneBlock : blocks.slice(-1)),
);

const movedToThird = rearranged(
  {
    id: 'esp-block-in-third-slot',
    kind: 'structure',
    name: 'with its signature block in the third slot, the two before it erased',
    rationale: 'Loaders may stop at the first slot that holds no block, or look into all three.',
  },
  (blocks) => (blocks.length === 1 ? [empty, empty, ...blocks] : 'it has several signature blocks'),
);

const repeated = rearranged(
  {
    id: 'esp-block-repeated',
    kind: 'structure',
    name: 'with its signature block in all three slots',
    rationale: 'The same good signature thrice is still a good signature.',
  },
  ([first]) => (first === undefined ? oneBlock : [first, first, first]),
);

const damagedFirst = rearranged(
  {
    id: 'esp-block-damaged-before-genuine',
    kind: 'structure',
    name: 'with a damaged copy of its signature block before the genuine one',
    rationale:
      'A block with a bad CRC is passed over or ends the search; a good one behind it vouches for good code.',
  },
  ([first, ...more]) => {
    if (first === undefined || more.length > 1) return 'all three slots are used';
    return [withField(first, crcAt, Buffer.of((first[crcAt] ?? 0) ^ 1)), first, ...more];
  },
);

const badSignatureFirst = rearranged(
  {
    id: 'esp-block-bad-signature-before-genuine',
    kind: 'structure',
    name: 'with a copy of its signature block with a bad signature before the genuine one',
    rationale:
      'The first block of a trusted key fails, the second is good: refused or taken, the code is genuine.',
  },
  ([first, ...more], at) => {
    if (first === undefined || more.length > 1) return 'all three slots are used';
    return [withCrc(withField(first, at, Buffer.of((first[at] ?? 0) ^ 1))), first, ...more];
  },
);

export const blockMutations: readonly EspMutation[] = [
  crcStale,
  magicWrong,
  versionSwapped,
  hashSwapped,
  legacyAltered,
  digestField,
  reservedByte,
  paddingByte,
  slack,
  reordered,
  lastOnly,
  movedToThird,
  repeated,
  damagedFirst,
  badSignatureFirst,
];
