/** Attacks on the signature of SUIT envelopes, and on whose it is. */

import { createHmac } from 'node:crypto';
import {
  cborHead,
  cborMajors,
  cborNull,
  cborRaw,
  encodeCborArray,
  encodeCborBytes,
  encodeCborInt,
  encodeCborMap,
  type CborItem,
} from '../../../codec/cbor.ts';
import { replaced, withBlocks, withContent, withMore, type Edit } from '../edit.ts';
import { signatureInput } from '../cose.ts';
import { coseHeaders, coseTags, envelopeKeys } from '../labels.ts';
import { membersWith } from '../parse.ts';
import { algorithmHeader, blockOf, signedBlock, strangerFor } from '../sign.ts';
import { attack, draft, harmless, type SuitInput, type SuitMutation } from './common.ts';
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

const macs: SuitMutation[] = [
  attack({
    id: 'suit-mac0-relabelled',
    kind: 'downgrade',
    name: 'with its signature labelled as a message authentication code',
    rationale: 'The tag is unsigned: it must not lead to another check than the trusted key is for.',
    references: ['RFC 9052, 2 (tags)', 'RFC 8725, 2.1 (algorithm confusion)'],
    refusedFor: 'unsigned',
    alter: ({ base, image }) => {
      const one = firstSignature(image);
      if (one === undefined) return unsignedReason;
      const header = base.read(one.protected.headEnd, one.protected.end);
      const value = base.read(one.signature.headEnd, one.signature.end);
      return withBlocks(image, [blockOf(coseTags.mac0, header, cborRaw(base, one.unprotected), value)]);
    },
  }),
  attack({
    id: 'suit-mac0-zero-key',
    kind: 'downgrade',
    name: 'with a code made with a key of zeros in place of its signature',
    rationale: 'A slot for a symmetric key that was never filled holds zeros.',
    references: ['RFC 9052, 6', 'RFC 8725, 2.1 (algorithm confusion)'],
    refusedFor: 'unsigned',
    alter: ({ base, image }) => withMac(image, base, Buffer.alloc(32)),
  }),
  attack({
    id: 'suit-mac0-public-key',
    kind: 'downgrade',
    name: 'with a code made with the trusted public key as its secret',
    rationale:
      'A verifier that hands whatever key it has to whatever algorithm is named makes the public key a secret.',
    references: ['RFC 8725, 2.1 (algorithm confusion)', 'CVE-2015-9235'],
    needs: ['test-key'],
    refusedFor: 'unsigned',
    alter: ({ base, image, testKey }) => {
      if (testKey?.kind !== 'classic') return { doesNotApply: 'the test key is of no classic kind' };
      const { x = '', y = '' } = testKey.key.export({ format: 'jwk' });
      return withMac(image, base, Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]));
    },
  }),
];

function withMac(
  image: SuitInput['image'],
  base: SuitInput['base'],
  key: Buffer,
): Edit[] | typeof unsignedReason {
  if (firstSignature(image) === undefined) return unsignedReason;
  const header = algorithmHeader(5); // HMAC 256/256
  const message = signatureInput('MAC0', [header], digestContent(base, image));
  const code = createHmac('sha256', key).update(message).digest();
  return withBlocks(image, [blockOf(coseTags.mac0, header, undefined, code)]);
}

const attached = attack({
  id: 'suit-attached-payload',
  kind: 'coverage',
  name: 'altered, with the genuine digest inside the signature object',
  rationale:
    'The signature is good for the digest that it brings along. SUIT detaches the payload: what is inside the COSE object is not what was checked against the manifest.',
  references: [`${draft}, Authenticated Manifests`, 'RFC 9052, 4.4 (detached content)'],
  fresh: { digest: true },
  refusedFor: 'signature',
  alter: ({ base, image }) => {
    const number = image.manifest?.fields.find(({ label }) => label === 2)?.value;
    const blocks =
      image.auth?.blocks.filter(({ kind, payload }) => kind === 'sign1' && payload !== undefined) ?? [];
    if (number === undefined || blocks.length === 0) return unsignedReason;
    const genuine = encodeCborBytes(digestContent(base, image));
    const raised = replaced(number, encodeCborInt(number.argument + 1n));
    return [
      raised,
      ...blocks.flatMap(({ payload }) => (payload === undefined ? [] : [replaced(payload, genuine)])),
    ];
  },
});

const several: SuitMutation[] = (['before', 'after'] as const).flatMap((where) => [
  attack({
    id: `suit-stranger-${where}`,
    kind: 'injection',
    expectation: harmless,
    name: `with a stranger’s signature ${where} the genuine one`,
    rationale:
      'Several blocks are allowed: whether the device wants all of them good or one, it executes the same.',
    references: [`${draft}, Authenticated Manifests`],
    attackerModel: 'foreign-key',
    alter: ({ base, image, random }) => {
      const one = firstSignature(image);
      if (one === undefined) return unsignedReason;
      const strange = signedBlock(strangerFor(one.algorithm, random), digestContent(base, image));
      const blocks = rawBlocks(base, image);
      return withBlocks(image, where === 'before' ? [strange, ...blocks] : [...blocks, strange]);
    },
  }),
  attack({
    id: `suit-damaged-${where}`,
    kind: 'injection',
    expectation: harmless,
    name: `with a damaged copy of its signature ${where} the genuine one`,
    rationale:
      'A failed check must not leave a state behind that makes the next one succeed, or the device crash.',
    references: [`${draft}, Authenticated Manifests`],
    alter: ({ base, image }) => {
      const blocks = rawBlocks(base, image);
      const [first] = blocks;
      if (first === undefined || firstSignature(image) === undefined) return unsignedReason;
      const damaged = Buffer.from(first);
      damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
      return withBlocks(image, where === 'before' ? [damaged, ...blocks] : [...blocks, damaged]);
    },
  }),
]);

const many = attack({
  id: 'suit-many-blocks',
  kind: 'resource',
  expectation: harmless,
  name: 'with its signature two hundred times',
  rationale: 'Each block costs an operation with the public key: their number must be bounded, or harmless.',
  references: [`${draft}, Authenticated Manifests`, 'CWE-770'],
  alter: ({ base, image }) => {
    const blocks = rawBlocks(base, image);
    return blocks.length === 0 || blocks.length > 50
      ? { doesNotApply: 'it has no block, or many already' }
      : withBlocks(image, Array.from({ length: Math.floor(200 / blocks.length) }, () => blocks).flat());
  },
});

const otherId = attack({
  id: 'suit-key-id-altered',
  kind: 'metadata',
  expectation: harmless,
  invariants: ['signed-kept', 'signature-kept'],
  name: 'with another key id in its unprotected header',
  rationale: 'The id is a hint: with a wrong one a device may look for the key in vain, or try what it has.',
  references: ['RFC 9052, 3.1 (kid)'],
  alter: ({ image, random }) => {
    const one = firstSignature(image);
    if (one === undefined) return unsignedReason;
    const id = encodeCborMap([encodeCborInt(coseHeaders.keyId), encodeCborBytes(random('key id', 8))]);
    return [replaced(one.unprotected, id)];
  },
});

const nested = attack({
  id: 'suit-unprotected-nested',
  kind: 'resource',
  expectation: { class: 'no-crash-only' },
  name: 'with lists nested two thousand deep in its unprotected header',
  rationale: 'The header is read before anything is verified: a decoder that recurses needs a bound.',
  references: ['RFC 8949, 10 (nesting)', 'CWE-674'],
  alter: ({ image }) => {
    const one = firstSignature(image);
    if (one === undefined) return unsignedReason;
    const deep = Buffer.concat([Buffer.alloc(2000, cborHead(cborMajors.array, 1)), encodeCborArray()]);
    return [replaced(one.unprotected, encodeCborMap([encodeCborInt(99), deep]))];
  },
});

export const signatureMutations: readonly SuitMutation[] = [
  ...stripped,
  plusOne,
  ...transplants,
  unknownKey(false),
  unknownKey(true),
  ...macs,
  attached,
  ...several,
  many,
  otherId,
  nested,
];
