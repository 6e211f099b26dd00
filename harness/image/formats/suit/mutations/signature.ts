/** Attacks on the signature of SUIT envelopes, and on whose it is. */

import {
  cborNull,
  cborRaw,
  encodeCborArray,
  encodeCborBytes,
  encodeCborInt,
  encodeCborMap,
  type CborItem,
} from '../../../codec/cbor.ts';
import { replaced, withBlocks, withContent, withMore } from '../edit.ts';
import { coseHeaders, envelopeKeys } from '../labels.ts';
import { membersWith } from '../parse.ts';
import { signedBlock, strangerFor } from '../sign.ts';
import { attack, draft, type SuitInput, type SuitMutation } from './common.ts';
import { digestContent, firstSignature, rawBlocks, unsignedReason } from './auth-parts.ts';

const stripped: SuitMutation[] = [
  attack({
    id: 'suit-strip-signature',
    kind: 'unsigned',
    depth: 'standard',
    name: 'without its signature: a digest and no authentication block',
    rationale:
      'The digest fits and nobody signed it; the draft lets the list of blocks be empty, but not for a device.',
    references: ['SIG-01', `${draft}, Authenticated Manifests`],
    refusedFor: 'unsigned',
    alter: ({ image }) => (firstSignature(image) === undefined ? unsignedReason : withBlocks(image, [])),
  }),
  attack({
    id: 'suit-auth-removed',
    kind: 'unsigned',
    name: 'without an authentication wrapper',
    rationale: 'A processor that checks the wrapper when it meets it must notice when it never does.',
    references: ['SIG-01', `${draft}, Envelope`],
    refusedFor: 'unsigned',
    alter: ({ image }) => {
      const [auth] = membersWith(image.members, envelopeKeys.auth);
      if (auth === undefined || image.envelope === undefined) return unsignedReason;
      return [
        withMore(image.envelope, -1),
        { start: auth.keyItem.start, end: auth.value.end, bytes: Buffer.alloc(0) },
      ];
    },
  }),
  attack({
    id: 'suit-auth-null',
    kind: 'unsigned',
    name: 'with null for an authentication wrapper',
    rationale: 'Early drafts used it for manifests that are not signed yet.',
    references: ['SIG-01', 'draft-ietf-suit-manifest-02, SUIT_Envelope'],
    refusedFor: 'format',
    alter: ({ image: { auth } }) =>
      auth === undefined ? unsignedReason : [replaced(auth.wrapper, cborNull)],
  }),
  attack({
    id: 'suit-auth-empty',
    kind: 'unsigned',
    name: 'with an authentication wrapper that is an empty list',
    rationale: 'Not even a digest: a loop over the elements finds nothing wrong.',
    references: ['SIG-01', `${draft}, Authenticated Manifests`],
    refusedFor: 'unsigned',
    alter: ({ image: { auth } }) =>
      auth === undefined ? unsignedReason : [replaced(auth.wrapper, encodeCborBytes(encodeCborArray()))],
  }),
  attack({
    id: 'suit-signature-empty',
    kind: 'unsigned',
    name: 'with a signature of no bytes',
    rationale: 'A block that is there and says nothing: its length must be checked before it is used.',
    references: ['SIG-01', 'RFC 9053, 2.1'],
    refusedFor: 'signature',
    alter: ({ image }) => {
      const signatures = allSignatures(image);
      if (signatures.length === 0) return unsignedReason;
      return signatures.flatMap((signature) => withContent(signature, Buffer.alloc(0)));
    },
  }),
];

/** Signatures and codes of all blocks. */
function allSignatures({ auth }: SuitInput['image']): CborItem[] {
  return (auth?.blocks ?? []).flatMap((block) => block.signatures.map(({ signature }) => signature));
}

const plusOne = attack({
  id: 'suit-signature-first-byte-plus-one',
  kind: 'signature',
  depth: 'standard',
  invariants: ['signed-kept', 'same-length'],
  name: 'with the first byte of each signature raised by one',
  rationale:
    'The smallest change to a signature; a processor that ignores the result of the check accepts it.',
  references: ['SIG-04', `${draft}, Authenticated Manifests`],
  refusedFor: 'signature',
  alter: ({ base, image }) => {
    const signatures = allSignatures(image);
    if (signatures.length === 0) return unsignedReason;
    return signatures.map(({ headEnd }) => {
      const old = base.read(headEnd, headEnd + 1)[0] ?? 0;
      return { start: headEnd, end: headEnd + 1, bytes: Buffer.of((old + 1) & 0xff) };
    });
  },
});

const transplants: SuitMutation[] = [
  attack({
    id: 'suit-signature-transplanted',
    kind: 'transplant',
    depth: 'standard',
    name: 'with the valid signature of another release',
    rationale: 'A signature must be checked against this digest, not merely be one that the maker once made.',
    references: ['SIG-05', 'Wycheproof, flag ModifiedSignature'],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    refusedFor: 'signature',
    alter: ({ base, image, second }) => {
      if (second === undefined || firstSignature(second.image) === undefined) return unsignedReason;
      if (digestContent(second.source, second.image).equals(digestContent(base, image))) {
        return { doesNotApply: 'the second image has the same manifest' };
      }
      return withBlocks(image, rawBlocks(second.source, second.image));
    },
  }),
  attack({
    id: 'suit-auth-transplanted',
    kind: 'transplant',
    name: 'with the whole authentication wrapper of another release',
    rationale: 'Digest and signature belong together and are valid; only a look at the manifest tells.',
    references: ['SIG-05', `${draft}, Authenticated Manifests`],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    refusedFor: 'digest',
    alter: ({ base, image, second }) => {
      if (second?.image.auth === undefined || image.auth === undefined) return unsignedReason;
      if (digestContent(second.source, second.image).equals(digestContent(base, image))) {
        return { doesNotApply: 'the second image has the same manifest' };
      }
      return [replaced(image.auth.wrapper, cborRaw(second.source, second.image.auth.wrapper))];
    },
  }),
];

function unknownKey(own: boolean): SuitMutation {
  return attack({
    id: own ? 'suit-unknown-key-own-id' : 'suit-unknown-key',
    kind: 'foreign-key',
    depth: 'standard',
    name: own ? 'signed with an unknown key, under its own key id' : 'signed with an unknown key',
    rationale: own
      ? 'A processor that does not know the key id must not take that for nothing to check.'
      : 'The key id, if there is one, stays: it may select a trusted key, never vouch for another one.',
    references: ['SIG-06', 'RFC 9052, 3.1 (kid)'],
    attackerModel: 'foreign-key',
    refusedFor: 'signature',
    alter: ({ base, image, random }) => {
      const one = firstSignature(image);
      if (one === undefined) return unsignedReason;
      const stranger = strangerFor(one.algorithm, random);
      const id = encodeCborBytes(random('key id', 16));
      const unprotected = own
        ? encodeCborMap([encodeCborInt(coseHeaders.keyId), id])
        : cborRaw(base, one.unprotected);
      return withBlocks(image, [signedBlock(stranger, digestContent(base, image), { unprotected })]);
    },
  });
}

export const signatureMutations: readonly SuitMutation[] = [
  ...stripped,
  plusOne,
  ...transplants,
  unknownKey(false),
  unknownKey(true),
];
