/** Attacks on encrypted MCUboot images, of which only header, TLVs and the wrapped content key can be read. */

import type { Entry } from '../edit.ts';
import { setHeader } from '../edit.ts';
import { encryptionTypes, imageFlags, tlvTypes } from '../layout.ts';
import type { Refusal } from '../verify.ts';
import type { DoesNotApply, Expectation } from '../../../mutation.ts';
import { areaPlan, benign, mustReject, planOf, type McubootInput, type McubootMutation } from './common.ts';

const references = [
  'MCUboot docs/encrypted_images.md',
  'MCUboot boot/bootutil/src/encrypted.c, boot_enc_load',
];

interface Words {
  id: string;
  name: string;
  rationale: string;
  expectation: Expectation;
  refusedFor?: Refusal;
}

function wrapped(
  { id, refusedFor, ...words }: Words,
  to: (entries: readonly Entry[], key: Entry, input: McubootInput) => readonly Entry[] | DoesNotApply,
): McubootMutation {
  return {
    ...words,
    id: `mcuboot-content-key-${id}`,
    kind: 'metadata',
    references,
    attackerModel: 'network',
    needs: [],
    invariants: ['signed-kept', 'signature-kept'],
    plan: (input) =>
      areaPlan(
        input,
        'unprotected',
        (entries) => {
          const key = entries.find(({ type }) => encryptionTypes.has(type));
          if (!input.image.encrypted || key === undefined)
            return { doesNotApply: 'the image is not encrypted' };
          return to(entries, key, input);
        },
        refusedFor === undefined ? {} : { refusedFor },
      ),
  };
}

const garbage = (key: Entry, { random }: McubootInput): Entry => ({
  type: key.type,
  value: random('content key', key.value.length),
});
const replaced = (entries: readonly Entry[], old: Entry, fresh: Entry): Entry[] =>
  entries.map((entry) => (entry === old ? fresh : entry));
const reject = { expectation: mustReject, refusedFor: 'encryption' } as const;

const keys = [
  wrapped(
    {
      id: 'other',
      name: 'with another wrapped content key',
      rationale: 'The payload decrypts to something else, which the digest of the plain one tells.',
      ...reject,
    },
    (entries, key, input) => replaced(entries, key, garbage(key, input)),
  ),
  wrapped(
    {
      id: 'bit',
      name: 'with a bit flipped in its wrapped content key',
      rationale: 'Unwrapping fails, or gives another key.',
      ...reject,
    },
    (entries, key) => {
      const value = Buffer.from(key.value);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      return replaced(entries, key, { type: key.type, value });
    },
  ),
  wrapped(
    {
      id: 'removed',
      name: 'without its wrapped content key',
      rationale: 'A payload that cannot be decrypted must not be run, nor decrypted with a key left over.',
      ...reject,
    },
    (entries, key) => entries.filter((entry) => entry !== key),
  ),
  wrapped(
    {
      id: 'short',
      name: 'with its wrapped content key cut short by one byte',
      rationale: 'The rest must not be taken from memory.',
      ...reject,
    },
    (entries, key) => replaced(entries, key, { type: key.type, value: key.value.subarray(0, -1) }),
  ),
  wrapped(
    {
      id: 'type',
      name: 'with its content key called one wrapped in another way',
      rationale: 'How the key is wrapped is not the image’s to choose.',
      ...reject,
    },
    (entries, key) => {
      const type = key.type === tlvTypes.ENC_KW ? tlvTypes.ENC_EC256 : tlvTypes.ENC_KW;
      return replaced(entries, key, { type, value: key.value });
    },
  ),
  wrapped(
    {
      id: 'garbage-first',
      name: 'with a wrong content key in front of the right one',
      rationale: 'Loaders take the first; whoever tries the next runs the genuine payload.',
      expectation: benign,
    },
    (entries, key, input) =>
      entries.flatMap((entry) => (entry === key ? [garbage(key, input), key] : [entry])),
  ),
  wrapped(
    {
      id: 'garbage-last',
      name: 'with a wrong content key behind the right one',
      rationale: 'Loaders take the first.',
      expectation: benign,
    },
    (entries, key, input) =>
      entries.flatMap((entry) => (entry === key ? [key, garbage(key, input)] : [entry])),
  ),
];

const keyLength: McubootMutation = {
  id: 'mcuboot-flag-key-length',
  kind: 'downgrade',
  name: 'encrypted with a key of the other length, by its flags',
  rationale:
    'AES-128 and AES-256 are told apart by signed flags; the content key must not be cut or stretched.',
  references,
  attackerModel: 'network',
  needs: [],
  invariants: ['same-length', 'signature-kept'],
  expectation: mustReject,
  plan: (input) => {
    const from = input.image.header?.fields.flags ?? 0;
    if (!input.image.encrypted) return { doesNotApply: 'the image is not encrypted' };
    const both = imageFlags.ENCRYPTED_AES128 + imageFlags.ENCRYPTED_AES256;
    const to = (from ^ both) >>> 0;
    return planOf(input, [setHeader(input.image, 'flags', to)], { facts: { from, to } });
  },
};

const plainWithKey: McubootMutation = {
  id: 'mcuboot-content-key-in-plain-image',
  kind: 'injection',
  name: 'with a wrapped content key, though it is not encrypted',
  rationale: 'The flags say whether to decrypt; an unsigned entry must not.',
  references,
  attackerModel: 'network',
  needs: [],
  invariants: ['signed-kept', 'signature-kept'],
  expectation: benign,
  plan: (input) =>
    areaPlan(input, 'unprotected', (entries) =>
      input.image.encrypted || entries.some(({ type }) => encryptionTypes.has(type))
        ? { doesNotApply: 'the image is encrypted' }
        : [...entries, { type: tlvTypes.ENC_EC256, value: input.random('content key', 113) }],
    ),
};

export const encryptionMutations: readonly McubootMutation[] = [...keys, keyLength, plainWithKey];
