/** Attacks on the length of ESP images. */

import { cut } from '../../../patch-set.ts';
import { blockUsedBytes } from '../layout.ts';
import type { EspImage } from '../parse.ts';
import {
  attack,
  benign,
  foreignBlock,
  guide,
  harmlessUnless,
  mustReject,
  planOf,
  withBlocks,
  type EspMutation,
} from './common.ts';

function appended(bytes: number, words: string, depth: 'standard' | 'full'): EspMutation {
  return attack({
    id: `esp-appended-${bytes}`,
    kind: 'appended',
    depth,
    invariants: ['base-is-prefix'],
    name: `with ${words} appended`,
    rationale:
      'What lies behind the signature sector is unsigned: it may be refused or ignored, and must never be executed, ' +
      'not even where the last page of the code is mapped with it.',
    references: ['SIG-14', `${guide}, Secure Padding`],
    expectation: harmlessUnless('appendedData', 'refuse'),
    plan: ({ base, random }) => ({
      patches: [
        {
          at: base.size,
          remove: 0,
          insert: [{ kind: 'fill', byte: random('fill', 1)[0] ?? 0, count: bytes }],
        },
      ],
      touches: ['end-of-file'],
    }),
  });
}

const appendedSector = attack({
  id: 'esp-appended-foreign-sector',
  kind: 'appended',
  invariants: ['base-is-prefix'],
  name: 'with a second signature sector of an unknown key behind the first',
  rationale:
    'Signing tools look for the sector at the end of the file, loaders where the image ends: two answers are two ' +
    'images.',
  references: ['SIG-14', 'esptool, espsecure validate_signature_block'],
  attackerModel: 'foreign-key',
  expectation: harmlessUnless('appendedData', 'refuse'),
  plan: (input) =>
    withBlocks(input, (first) => {
      const block = foreignBlock(input, first, input.base);
      return {
        patches: [
          {
            at: input.base.size,
            remove: 0,
            insert: [
              { kind: 'bytes', bytes: block },
              { kind: 'fill', byte: 0xff, count: 4096 - block.length },
            ],
          },
        ],
        touches: ['end-of-file'],
      };
    }),
});

function truncated(
  id: string,
  name: string,
  rationale: string,
  harm: 'none' | 'some',
  endOf: (image: EspImage) => number | undefined,
): EspMutation {
  return attack({
    id: `esp-truncated-${id}`,
    kind: 'truncated',
    depth: 'standard',
    invariants: ['is-prefix-of-base'],
    name,
    rationale,
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    expectation: harm === 'none' ? benign : mustReject,
    plan: (input) =>
      withBlocks(input, () => {
        const { base, image } = input;
        const end = endOf(image);
        if (end === undefined || end >= base.size) return { doesNotApply: 'it is shorter than that' };
        return {
          ...planOf(input, [cut(end, base.size - end)], { facts: { bytesLeft: end } }),
          ...(harm === 'none' ? {} : { refusedFor: 'truncated' }),
        };
      }),
  });
}

const broken = 'A transfer that broke off, or was broken off, must not leave an image that runs.';

/** Behind the last block: from here on there is only what nobody covers. */
function slackOf(image: EspImage): number {
  return Math.max(...image.blocks.map(({ start }) => start + blockUsedBytes), 0);
}

const truncations = [
  truncated(
    'one-byte',
    'one byte short',
    'The byte that is missing is erased flash, and is found as erased flash: the device has every byte that counts.',
    'none',
    (image) => Math.max(image.sectorEnd - 1, slackOf(image)),
  ),
  truncated(
    'behind-signature',
    'cut just behind its last signature block',
    'The rest of the sector is unused: whoever writes whole sectors, or refuses a short file, is right either way.',
    'none',
    slackOf,
  ),
  truncated('half', 'cut in half', broken, 'some', (image) => Math.floor(image.signedEnd / 2)),
  truncated(
    'before-signature',
    'cut just before its signature sector',
    broken,
    'some',
    (image) => image.signedEnd,
  ),
  truncated(
    'inside-signature',
    'cut inside its first signature block',
    'Half a signature, and behind it whatever the flash held before.',
    'some',
    (image) => image.signedEnd + 600,
  ),
  truncated('inside-header', 'cut inside its header', broken, 'some', () => 20),
];

export const lengthMutations: readonly EspMutation[] = [
  appended(1, 'one byte', 'standard'),
  appended(4096, '4 KiB', 'standard'),
  appended(65536, '64 KiB, a page of the flash map,', 'full'),
  appendedSector,
  ...truncations,
];
