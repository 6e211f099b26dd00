/** Attacks on the signature of PE images, and on whose it is. */

import { raisedByOne } from '../../../crypto/value-byte.ts';
import { bytesSource } from '../../../byte-source.ts';
import { withSignature, withSigners } from '../../../crypto/cms-edit.ts';
import {
  forgedCertificate,
  resigned,
  strangerLike,
  strangersCertificate,
  type CmsSigningKey,
} from '../../../crypto/cms-sign.ts';
import { signerCertificates } from '../../../crypto/cms.ts';
import { edgeValues } from '../../../crypto/edge-values.ts';
import { overwrite } from '../../../patch-set.ts';
import type { PeCertificate } from '../certificates.ts';
import { cmsBytes, refitted, signedContent, tablePatches, winCertificate, type Fresh } from '../edit.ts';
import { imageDigest, type Refusal } from '../verify.ts';
import {
  attack,
  authenticode,
  editedTable,
  planOf,
  uefi,
  withTable,
  type PeInput,
  type PeMutation,
} from './common.ts';

const stripSignature = attack({
  id: 'pe-strip-signature',
  kind: 'unsigned',
  depth: 'standard',
  name: 'without its certificate table',
  rationale: 'Firmware that runs unsigned images runs whatever anybody built.',
  references: ['SIG-01', uefi],
  plan: (input) =>
    withTable(input, () => planOf(input, tablePatches(input.image, []), { refusedFor: 'unsigned' })),
});

const hiddenTable = attack({
  id: 'pe-strip-signature-directory-entry',
  kind: 'unsigned',
  invariants: ['same-length', 'signed-kept', 'signature-kept'],
  name: 'whose certificate table is there, and named by nothing',
  rationale: 'A table that the directory does not name is overlay: nobody may go and look for it.',
  references: ['SIG-01', authenticode],
  plan: (input) =>
    withTable(input, ({ securityAt }) =>
      planOf(input, [overwrite(securityAt, Buffer.alloc(8))], { refusedFor: 'unsigned' }),
    ),
});

const noSigners = attack({
  id: 'pe-no-signers',
  kind: 'unsigned',
  name: 'whose CMS has no signer',
  rationale: '“Every signature is good” holds of none.',
  references: ['SIG-01', 'RFC 5652, 5.1'],
  plan: (input) => editedTable(input, (cms) => withSigners(cms, () => []), { refusedFor: 'cms-unsigned' }),
});

const plusOne = attack({
  id: 'pe-signature-first-byte-plus-one',
  kind: 'signature',
  depth: 'standard',
  invariants: ['same-length', 'signed-kept'],
  name: 'with the value of its signature raised by one',
  rationale: 'The smallest change to a signature; a loader that ignores the result of the check accepts it.',
  references: ['SIG-04'],
  plan: (input) =>
    withTable(input, () => {
      const signers = input.image.certificates.flatMap(({ cms }) => cms?.signers ?? []);
      const patches = signers.map(({ signature: { start, end } }) => {
        const { at, byte } = raisedByOne(input.base.read(start, end));
        return overwrite(start + at, Buffer.of(byte));
      });
      return planOf(input, patches, { refusedFor: 'signature' });
    }),
});

function transplant(id: string, words: string, fresh: Fresh | undefined, refusedFor: Refusal): PeMutation {
  return attack({
    id: `pe-signature-transplanted-${id}`,
    kind: 'transplant',
    depth: 'standard',
    name: `with the valid signature of another release${words}`,
    rationale: 'A signature must be checked against this image, not merely be one that the maker once made.',
    references: ['SIG-05', authenticode],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    plan: (input) =>
      withTable(input, () => {
        const { second, base, image } = input;
        const donor = second?.image.certificates[0];
        const algorithm = donor?.indirect?.algorithm;
        if (second === undefined || donor === undefined || algorithm === undefined) {
          return { doesNotApply: 'the second image is unsigned' };
        }
        const own = imageDigest(base, image, algorithm);
        if (own.equals(imageDigest(second.source, second.image, algorithm))) {
          return { doesNotApply: 'the second image is signed over the same bytes' };
        }
        const cms = cmsBytes(second.source, donor);
        const fitting = fresh === undefined ? cms : refitted(cms, donor, own, fresh);
        return planOf(input, tablePatches(image, [winCertificate(fitting)]), { refusedFor });
      }),
  });
}

/** The DER of the certificate that the first signer names. */
export function signerCertificate({ cms }: PeCertificate): Buffer | undefined {
  const signer = cms?.signers[0];
  return cms === undefined || signer === undefined ? undefined : signerCertificates(cms, signer)[0]?.der;
}

type Forge = (certificate: PeCertificate, cms: Buffer, input: PeInput) => CmsSigningKey | undefined;

function signedBy(
  described: Pick<PeMutation, 'id' | 'kind' | 'name' | 'rationale'> & Partial<PeMutation>,
  forge: Forge,
  refusedFor: Refusal,
): PeMutation {
  return attack({
    references: ['SIG-06', uefi],
    attackerModel: 'foreign-key',
    depth: 'standard',
    ...described,
    plan: (input) =>
      editedTable(
        input,
        (cms, certificate) => {
          const key = forge(certificate, cms, input);
          const content = bytesSource(signedContent(cms, certificate));
          return key && resigned(cms, key, content, input.random);
        },
        { refusedFor },
        (entries) => entries.slice(0, 1),
      ),
  });
}

export const byStranger: Forge = (certificate, _cms, { random }) => {
  const genuine = signerCertificate(certificate);
  return genuine && strangersCertificate(genuine, random);
};

const forged =
  (issuer: 'kept' | 'self'): Forge =>
  (certificate, _cms, { random }) => {
    const genuine = signerCertificate(certificate);
    return genuine && forgedCertificate(genuine, issuer, random);
  };

const unknownKeys = [
  signedBy(
    {
      id: 'pe-unknown-key',
      kind: 'foreign-key',
      name: 'signed with an unknown key and a certificate of its own',
      rationale: 'The CMS brings its certificates along: they are there to be checked, not to be believed.',
    },
    byStranger,
    'untrusted',
  ),
  signedBy(
    {
      id: 'pe-unknown-key-trusted-certificate',
      kind: 'foreign-key',
      name: 'signed with an unknown key under the trusted certificate',
      rationale: 'Certificate and chain are the trusted ones; only the signature is somebody else’s.',
    },
    (_certificate, cms, { random }) => strangerLike(cms, random),
    'signature',
  ),
  signedBy(
    {
      id: 'pe-unknown-key-self-signed-copy',
      kind: 'certificate',
      name: 'signed under a self-signed copy of the trusted certificate',
      rationale: 'Name, serial number and extensions are the trusted ones: trust goes by key, not by name.',
    },
    forged('self'),
    'untrusted',
  ),
  signedBy(
    {
      id: 'pe-unknown-key-forged-issuer',
      kind: 'certificate',
      name: 'signed under a certificate in the name of the trusted issuer',
      rationale: 'The issuer’s name is on it, and not the issuer’s signature.',
    },
    forged('kept'),
    'untrusted',
  ),
];

/** Values of the signature at the edges of its scheme, by their ids for ECDSA and RSA. */
function edge(id: string, words: string): PeMutation {
  return attack({
    id: `pe-signature-${id}`,
    kind: 'edge-value',
    name: `with a signature ${words}`,
    rationale: 'Numbers outside of their range must be refused before anything is computed with them.',
    references: ['FIPS 186-5, 6.4.2', 'RFC 8017, 5.2.2', 'Wycheproof'],
    plan: (input) =>
      editedTable(
        input,
        (cms, certificate) => {
          const span = certificate.cms?.signers[0]?.signature;
          const value = edgeOf(input, certificate, id);
          return span === undefined || value === undefined ? undefined : withSignature(cms, value);
        },
        { refusedFor: 'signature' },
      ),
  });
}

function edgeOf({ base }: PeInput, certificate: PeCertificate, id: string): Buffer | undefined {
  const { cms } = certificate;
  const signer = cms?.signers[0];
  if (cms === undefined || signer === undefined) return undefined;
  const key = signerCertificates(cms, signer)[0]?.publicKey;
  const genuine = base.read(signer.signature.start, signer.signature.end);
  const found = key && edgeValues(key, genuine).find((candidate) => candidate.id === id);
  return found?.equivalent === true ? undefined : found?.value;
}

const edges = [
  edge('empty', 'of no bytes'),
  edge('zero-zero', 'with r = s = 0'),
  edge('one-zero', 'with r = 1 and s = 0'),
  edge('zero-one', 'with r = 0 and s = 1'),
  edge('order-order', 'with r = s = the order'),
];

const highS = attack({
  id: 'pe-signature-s-negated',
  kind: 'encoding',
  name: 'with s of its ECDSA signature negated',
  rationale: 'The same signature in its other form: nothing is let in with it.',
  references: ['FIPS 186-5, 6.4.2'],
  expectation: { class: 'benign-accept' },
  plan: (input) =>
    editedTable(input, (cms, certificate) => {
      const { base } = input;
      const signer = certificate.cms?.signers[0];
      const key = certificate.cms && signer && signerCertificates(certificate.cms, signer)[0]?.publicKey;
      if (signer === undefined || key === undefined) return undefined;
      const genuine = base.read(signer.signature.start, signer.signature.end);
      const other = edgeValues(key, genuine).find(({ id }) => id === 's-negated');
      return other && withSignature(cms, other.value);
    }),
});

const doubled = attack({
  id: 'pe-signature-doubled-signer',
  kind: 'injection',
  name: 'whose CMS has an unknown signer beside the genuine one',
  rationale:
    'One signer is genuine, the other is nobody’s: some verifiers look at the first, some at all. The image is the ' +
    'maker’s in any case.',
  references: ['SIG-07', authenticode],
  expectation: { class: 'no-crash-only' },
  attackerModel: 'foreign-key',
  plan: (input) =>
    editedTable(input, (cms, certificate) => {
      const key = byStranger(certificate, cms, input);
      const content = bytesSource(signedContent(cms, certificate));
      const foreign = key && resigned(cms, key, content, input.random);
      if (foreign === undefined) return undefined;
      let theirs: readonly Uint8Array[] = [];
      withSigners(foreign, (signers) => (theirs = signers));
      return withSigners(cms, (signers) => [...signers, ...theirs]);
    }),
});

export const signatureMutations: readonly PeMutation[] = [
  stripSignature,
  hiddenTable,
  noSigners,
  plusOne,
  transplant('stale-digest', '', undefined, 'digest'),
  transplant('fresh-image-digest', ', the image’s digest in it made to fit', 'image-digest', 'cms-digest'),
  transplant('fresh-digest', ', every digest in it made to fit', 'message-digest', 'signature'),
  ...unknownKeys,
  ...edges,
  highS,
  doubled,
];
