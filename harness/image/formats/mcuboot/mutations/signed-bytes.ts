/**
 * Attacks on the bytes that an MCUboot signature covers: each alteration twice, with the digest TLV stale and fresh,
 * so that neither check hides the other.
 */

import { setHeader, withFreshDigests } from '../edit.ts';
import { digestEntries } from '../signatures.ts';
import { type HeaderField } from '../layout.ts';
import { regionNamed, type Region } from '../../../image.ts';
import type { AttackKind, DoesNotApply, Need, Plan } from '../../../mutation.ts';
import { overwrite } from '../../../patch-set.ts';
import { designDoc, mustReject, refusedFor, type McubootInput, type McubootMutation } from './common.ts';

export type Alteration = (input: McubootInput) => Plan | DoesNotApply;

export interface Altering {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  alter: Alteration;
  /** None when absent. */
  needs?: readonly Need[];
  /** Of the pair; `standard` only for what every run tries. */
  depth?: 'standard';
}

export function isolatingPair(altering: Altering): McubootMutation[] {
  const { alter, ...described } = altering;
  const common = {
    attackerModel: altering.needs === undefined ? 'network' : 'stolen-old-image',
    needs: altering.needs ?? [],
    expectation: mustReject,
  } as const;
  const stale: McubootMutation = {
    ...described,
    ...common,
    id: `${altering.id}-stale-digest`,
    plan: (input) => refusedFor(alter(input), digestEntries(input.image).length > 0 ? 'digest' : 'signature'),
  };
  const fresh: McubootMutation = {
    ...described,
    ...common,
    id: `${altering.id}-fresh-digest`,
    name: `${altering.name}, its digest recomputed`,
    rationale: `${altering.rationale} The digest fits, so that only the signature can tell.`,
    plan: (input) => {
      if (input.image.encrypted) return { doesNotApply: 'the digest is that of the plain payload' };
      if (digestEntries(input.image).length === 0) return { doesNotApply: 'the image has no digest' };
      const plan = alter(input);
      if ('doesNotApply' in plan) return plan;
      const { patches, digests } = withFreshDigests(input.base, input.image, plan.patches);
      const touches = [...plan.touches, ...digests.map(({ region }) => region)];
      return refusedFor({ ...plan, patches, touches }, 'signature');
    },
  };
  return [stale, fresh];
}

function payloadFlip(where: 'first' | 'middle' | 'last'): McubootMutation[] {
  return isolatingPair({
    id: `mcuboot-payload-${where}-bit`,
    kind: 'payload',
    depth: 'standard',
    name: `with one bit of its ${where} payload byte flipped`,
    rationale: 'The whole payload must be covered, to its edges.',
    references: ['SIG-02', 'MCUboot sim, bad_secondary_slot'],
    alter: (input) => {
      const payload = regionNamed(input.image, 'payload');
      if (payload === undefined) return { doesNotApply: 'the image has no payload' };
      const at = offsetIn(payload, where);
      const bit = (input.random('bit', 1)[0] ?? 0) & 7;
      const old = input.base.read(at, at + 1)[0] ?? 0;
      return {
        patches: [overwrite(at, Buffer.of(old ^ (1 << bit)))],
        touches: ['payload'],
        facts: { offset: at, bit },
      };
    },
  });
}

function offsetIn({ start, end }: Region, where: 'first' | 'middle' | 'last'): number {
  if (where === 'first') return start;
  return where === 'last' ? end - 1 : start + Math.floor((end - start) / 2);
}

function headerChange(
  field: HeaderField,
  words: { id: string; name: string; rationale: string },
  change: (value: number) => number,
): McubootMutation[] {
  return isolatingPair({
    ...words,
    kind: 'metadata',
    depth: 'standard',
    references: ['SIG-03', `${designDoc}, Image format`],
    alter: ({ image }) => {
      const from = image.header?.fields[field];
      if (from === undefined) return { doesNotApply: 'the image has no header' };
      const to = change(from);
      return { patches: [setHeader(image, field, to)], touches: [`header.${field}`], facts: { from, to } };
    },
  });
}

const versionRaised = headerChange(
  'version.minor',
  {
    id: 'mcuboot-header-version',
    name: 'with its version raised',
    rationale: 'An old image passes for a new one when the version is not covered.',
  },
  (minor) => (minor + 1) & 0xff,
);

const loadAddressMoved = headerChange(
  'load_addr',
  {
    id: 'mcuboot-header-load-addr',
    name: 'with another load address',
    rationale: 'Code executed elsewhere than it was built for, or written over the loader, is other code.',
  },
  (address) => (address ^ 0x1000) >>> 0,
);

const grownBytes = 4;

const imageGrown = isolatingPair({
  id: 'mcuboot-header-img-size',
  kind: 'metadata',
  depth: 'standard',
  name: `with a payload and size field ${grownBytes} bytes longer`,
  rationale: 'Size and payload agree, so that nothing but digest and signature can tell.',
  references: ['SIG-03', `${designDoc}, Image format`],
  alter: ({ image }) => {
    const payload = regionNamed(image, 'payload');
    const from = image.header?.fields.img_size ?? 0;
    if (payload === undefined) return { doesNotApply: 'the image has no payload' };
    if (from + grownBytes > 0xffff_ffff) return { doesNotApply: 'the size field is at its end' };
    return {
      patches: [
        setHeader(image, 'img_size', from + grownBytes),
        // Replaces the last byte by itself and the growth: the patch lies inside the payload.
        {
          at: payload.end - 1,
          remove: 1,
          insert: [
            { kind: 'copy', start: payload.end - 1, end: payload.end },
            { kind: 'fill', byte: 0xff, count: grownBytes },
          ],
        },
      ],
      touches: ['header.img_size', 'payload'],
      facts: { from, to: from + grownBytes },
    };
  },
});

const imageSizeLie: McubootMutation = {
  id: 'mcuboot-header-img-size-lie',
  kind: 'metadata',
  depth: 'standard',
  invariants: ['same-length', 'signature-kept'],
  name: 'with a size field that does not fit its payload',
  rationale: 'Where the signed part ends is itself read from unverified bytes.',
  references: ['SIG-03', `${designDoc}, Image format`],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: ({ image }) => {
    const from = image.header?.fields.img_size ?? 0;
    const to = from < grownBytes ? from + grownBytes : from - grownBytes;
    return refusedFor(
      { patches: [setHeader(image, 'img_size', to)], touches: ['header.img_size'], facts: { from, to } },
      'format',
    );
  },
};

export const signedBytesMutations: readonly McubootMutation[] = [
  ...payloadFlip('first'),
  ...payloadFlip('middle'),
  ...payloadFlip('last'),
  ...versionRaised,
  ...loadAddressMoved,
  ...imageGrown,
  imageSizeLie,
];
