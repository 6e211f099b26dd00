/** The trailer of an image that is padded to its slot: unsigned state of the loader, written by whoever sends it. */

import type { TrailerField } from '../layout.ts';
import { overwrite } from '../../../patch-set.ts';
import {
  benign,
  designDoc,
  mustReject,
  noCrash,
  planOf,
  type McubootInput,
  type McubootMutation,
} from './common.ts';

const references = [`${designDoc}, Image trailer`];
const shared = { kind: 'loader-state', attackerModel: 'network', needs: [] } as const;

function forged(
  id: string,
  name: string,
  rationale: string,
  fields: readonly (readonly [TrailerField, Uint8Array])[],
): McubootMutation {
  return {
    ...shared,
    id: `mcuboot-trailer-${id}`,
    name,
    rationale,
    references,
    invariants: ['same-length', 'signed-kept', 'signature-kept'],
    expectation: benign,
    plan: (input) => {
      const { trailer } = input.image;
      const patches = fields.flatMap(([field, bytes]) => {
        const found = trailer?.fields.find(({ name: one }) => one === field);
        return found === undefined ? [] : [overwrite(found.start, bytes)];
      });
      return patches.length < fields.length
        ? { doesNotApply: 'the image is not padded to a slot' }
        : planOf(input, patches);
    },
  };
}

const set = Buffer.of(1);

const magicBroken: McubootMutation = {
  ...shared,
  id: 'mcuboot-trailer-magic',
  name: 'with the magic number of its trailer damaged',
  rationale: 'Without it there is no request for an update, or one that the device makes itself.',
  references,
  invariants: ['same-length', 'signed-kept', 'signature-kept'],
  expectation: ({ appendedData }) => (appendedData === 'refuse' ? noCrash : benign),
  plan: (input) => {
    const { trailer } = input.image;
    if (trailer === undefined) return { doesNotApply: 'the image is not padded to a slot' };
    const at = trailer.magicAt + 15;
    const old = input.base.read(at, at + 1)[0] ?? 0;
    return planOf(input, [overwrite(at, Buffer.of(old ^ 1))]);
  },
};

/** What an attacker would like the loader to read behind an image that has no trailer. */
function appendedTrailer(): McubootMutation {
  return {
    ...shared,
    id: 'mcuboot-trailer-appended',
    name: 'with a trailer directly behind it that calls it confirmed',
    rationale: 'Only what the loader wrote, where the slot ends, is its state.',
    references,
    invariants: ['base-is-prefix'],
    expectation: ({ appendedData }) => (appendedData === 'refuse' ? noCrash : benign),
    plan: ({ base }: McubootInput) => ({
      patches: [{ at: base.size, remove: 0, insert: [{ kind: 'bytes', bytes: confirmed }] }],
      touches: ['end-of-file'],
    }),
  };
}

/** swap_info, copy_done, image_ok, each in 8 bytes, and the magic number. */
const confirmed = Buffer.from(
  `ff${'ff'.repeat(7)}01${'ff'.repeat(7)}01${'ff'.repeat(7)}77c295f360d2ef7f3552500f2cb67980`,
  'hex',
);

/** Data that is meant to be found by who searches behind the image. */
function appendedCopy(): McubootMutation {
  return {
    id: 'mcuboot-appended-second-image',
    kind: 'appended',
    name: 'with a copy of itself appended, one payload bit flipped',
    rationale: 'Behind the image lies another that nobody signed: it must never be found.',
    references: ['SIG-14', 'MCUboot issue #1894'],
    attackerModel: 'network',
    needs: [],
    invariants: ['base-is-prefix'],
    expectation: ({ appendedData }) => (appendedData === 'refuse' ? mustReject : benign),
    plan: ({ base, image }) => {
      const at = image.header?.fields.hdr_size ?? 0;
      const old = base.read(at, at + 1)[0];
      if (old === undefined) return { doesNotApply: 'the image has no payload' };
      return {
        patches: [
          {
            at: base.size,
            remove: 0,
            insert: [
              { kind: 'copy', start: 0, end: at },
              { kind: 'bytes', bytes: Buffer.of(old ^ 1) },
              { kind: 'copy', start: at + 1, end: image.imageEnd },
            ],
          },
        ],
        touches: ['end-of-file'],
      };
    },
  };
}

export const trailerMutations: readonly McubootMutation[] = [
  forged(
    'image-ok',
    'with a trailer that calls it confirmed',
    'The device then keeps an image for good that never ran; it is still the genuine one.',
    [['image_ok', set]],
  ),
  forged('copy-done', 'with a trailer that calls its swap complete', 'The loader may take it for done.', [
    ['copy_done', set],
  ]),
  forged('swap-info', 'with a trailer that asks for a revert', 'The state of a swap that never was.', [
    ['swap_info', Buffer.of(0x04)],
  ]),
  forged(
    'swap-size',
    'with a trailer that tells of a swap of 4 GiB',
    'The size is read before it is checked.',
    [['swap_size', Buffer.of(0xff, 0xff, 0xff, 0x7f)]],
  ),
  forged('everything', 'with every field of its trailer forged', 'State that no loader would write.', [
    ['image_ok', Buffer.of(0xaa)],
    ['copy_done', Buffer.of(0xaa)],
    ['swap_info', Buffer.of(0xaa)],
    ['swap_size', Buffer.of(0xaa, 0xaa, 0xaa, 0xaa)],
  ]),
  magicBroken,
  appendedTrailer(),
  appendedCopy(),
];
