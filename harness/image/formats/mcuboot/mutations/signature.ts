/** Attacks on the signature of MCUboot images, and on whose it is. */

import { raisedByOne } from '../../../crypto/value-byte.ts';
import { pieces } from '../../../byte-source.ts';
import { editUnprotected, regionsOf, type TlvEdit } from '../edit.ts';
import {
  digestAlgorithm,
  isPure,
  keyHashOf,
  signedDigest,
  signedEntries,
  type SignedEntry,
} from '../signatures.ts';
import type { Refusal } from '../verify.ts';
import type { McubootImage, Tlv } from '../parse.ts';
import { signPure } from '../pure-ed25519.ts';
import { tlvTypes } from '../layout.ts';
import { freshKey, type FreshKey, type FreshKeyKind } from '../../../fresh-key.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import {
  designDoc,
  mustReject,
  type McubootInput,
  type McubootMutation,
  type RefusedPlan,
} from './common.ts';

const stripSignature: McubootMutation = {
  id: 'mcuboot-strip-signature',
  kind: 'unsigned',
  depth: 'standard',
  invariants: ['signed-kept'],
  name: 'without its signature',
  rationale: 'A loader that checks the digest alone runs whatever anybody built.',
  references: ['SIG-01', `${designDoc}, Integrity check`],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: (input) =>
    withSignatures(input, (entries) => {
      const edits = entries.map(({ tlv }): TlvEdit => ({ tlv, to: 'removed' }));
      return {
        patches: editUnprotected(input.image, edits),
        touches: ['unprotected.info', ...entries.flatMap(({ tlv }) => regionsOf(input.image, tlv))],
        refusedFor: 'unsigned',
      };
    }),
};

const signaturePlusOne: McubootMutation = {
  id: 'mcuboot-signature-first-byte-plus-one',
  kind: 'signature',
  depth: 'standard',
  invariants: ['signed-kept', 'same-length'],
  name: 'with the value of its signature raised by one',
  rationale: 'The smallest change to a signature; a loader that ignores the result of the check accepts it.',
  references: ['SIG-04', 'U-Boot test/py/tests/test_vboot.py'],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: (input) =>
    withSignatures(input, (entries) => ({
      patches: entries.map(({ tlv, signature }) => raised(tlv.valueStart, signature)),
      touches: entries.map(({ tlv }) => tlv.region),
      refusedFor: 'signature',
    })),
};

function raised(start: number, signature: Uint8Array): Patch {
  const { at, byte } = raisedByOne(signature);
  return overwrite(start + at, Buffer.of(byte));
}

const transplantSignature: McubootMutation = {
  id: 'mcuboot-signature-transplanted',
  kind: 'transplant',
  depth: 'standard',
  invariants: ['signed-kept'],
  name: 'with the valid signature of another release',
  rationale: 'A signature must be checked against this image, not merely be one that the maker once made.',
  references: ['SIG-05', 'Wycheproof, flag ModifiedSignature'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: mustReject,
  plan: (input) =>
    withSignatures(input, (entries) => {
      const { second } = input;
      if (second === undefined) return { doesNotApply: 'there is no second image' };
      if (signedDigest(second.source, second.image).equals(signedDigest(input.base, input.image))) {
        return { doesNotApply: 'the second image is signed over the same bytes' };
      }
      const [own] = entries;
      const donor = signedEntries(second.source, second.image).find(({ tlv }) => tlv.type === own?.tlv.type);
      if (own === undefined || donor === undefined) {
        return { doesNotApply: 'the second image has no signature of that type' };
      }
      return resigned(input, entries, own, {
        type: own.tlv.type,
        signature: donor.signature,
        keyHash:
          donor.keyHash === own.keyHash || donor.keyHash === undefined
            ? undefined
            : Buffer.from(donor.keyHash, 'hex'),
        refusedFor: 'signature',
      });
    }),
};

function unknownKey(which: 'own' | 'trusted'): McubootMutation {
  const own = which === 'own';
  return {
    id: own ? 'mcuboot-unknown-key' : 'mcuboot-unknown-key-trusted-hash',
    kind: 'foreign-key',
    depth: 'standard',
    invariants: ['signed-kept'],
    name: own ? 'signed with an unknown key' : 'signed with an unknown key under the trusted key’s hash',
    rationale: own
      ? 'A loader that takes the key from the image trusts everybody.'
      : 'The key hash is unsigned: it may select a trusted key, never vouch for another one.',
    references: ['SIG-06', 'MCUboot sim, signed_unknown_key_rejected'],
    attackerModel: 'foreign-key',
    needs: [],
    expectation: mustReject,
    plan: (input) =>
      withSignatures(input, (entries) => {
        const [entry] = entries;
        if (entry === undefined) return { doesNotApply: 'the image is unsigned' };
        if (own && entry.keyHash === undefined) return { doesNotApply: 'the image names no key' };
        return signedBy(strangerFor(input, entry.tlv.type), input, entries, own);
      }),
  };
}

/** The first signature by another key, the only one; named by its own hash, or as it was. */
export function signedBy(
  key: Pick<FreshKey, 'kind' | 'publicKey' | 'privateKey' | 'sign'>,
  input: McubootInput,
  entries: readonly SignedEntry[],
  own: boolean,
): RefusedPlan | DoesNotApply {
  const [entry] = entries;
  if (entry === undefined) return { doesNotApply: 'the image is unsigned' };
  const plan = resigned(input, entries, entry, {
    type: entry.tlv.type,
    signature: signatureBy(key, input),
    keyHash: own ? keyHashOf(key.publicKey, digestAlgorithm(input.image)) : undefined,
    publicKey: own ? publicKeyOf(key) : undefined,
    refusedFor: own ? 'unknown-key' : 'signature',
  });
  const publicKey = String(key.publicKey.export({ type: 'spki', format: 'pem' }));
  return { ...plan, facts: { publicKey } };
}

/** What a PUBKEY TLV holds: what its hash is the KEYHASH of. */
function publicKeyOf({ kind, publicKey }: Pick<FreshKey, 'kind' | 'publicKey'>): Buffer {
  return publicKey.export({ type: kind.startsWith('rsa') ? 'pkcs1' : 'spki', format: 'der' });
}

/** RSA keys take seconds to make and do not follow from a seed: one of each size serves all attacks. */
const rsaStrangers = new Map<FreshKeyKind, FreshKey>();

/** A key that nobody trusts, for a type of signature. */
export function strangerFor({ image, random }: McubootInput, signatureType: number): FreshKey {
  const kind = keyKind(signatureType, digestAlgorithm(image));
  const key = rsaStrangers.get(kind) ?? freshKey(kind, random('unknown key', 32));
  if (kind.startsWith('rsa')) rsaStrangers.set(kind, key);
  return key;
}

/** A signature over the base, as the image's own is made. */
export function signatureBy(
  key: Pick<FreshKey, 'kind' | 'privateKey' | 'sign'>,
  { base, image }: McubootInput,
): Buffer {
  const region = (): Iterable<Uint8Array> => pieces(base, { end: image.signedEnd });
  if (key.kind === 'ed25519' && isPure(base, image)) return signPure(key.privateKey, region);
  return key.sign(region(), { algorithm: digestAlgorithm(image), digest: signedDigest(base, image) });
}

function keyKind(signatureType: number, hash: string): FreshKeyKind {
  switch (signatureType) {
    case tlvTypes.ED25519:
      return 'ed25519';
    case tlvTypes.RSA2048_PSS:
      return 'rsa2048';
    case tlvTypes.RSA3072_PSS:
      return 'rsa3072';
    default:
      return hash === 'sha384' ? 'p384' : 'p256';
  }
}

/** Another signature in place of one entry's, all further signatures removed, and the key's name if it changes. */
function resigned(
  { image }: McubootInput,
  entries: readonly SignedEntry[],
  entry: SignedEntry,
  by: {
    type: number;
    signature: Buffer;
    keyHash: Buffer | undefined;
    publicKey?: Buffer | undefined;
    refusedFor: Refusal;
  },
): RefusedPlan {
  const edits: TlvEdit[] = [{ tlv: entry.tlv, to: { type: by.type, value: by.signature } }];
  for (const { tlv } of entries) if (tlv !== entry.tlv) edits.push({ tlv, to: 'removed' });
  const naming = image.tlvs.filter(
    ({ type, area, start }) =>
      area === 'unprotected' &&
      start < entry.tlv.start &&
      (type === tlvTypes.KEYHASH || type === tlvTypes.PUBKEY),
  );
  const key = naming.at(-1);
  if (key !== undefined && by.keyHash !== undefined) {
    edits.push({
      tlv: key,
      to: { value: key.type === tlvTypes.PUBKEY ? (by.publicKey ?? by.keyHash) : by.keyHash },
    });
  }
  const patches = editUnprotected(image, edits);
  return { patches, touches: touchedBy(image, edits, patches), refusedFor: by.refusedFor };
}

/** The value of each edited entry; its header and the area's length where lengths change. */
function touchedBy(image: McubootImage, edits: readonly TlvEdit[], patches: readonly Patch[]): string[] {
  const whole = (tlv: Tlv): boolean => patches.some(({ at }) => at === tlv.start);
  const names = edits.flatMap(({ tlv }) => (whole(tlv) ? regionsOf(image, tlv) : [tlv.region]));
  return patches.length > edits.length ? ['unprotected.info', ...names] : names;
}

export function withSignatures<P>(
  input: McubootInput,
  plan: (entries: SignedEntry[]) => P,
): P | DoesNotApply {
  const entries = signedEntries(input.base, input.image);
  return entries.length === 0 ? { doesNotApply: 'the image is unsigned' } : plan(entries);
}

export const signatureMutations: readonly McubootMutation[] = [
  stripSignature,
  signaturePlusOne,
  transplantSignature,
  unknownKey('own'),
  unknownKey('trusted'),
];
