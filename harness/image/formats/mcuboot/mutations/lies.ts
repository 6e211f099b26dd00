/** Every length field of an MCUboot image, with every wrong value that matters. */

import { setHeader } from '../edit.ts';
import {
  digestTypes,
  encodeUint,
  encryptionTypes,
  signatureTypes,
  tlvTypes,
  type HeaderField,
} from '../layout.ts';
import type { Tlv } from '../parse.ts';
import { overwrite } from '../../../patch-set.ts';
import { mustReject, noCrash, planOf, tlvSource, type McubootInput, type McubootMutation } from './common.ts';

/** A length field of this image: where, how wide, what it says. */
interface LengthField {
  at: number;
  bytes: number;
  value: number;
}

interface Lying {
  id: string;
  /** `its header size`: completes "with … said to be 0". */
  what: string;
  /** Signed fields are refused for it, whatever they say. */
  signed: boolean;
  field: (input: McubootInput) => LengthField | undefined;
}

const lies = [
  { id: 'zero', words: 'said to be 0', of: () => 0 },
  { id: 'one-less', words: 'said to be 1 less than it is', of: (value: number) => value - 1 },
  { id: 'one-more', words: 'said to be 1 more than it is', of: (value: number) => value + 1 },
  {
    id: 'max',
    words: 'said to be as large as can be written',
    of: (_: number, bytes: number) => 256 ** bytes - 1,
  },
] as const;

function lying({ id, what, signed, field }: Lying): McubootMutation[] {
  return lies.map((lie) => ({
    id: `mcuboot-length-${id}-${lie.id}`,
    kind: 'structure',
    invariants: signed ? ['same-length', 'signature-kept'] : ['same-length', 'signed-kept'],
    name: `with ${what} ${lie.words}`,
    rationale: signed
      ? 'Lengths are read before anything is verified; a wrong one must neither crash nor move what is covered.'
      : 'Nobody signed this length: it must not be trusted beyond the slot, and loaders differ in what they let pass.',
    references: [tlvSource, 'CWE-130'],
    attackerModel: 'network',
    needs: [],
    expectation: signed ? mustReject : noCrash,
    plan: (input) => {
      const found = field(input);
      if (found === undefined) return { doesNotApply: `the image does not have ${what}` };
      const to = lie.of(found.value, found.bytes);
      if (to === found.value || to < 0 || to >= 256 ** found.bytes) {
        return { doesNotApply: `${found.value} cannot be ${lie.words}` };
      }
      const patch = overwrite(found.at, encodeUint(to, found.bytes, input.image.endian));
      return planOf(input, [patch], { facts: { from: found.value, to } });
    },
  }));
}

function header(field: HeaderField, at: number, bytes: number, what: string): Lying {
  return {
    id: field.replaceAll('_', '-'),
    what,
    signed: true,
    field: ({ image }) => {
      const value = image.header?.fields[field];
      return value === undefined ? undefined : { at, bytes, value };
    },
  };
}

function entry(id: string, what: string, area: Tlv['area'], types: (type: number) => boolean): Lying {
  return {
    id,
    what,
    signed: area === 'protected',
    field: ({ image }) => {
      const tlv = image.tlvs.find((one) => one.area === area && types(one.type));
      return tlv === undefined ? undefined : { at: tlv.start + 2, bytes: 2, value: tlv.claimedBytes };
    },
  };
}

function area(kind: Tlv['area']): Lying {
  return {
    id: `${kind}-area`,
    what: `its ${kind} TLV area`,
    signed: kind === 'protected',
    field: ({ image }) => {
      const found = kind === 'protected' ? image.protectedArea : image.unprotectedArea;
      return found === undefined ? undefined : { at: found.start + 2, bytes: 2, value: found.claimedBytes };
    },
  };
}

const fields: Lying[] = [
  header('hdr_size', 8, 2, 'its header'),
  header('protect_tlv_size', 10, 2, 'what its header says of the protected area'),
  header('img_size', 12, 4, 'its payload'),
  area('protected'),
  entry('protected-entry', 'its first protected entry', 'protected', () => true),
  area('unprotected'),
  entry('digest', 'its digest', 'unprotected', (type) => digestTypes.has(type)),
  entry(
    'key',
    'its key hash',
    'unprotected',
    (type) => type === tlvTypes.KEYHASH || type === tlvTypes.PUBKEY,
  ),
  entry('signature', 'its signature', 'unprotected', (type) => signatureTypes.has(type)),
  entry('content-key', 'its wrapped content key', 'unprotected', (type) => encryptionTypes.has(type)),
];

/** The protected area called an unprotected one: nothing is protected then, by the word of the area. */
const protectedMagic: McubootMutation = {
  id: 'mcuboot-protected-magic',
  kind: 'structure',
  invariants: ['same-length', 'signature-kept'],
  name: 'with its protected area called an unprotected one',
  rationale: 'Where the header says that an area is protected, the area must say so too.',
  references: [tlvSource],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: (input) => {
    const { protectedArea, endian } = input.image;
    if (protectedArea === undefined) return { doesNotApply: 'the image has no protected entries' };
    return planOf(input, [overwrite(protectedArea.start, encodeUint(0x6907, 2, endian))]);
  },
};

/** Likewise, and the header agrees: only the cover tells. */
const protectedDenied: McubootMutation = {
  ...protectedMagic,
  id: 'mcuboot-protected-denied',
  name: 'with its protected area called an unprotected one, as its header says',
  rationale: 'The signed part would end before the security counter.',
  kind: 'coverage',
  plan: (input) => {
    const { protectedArea, endian } = input.image;
    if (protectedArea === undefined) return { doesNotApply: 'the image has no protected entries' };
    return planOf(input, [
      setHeader(input.image, 'protect_tlv_size', 0),
      overwrite(protectedArea.start, encodeUint(0x6907, 2, endian)),
    ]);
  },
};

export const lyingMutations: readonly McubootMutation[] = [
  ...fields.flatMap(lying),
  protectedMagic,
  protectedDenied,
];
