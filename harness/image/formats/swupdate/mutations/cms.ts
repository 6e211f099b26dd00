/** Attacks on the CMS around a signature: what it names, what it carries, how it is encoded. */

import { createHash } from 'node:crypto';
import { derBytes } from '../../../codec/der.ts';
import {
  asIndefinite,
  openCms,
  withCertificates,
  withContent,
  withDigestAlgorithm,
  withJunkInside,
  withLongLength,
  withMessageDigest,
  withoutSignedAttributes,
  withSigners,
  withoutIntermediates,
  withUnsignedAttribute,
  type Edited,
} from '../../../crypto/cms-edit.ts';
import { forgedCertificate, reissued, resigned } from '../../../crypto/cms-sign.ts';
import { signedMessage } from '../../../crypto/cms-verify.ts';
import { digestOids } from '../../../crypto/oids.ts';
import { publicHalf } from '../../../crypto/sign-digest.ts';
import type { AttackKind, Expectation } from '../../../mutation.ts';
import { dataOf } from '../parse.ts';
import {
  attack,
  benign,
  bytesIn,
  certificatesOf,
  noCrash,
  planOf,
  replaceEntry,
  signedImages,
  type SwupdateInput,
  type SwupdateMutation,
} from './common.ts';
import { withSignatureBytes } from './signature.ts';

interface CmsAttack {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references?: readonly string[];
  expectation?: Expectation;
  refusedFor?: string;
  depth?: 'standard';
  /** See {@link Plan}. */
  mootWhereTaken?: string;
  edit: (cms: Buffer, input: SwupdateInput) => Edited;
}

function cmsAttack({ edit, refusedFor, mootWhereTaken, ...described }: CmsAttack): SwupdateMutation {
  return attack({
    references: [signedImages, 'RFC 5652, 5'],
    ...described,
    plan: (input) => {
      const { signatureEntry, cms } = input.image;
      if (signatureEntry === undefined || cms === undefined)
        return { doesNotApply: 'the signature is no CMS' };
      const edited = edit(bytesIn(input.base, signatureEntry), input);
      const plan = withSignatureBytes(input, edited, refusedFor);
      return 'doesNotApply' in plan || mootWhereTaken === undefined ? plan : { ...plan, mootWhereTaken };
    },
  });
}

/** The signer's certificate, copied for another key, which signs. */
function forged(issuer: 'self' | 'kept') {
  return (cms: Buffer, input: SwupdateInput): Edited => {
    const { image, base, random } = input;
    const { own, others } = certificatesOf(input);
    const key = own && forgedCertificate(own.der, issuer, random);
    const entry = image.descriptionEntry;
    if (key === undefined || entry === undefined) return undefined;
    const genuine = others.map(({ der }) => der);
    const chain = [...(key.chain ?? []), ...(issuer === 'kept' ? genuine : [])];
    return resigned(cms, { ...key, chain }, dataOf(base, entry), random);
  };
}

/**
 * An authority of the genuine one's name and key id, by a stranger, and below it a signer of the genuine one's name.
 *
 * @param anchor `self`: the authority is a root, and the chain whole; `kept`: it names the genuine root, which did not sign it
 */
function forgedAuthority(cms: Buffer, input: SwupdateInput, anchor: 'self' | 'kept'): Edited {
  const { image, base, random } = input;
  const { own: leaf, others } = certificatesOf(input);
  const authority = others.find(({ subject }) => subject === leaf?.issuer);
  const entry = image.descriptionEntry;
  if (leaf === undefined || authority === undefined || entry === undefined) return undefined;
  const above = forgedCertificate(authority.der, anchor, (label, bytes) =>
    random(`authority ${label}`, bytes),
  );
  const below = forgedCertificate(leaf.der, 'kept', random);
  if (above?.certificate === undefined || below?.certificate === undefined) return undefined;
  const subjectKey = publicHalf(below.privateKey);
  const certificate = reissued(leaf, { privateKey: above.privateKey, subjectKey, issuer: 'kept' });
  const chain = [certificate, above.certificate];
  return resigned(cms, { ...below, certificate, chain }, dataOf(base, entry), random);
}

const attacks: readonly CmsAttack[] = [
  {
    id: 'swupdate-certificate-self-signed-copy',
    kind: 'certificate',
    depth: 'standard',
    name: 'signed by a stranger under a self-signed copy of the trusted name',
    rationale: 'A name and a key identifier can be copied; only the chain to the anchor tells.',
    refusedFor: 'untrusted',
    edit: forged('self'),
  },
  {
    id: 'swupdate-certificate-issuer-kept',
    kind: 'certificate',
    name: 'signed by a stranger under a copy of the trusted certificate that its issuer did not sign',
    rationale:
      'Name, issuer, serial number and key identifier are the genuine ones; the signature of the issuer is not.',
    refusedFor: 'untrusted',
    edit: forged('kept'),
  },
  {
    id: 'swupdate-certificate-authority-copy',
    kind: 'certificate',
    name: 'signed below a copy of the intermediate authority that the root did not sign',
    rationale:
      'An intermediate beside the genuine one, of the same name: it must lead to the anchor by signatures.',
    refusedFor: 'untrusted',
    edit: (cms, input) => forgedAuthority(cms, input, 'kept'),
  },
  {
    id: 'swupdate-certificate-authority-self-signed',
    kind: 'certificate',
    depth: 'standard',
    name: 'signed below a self-signed copy of the authority, the whole chain with it',
    rationale:
      'A whole chain, fit for its purpose in every part, and all of it a stranger’s: whoever takes its anchor from the ' +
      'image finds nothing wrong with it.',
    refusedFor: 'untrusted',
    edit: (cms, input) => forgedAuthority(cms, input, 'self'),
  },
  {
    id: 'swupdate-certificate-intermediate-missing',
    kind: 'certificate',
    name: 'without the intermediate certificates of its signature',
    rationale:
      'The signer’s certificate is there, and nothing leads from it to the root: a name that fits must not do instead.',
    references: ['SIG-13', 'RFC 5280, 6.1', signedImages],
    refusedFor: 'untrusted',
    mootWhereTaken: 'as far as the keys tell, the device trusts the signer or the intermediate itself',
    edit: withoutIntermediates,
  },
  {
    id: 'swupdate-cms-without-signers',
    kind: 'unsigned',
    name: 'with a CMS that nobody signed',
    rationale: 'A SignedData without a signer is allowed, carries certificates, and vouches for nothing.',
    references: ['SIG-01', 'RFC 5652, 5.1'],
    refusedFor: 'unsigned',
    edit: (cms) => withSigners(cms, () => []),
  },
  {
    id: 'swupdate-cms-other-digest-stated',
    kind: 'downgrade',
    name: 'with SHA-1 named as the digest of its signature',
    rationale: 'The algorithm that is named is not signed: it must still be the one that was used.',
    refusedFor: 'digest',
    edit: (cms) => withDigestAlgorithm(cms, digestOids.sha1),
  },
  {
    id: 'swupdate-cms-md5-stated',
    kind: 'downgrade',
    name: 'with MD5 named as the digest of its signature',
    rationale: 'A digest that can be forged must not be looked up, even where the library still has it.',
    refusedFor: 'digest',
    edit: (cms) => withDigestAlgorithm(cms, '1.2.840.113549.2.5'),
  },
  {
    id: 'swupdate-cms-message-digest',
    kind: 'coverage',
    name: 'with another message digest among the signed attributes',
    rationale: 'The attributes are signed: what they say of the content is, too.',
    refusedFor: 'digest',
    edit: (cms) => withMessageDigest(cms, createHash('sha256').update('something else').digest()),
  },
  {
    id: 'swupdate-cms-attributes-removed',
    kind: 'coverage',
    name: 'without the signed attributes of its signature',
    rationale: 'The signature was over the attributes, and is now said to be over the description.',
    references: ['RFC 5652, 5.4', 'Strenzke, Flaw in CMS signed attributes, 2023'],
    refusedFor: 'signature',
    edit: (cms, { image }) =>
      image.cms?.signers[0]?.signedAttributes === undefined ? undefined : withoutSignedAttributes(cms),
  },
  {
    id: 'swupdate-cms-content-inside',
    kind: 'injection',
    name: 'with a forged description inside the CMS',
    rationale:
      'Signed is the description in the archive; what the CMS carries must not take its place, nor be verified.',
    expectation: noCrash,
    edit: (cms) => withContent(cms, Buffer.from('software = { version = "99.0.0"; };\n')),
  },
  {
    id: 'swupdate-cms-certificates-removed',
    kind: 'encoding',
    name: 'without the certificates of its signature',
    rationale: 'A device that has the signer’s certificate goes on; one that has only the root must refuse.',
    expectation: noCrash,
    edit: (cms, { image }) =>
      image.cms?.certificates.length === 0 ? undefined : withCertificates(cms, () => []),
  },
  {
    id: 'swupdate-cms-certificate-doubled',
    kind: 'encoding',
    name: 'with the certificates of its signature twice',
    rationale: 'Certificates that come along are help for building the chain, and no more.',
    expectation: benign,
    edit: (cms, { image }) =>
      image.cms?.certificates.length === 0 ? undefined : withCertificates(cms, (list) => [...list, ...list]),
  },
  {
    id: 'swupdate-cms-signer-doubled',
    kind: 'encoding',
    name: 'with its signer twice',
    rationale: 'Both signatures are good.',
    expectation: benign,
    edit: (cms) => withSigners(cms, (signers) => [...signers, ...signers]),
  },
  {
    id: 'swupdate-cms-second-signer-stranger',
    kind: 'foreign-key',
    name: 'with a second signature by a stranger',
    rationale:
      'The genuine one still vouches for the description: strict agents want every signer good, others one.',
    references: ['RFC 5652, 5.1', 'SWUpdate corelib/swupdate_cms_verify.c, CONFIG_CMS_SKIP_UNKNOWN_SIGNERS'],
    expectation: noCrash,
    edit: (cms, input) => {
      const other = forged('self')(cms, input);
      const opened = other && openCms(other);
      if (opened === undefined) return undefined;
      const added = opened.nodes.signerInfos.children.map((node) => derBytes(opened.source, node));
      return withSigners(cms, (signers) => [...signers, ...added]);
    },
  },
  {
    id: 'swupdate-cms-unsigned-attribute',
    kind: 'encoding',
    name: 'with an unsigned attribute in its signature',
    rationale: 'Unsigned attributes are allowed, and decide nothing.',
    references: ['RFC 5652, 5.3'],
    expectation: benign,
    edit: (cms) => withUnsignedAttribute(cms, '1.3.6.1.4.1.99999.1', Buffer.of(5, 0)),
  },
  {
    id: 'swupdate-cms-indefinite',
    kind: 'encoding',
    name: 'with indefinite lengths in its signature',
    rationale: 'BER is allowed for CMS; what is signed is the same.',
    references: ['RFC 5652, 2', 'X.690, 8.1.3.6'],
    expectation: benign,
    edit: asIndefinite,
  },
  {
    id: 'swupdate-cms-long-length',
    kind: 'encoding',
    name: 'with a length in more bytes than it needs in its signature',
    rationale: 'BER is allowed for CMS; what is signed is the same.',
    references: ['RFC 5652, 2', 'X.690, 8.1.3.5'],
    expectation: benign,
    edit: withLongLength,
  },
  {
    id: 'swupdate-cms-junk-inside',
    kind: 'structure',
    name: 'with a field inside the CMS that does not belong there',
    rationale: 'Strict readers refuse it; it is covered by nothing and means nothing.',
    expectation: benign,
    edit: (cms) => withJunkInside(cms, Buffer.from('junk')),
  },
  {
    id: 'swupdate-cms-junk-behind',
    kind: 'structure',
    name: 'with bytes behind the CMS of its signature',
    rationale: 'A reader of one element stops before them.',
    expectation: benign,
    edit: (cms) => Buffer.concat([cms, Buffer.from('junk')]),
  },
];

/** The signed attributes served as the description: the old signature then verifies without attributes. */
const attributesAsContent = attack({
  id: 'swupdate-cms-attributes-as-description',
  kind: 'coverage',
  name: 'with the signed attributes of its signature in place of the description',
  rationale:
    'Without the attributes the same signature is good for them as content: it vouches for bytes that nobody meant to ' +
    'sign, which are no description.',
  references: ['RFC 5652, 5.4', 'Strenzke, Flaw in CMS signed attributes, 2023'],
  plan: (input) => {
    const { signatureEntry, descriptionEntry, cms } = input.image;
    const [signer] = cms?.signers ?? [];
    if (signatureEntry === undefined || descriptionEntry === undefined || signer === undefined) {
      return { doesNotApply: 'the signature is no CMS' };
    }
    if (cms !== undefined && cms.signers.length > 1) {
      return { doesNotApply: 'it has several signers, who did not all sign the same attributes' };
    }
    const content = signedMessage(input.base, signer);
    const bare = withoutSignedAttributes(bytesIn(input.base, signatureEntry));
    if (content === undefined || bare === undefined) return { doesNotApply: 'it has no signed attributes' };
    return planOf(input, [replaceEntry(descriptionEntry, content), replaceEntry(signatureEntry, bare)], {
      refusedFor: 'description',
    });
  },
});

export const cmsMutations: readonly SwupdateMutation[] = [
  ...attacks.map((described) => cmsAttack(described)),
  attributesAsContent,
];
