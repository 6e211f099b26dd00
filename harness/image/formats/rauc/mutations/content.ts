/**
 * Attacks on what the signature says it is over: content put into the CMS or taken out of it turns one kind of bundle
 * into the other; attributes and algorithms decide what exactly is signed.
 */

import { bytesSource } from '../../../byte-source.ts';
import {
  asIndefinite,
  withCertificates,
  withContent,
  withDigestAlgorithm,
  withLongLength,
  withMessageDigest,
  withoutSignedAttributes,
  withSignature,
  withUnsignedAttribute,
} from '../../../crypto/cms-edit.ts';
import { strangersCertificate } from '../../../crypto/cms-sign.ts';
import { signedMessage } from '../../../crypto/cms-verify.ts';
import { parseCms } from '../../../crypto/cms.ts';
import { digestOids } from '../../../crypto/oids.ts';
import { encodeDer } from '../../../codec/der.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import type { RaucImage } from '../parse.ts';
import { cmsAttack, signedCms, signersCertificate } from './cms.ts';
import {
  formatsDoc,
  mustReject,
  reasonBy,
  regionsOf,
  replaceCms,
  u64be,
  type RaucMutation,
} from './common.ts';

/** Largest content that is put into a CMS here: RAUC refuses more than 64 KiB of CMS for its size alone. */
const mostContentBytes = 48 * 1024;

const attached: RaucMutation = {
  id: 'rauc-plain-content-attached',
  kind: 'downgrade',
  name: 'with the genuine payload moved into its signature, and another payload in its place',
  rationale:
    'The signature is good for what it carries. A verifier of both kinds of bundle must not take that for the payload’s.',
  references: [formatsDoc, 'RAUC src/signature.c, cms_verify_bytes'],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: (input) => {
    const { base, image } = input;
    const cms = signedCms(input);
    if (image.bundleFormat !== 'plain' || cms === undefined) return { doesNotApply: 'it is no plain bundle' };
    if (image.payloadEnd > mostContentBytes) {
      return { doesNotApply: `its payload of ${image.payloadEnd} bytes does not fit into a signature` };
    }
    const made = withContent(cms, base.read(0, image.payloadEnd));
    if (made === undefined) return { doesNotApply: 'the CMS cannot be edited so' };
    const plan = replaceCms(image, made);
    const at = Math.floor(image.payloadEnd / 2);
    const patches: Patch[] = [...plan.patches, overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ 1))];
    const allowed = input.policy.bundleFormats?.includes('verity') !== false;
    return {
      patches,
      touches: regionsOf(image, patches),
      refusedFor: allowed ? 'manifest' : 'bundle-format',
    };
  },
};

const detached = cmsAttack({
  id: 'rauc-verity-content-detached',
  kind: 'downgrade',
  name: 'with the manifest taken out of its signature',
  rationale: 'What is left is the signature of a plain bundle, over something that is not there.',
  references: [formatsDoc, 'RAUC src/signature.c, cms_is_detached'],
  edit: (cms, { image }) =>
    image.bundleFormat === 'verity' ? withContent(cms, undefined) : 'it is no verity bundle',
});

/** Everything before the CMS replaced, and the CMS too. */
function replaceAll(image: RaucImage, payload: Uint8Array, cms: Uint8Array): Patch[] {
  const bytes = Buffer.concat([payload, cms, u64be(BigInt(cms.length))]);
  return [{ at: 0, remove: image.size, insert: [{ kind: 'bytes', bytes }] }];
}

const manifestAsPayload: RaucMutation = {
  id: 'rauc-verity-manifest-as-payload',
  kind: 'downgrade',
  name: 'with its manifest in the place of the payload, and a detached signature',
  rationale:
    'The genuine signature is good for this plain bundle. Its payload is no file system, and must be refused as such.',
  references: [formatsDoc],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: (input) => {
    const { base, image, policy } = input;
    const cms = signedCms(input);
    const content = image.cms?.content;
    if (image.bundleFormat !== 'verity' || cms === undefined || content === undefined) {
      return { doesNotApply: 'it is no verity bundle' };
    }
    const made = withContent(cms, undefined);
    if (made === undefined) return { doesNotApply: 'the CMS cannot be edited so' };
    const patches = replaceAll(image, base.read(content.start, content.end), made);
    const allowed = policy.bundleFormats?.includes('plain') !== false;
    return {
      patches,
      touches: regionsOf(image, patches),
      refusedFor: allowed ? 'squashfs' : 'bundle-format',
    };
  },
};

/** Signed attributes are DER; a signature without any is over the content: the same bytes can be either. */
const attributesAsContent: RaucMutation = {
  id: 'rauc-attributes-as-content',
  kind: 'coverage',
  name: 'with the signed attributes as its content, and no signed attributes',
  rationale:
    'The signature is genuine and verifies. What it is over was meant to be attributes, and is no bundle of any kind.',
  references: ['RFC 5652, 5.4', 'RFC 8933, 5'],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: (input) => {
    const { image } = input;
    const cms = signedCms(input);
    const source = cms && bytesSource(cms);
    const [signer] = source === undefined ? [] : parseCms(source).signers;
    const message = source && signer && signedMessage(source, signer);
    const without = cms && withoutSignedAttributes(cms);
    if (message === undefined || without === undefined)
      return { doesNotApply: 'it has no signed attributes' };
    if (image.bundleFormat === 'plain') {
      const patches = replaceAll(image, message, without);
      return { patches, touches: regionsOf(image, patches) };
    }
    const made = withContent(without, message);
    return made === undefined ? { doesNotApply: 'the CMS cannot be edited so' } : replaceCms(image, made);
  },
};

const edits = [
  cmsAttack({
    id: 'rauc-no-signed-attributes',
    kind: 'coverage',
    name: 'without the attributes that are signed',
    rationale:
      'The signature is over the attributes. Without them it is said to be over the content, and is not.',
    references: ['RFC 5652, 5.4'],
    refusedFor: 'signature',
    edit: (cms) => withoutSignedAttributes(cms),
  }),
  cmsAttack({
    id: 'rauc-message-digest-zero',
    kind: 'coverage',
    name: 'with a signed digest of zeros',
    rationale: 'The digest among the attributes binds the content. It is compared, and it is signed.',
    references: ['RFC 5652, 5.6'],
    refusedFor: 'digest',
    edit: (cms) => withMessageDigest(cms, Buffer.alloc(32)),
  }),
  cmsAttack({
    id: 'rauc-message-digest-empty',
    kind: 'coverage',
    name: 'with a signed digest of no bytes',
    rationale: 'A comparison over the length of what is there compares nothing.',
    references: ['RFC 5652, 5.6'],
    refusedFor: 'digest',
    edit: (cms) => withMessageDigest(cms, Buffer.alloc(0)),
  }),
  cmsAttack({
    id: 'rauc-digest-sha1',
    kind: 'downgrade',
    name: 'with SHA-1 named for its digest',
    rationale: 'The digest algorithm of a signer is not signed, and must not be believed against the digest.',
    references: ['SIG-21', 'RFC 6211'],
    refusedFor: 'digest',
    edit: (cms, { image }) =>
      image.cms?.signers[0]?.digestAlgorithm === 'sha1'
        ? 'SHA-1 is its own digest'
        : withDigestAlgorithm(cms, digestOids.sha1),
  }),
  cmsAttack({
    id: 'rauc-digest-unknown',
    kind: 'downgrade',
    name: 'with a digest algorithm that does not exist',
    rationale: 'What is not known cannot be checked.',
    references: ['RFC 5652, 5.3'],
    refusedFor: 'digest',
    edit: (cms) => withDigestAlgorithm(cms, '1.3.6.1.4.1.99999.1'),
  }),
  cmsAttack({
    id: 'rauc-signature-empty',
    kind: 'unsigned',
    name: 'with a signature of no bytes',
    rationale: 'Everything about the signature is there but the signature.',
    references: ['SIG-01'],
    refusedFor: 'signature',
    edit: (cms) => withSignature(cms, Buffer.alloc(0)),
  }),
  cmsAttack({
    id: 'rauc-unsigned-attribute-added',
    kind: 'injection',
    name: 'with an unsigned attribute added to its signer',
    rationale: 'Unsigned attributes are allowed, and must have no effect.',
    references: ['RFC 5652, 5.3'],
    expectation: { class: 'benign-accept' },
    edit: (cms, { random }) =>
      withUnsignedAttribute(cms, '1.3.6.1.4.1.99999.2', encodeDer(0x04, random('attribute', 16))),
  }),
  cmsAttack({
    id: 'rauc-certificate-added',
    kind: 'injection',
    name: 'with a certificate added that nobody knows',
    rationale: 'Certificates in the CMS are help on the way to an anchor, and none by themselves.',
    references: ['RFC 5652, 5.1'],
    expectation: { class: 'benign-accept' },
    edit: (cms, input) => {
      const template = signersCertificate(input);
      const certificate = template && strangersCertificate(template, input.random)?.certificate;
      return certificate && withCertificates(cms, (all) => [certificate, ...all]);
    },
  }),
  // By whom it is signed may be known without: then a device that accepts does no wrong.
  cmsAttack({
    id: 'rauc-certificates-removed',
    kind: 'certificate',
    name: 'without the certificates of its signer',
    rationale: 'The signer is named, and must be known from elsewhere or not at all.',
    references: ['RFC 5652, 5.1'],
    expectation: { class: 'no-crash-only' },
    edit: (cms) => withCertificates(cms, () => []),
  }),
  cmsAttack({
    id: 'rauc-cms-indefinite',
    kind: 'encoding',
    name: 'with its signature in BER with indefinite lengths',
    rationale: 'CMS may come in BER. Accepting it is harmless; what is signed stays the same.',
    references: ['SIG-23', 'RFC 5652, 4', 'ITU-T X.690, 8.1.3.6'],
    expectation: { class: 'benign-accept' },
    edit: (cms) => asIndefinite(cms),
  }),
  cmsAttack({
    id: 'rauc-cms-long-length',
    kind: 'encoding',
    name: 'with the length of its signature in more bytes than it needs',
    rationale: 'CMS may come in BER. Accepting it is harmless; what is signed stays the same.',
    references: ['SIG-23', 'ITU-T X.690, 8.1.3.5 and 10.1'],
    expectation: { class: 'benign-accept' },
    edit: (cms) => withLongLength(cms),
  }),
];

const envelopeRecipient: RaucMutation = {
  id: 'rauc-envelope-recipient-key',
  kind: 'signature',
  name: 'with one bit of the encrypted key of its only recipient flipped',
  rationale:
    'The envelope is not authenticated: what comes out of it must be checked, or the way it fails tells the key.',
  references: ['RFC 5652, 6.3', 'RFC 3218'],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: ({ base, image }) => {
    const [recipient, ...others] = image.envelope?.recipients ?? [];
    if (recipient === undefined || others.length > 0)
      return { doesNotApply: 'it has not exactly one recipient' };
    const at = recipient.end - 1;
    const patches = [overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ 1))];
    return { patches, touches: regionsOf(image, patches), ...reasonBy(image, { crypt: 'encrypted' }) };
  },
};

/** CBC hands on what is done to the initialisation vector to the first block of the plaintext. */
const envelopeIv: RaucMutation = {
  id: 'rauc-envelope-iv',
  kind: 'signature',
  name: 'with one bit of the initialisation vector of its envelope flipped',
  rationale:
    'In CBC this flips the same bit of the first plaintext block, which is the frame of the signed data.',
  references: ['RFC 5652, 6.3', 'NIST SP 800-38A, 6.2'],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: ({ base, image }) => {
    if (image.envelope === undefined) return { doesNotApply: 'it is not encrypted' };
    // The vector is the last field of the cipher's identifier.
    const at = image.envelope.cipherEnd - 1;
    const patches = [overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ 1))];
    return { patches, touches: regionsOf(image, patches), refusedFor: 'encrypted' };
  },
};

export const contentMutations: readonly RaucMutation[] = [
  attached,
  detached,
  manifestAsPayload,
  attributesAsContent,
  ...edits,
  envelopeRecipient,
  envelopeIv,
];
