/** Algorithms taken for others: the type of an entry decides what its bytes mean. */

import type { Entry } from '../edit.ts';
import { digestTypes, signatureTypes, tlvName, tlvTypes } from '../layout.ts';
import { digestOf } from '../../../digest.ts';
import type { DoesNotApply, Expectation } from '../../../mutation.ts';
import {
  areaPlan,
  mustReject,
  noCrash,
  validateSource,
  type McubootInput,
  type McubootMutation,
} from './common.ts';

function confused(
  id: string,
  name: string,
  rationale: string,
  expectation: Expectation,
  to: (entries: readonly Entry[], input: McubootInput) => readonly Entry[] | DoesNotApply,
): McubootMutation {
  return {
    id: `mcuboot-${id}`,
    kind: 'downgrade',
    name,
    rationale,
    references: [`${validateSource}, EXPECTED_SIG_TLV`, 'CWE-757'],
    attackerModel: 'network',
    needs: [],
    invariants: ['signed-kept'],
    expectation,
    plan: (input) => areaPlan(input, 'unprotected', (entries) => to(entries, input)),
  };
}

const slug = (type: number): string => tlvName(type).toLowerCase().replaceAll('_', '-');

/** The first entry of these types, as one of another type. */
function retyped(
  entries: readonly Entry[],
  from: (type: number) => boolean,
  to: number,
): readonly Entry[] | DoesNotApply {
  const at = entries.findIndex(({ type }) => from(type));
  const entry = entries[at];
  if (entry === undefined || entry.type === to)
    return { doesNotApply: `there is none to call ${tlvName(to)}` };
  return entries.with(at, { ...entry, type: to });
}

const signatures = [...signatureTypes, tlvTypes.ECDSA224].map((type) =>
  confused(
    `signature-type-${slug(type)}`,
    `with its signature called one of ${tlvName(type)}`,
    'A signature for one algorithm must not pass, nor be parsed, as one for another.',
    mustReject,
    (entries) => retyped(entries, (from) => signatureTypes.has(from), type),
  ),
);

const digests = [...digestTypes.keys()].map((type) =>
  confused(
    `digest-type-${slug(type)}`,
    `with its digest called one of ${tlvName(type)}`,
    'The digest is too short or too long for what it is said to be; comparing must stop at its end.',
    noCrash,
    (entries) => retyped(entries, (from) => digestTypes.has(from), type),
  ),
);

const recomputed = [...digestTypes].map(([type, algorithm]) =>
  confused(
    `digest-${algorithm}`,
    `with its digest replaced by the right one of ${tlvName(type)}`,
    'The digest fits, and is not the one that is signed: the choice of the hash is not the image’s.',
    noCrash,
    (entries, { base, image }) => {
      const at = entries.findIndex((entry) => digestTypes.has(entry.type));
      if (at < 0 || entries[at]?.type === type) return { doesNotApply: 'there is no digest of another type' };
      return entries.with(at, { type, value: digestOf(base, algorithm, { end: image.signedEnd }) });
    },
  ),
);

const beside = confused(
  'digest-other-wrong',
  'with a wrong digest of another type beside the right one',
  'A digest of a type that the loader does not use is passed over or refused.',
  noCrash,
  (entries) => {
    const own = entries.find(({ type }) => digestTypes.has(type));
    if (own === undefined) return { doesNotApply: 'the image has no digest' };
    const type = own.type === tlvTypes.SHA512 ? tlvTypes.SHA256 : tlvTypes.SHA512;
    return [...entries, { type, value: Buffer.alloc(type === tlvTypes.SHA512 ? 64 : 32, 0x5a) }];
  },
);

const isPure = ({ type }: Entry): boolean => type === tlvTypes.SIG_PURE;

/** A loader is built for one of the two: whichever it takes, it checks the genuine bytes. */
const pure = [
  confused(
    'pure-removed',
    'no longer said to be signed as a whole',
    'The signature over the image itself must not be taken for one over its digest.',
    noCrash,
    (entries) =>
      entries.some(isPure)
        ? entries.filter((entry) => !isPure(entry))
        : { doesNotApply: 'it has no SIG_PURE' },
  ),
  confused(
    'pure-added',
    'said to be signed as a whole',
    'The signature over the digest must not be taken for one over the image itself.',
    noCrash,
    (entries) =>
      entries.some(isPure)
        ? { doesNotApply: 'it is signed as a whole' }
        : [{ type: tlvTypes.SIG_PURE, value: Buffer.of(1) }, ...entries],
  ),
  confused(
    'pure-false',
    'said not to be signed as a whole',
    'The value counts, not that there is one.',
    noCrash,
    (entries) =>
      entries.some(isPure)
        ? entries.map((entry) => (isPure(entry) ? { ...entry, value: Buffer.of(0) } : entry))
        : { doesNotApply: 'it has no SIG_PURE' },
  ),
];

export const algorithmMutations: readonly McubootMutation[] = [
  ...signatures,
  ...digests,
  ...recomputed,
  beside,
  ...pure,
];
