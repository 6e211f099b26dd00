/**
 * Attacks signed anew with a test key that the device trusts: the signature is good, and exactly one other thing is
 * wrong. Certificates with one thing wrong can be made where the test key is that of an authority.
 */

import type { KeyObject } from 'node:crypto';
import { bytesSource } from '../../../byte-source.ts';
import { resigned, signingKeyOf, type CmsSigningKey } from '../../../crypto/cms-sign.ts';
import { issueCertificate, type Issue } from '../../../crypto/issue.ts';
import { oids } from '../../../crypto/oids.ts';
import { keyLike, publicHalf, signDigest } from '../../../crypto/sign-digest.ts';
import { verifyDigest } from '../../../crypto/verify-digest.ts';
import { readCertificate } from '../../../crypto/x509.ts';
import { digestOf } from '../../../digest.ts';
import { byPolicy, type AttackKind, type Expectation } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import {
  attack,
  bytesIn,
  descriptionDoc,
  mustReject,
  planOf,
  replaceEntry,
  rewritten,
  signedImages,
  type SwupdateInput,
  type SwupdateMutation,
  type SwupdatePlan,
} from './common.ts';

type Change = { start: number; end: number; text: string };

/** Description and signature replaced: what is described now is signed by the key. */
function signedAnew(
  input: SwupdateInput,
  description: Buffer | undefined,
  key: CmsSigningKey | undefined,
  refusedFor?: string,
): SwupdatePlan {
  const { descriptionEntry, signatureEntry } = input.image;
  if (descriptionEntry === undefined || signatureEntry === undefined || description === undefined) {
    return { doesNotApply: 'the image is unsigned' };
  }
  const signature = key && signatureOver(input, description, key);
  if (signature === undefined) return { doesNotApply: 'the test key cannot make a signature of this kind' };
  const same = description.equals(bytesIn(input.base, descriptionEntry));
  const patches = [
    ...(same ? [] : [replaceEntry(descriptionEntry, description)]),
    replaceEntry(signatureEntry, signature),
  ];
  return planOf(input, patches, refusedFor === undefined ? {} : { refusedFor });
}

function signatureOver(input: SwupdateInput, description: Buffer, key: CmsSigningKey): Buffer | undefined {
  const { signatureEntry, cms } = input.image;
  if (signatureEntry === undefined) return undefined;
  const genuine = bytesIn(input.base, signatureEntry);
  const content = bytesSource(description);
  if (cms !== undefined) return resigned(genuine, key, content, input.random);
  if (key.privateKey.asymmetricKeyType !== 'rsa') return undefined;
  const scheme = { type: bareScheme(input, genuine, key.privateKey), hash: 'sha256' } as const;
  return signDigest(key.privateKey, scheme, digestOf(content), input.random('salt', 32));
}

/** The padding that the genuine signature has under this key; PKCS #1 v1.5 when it is by another. */
function bareScheme(
  { base, image }: SwupdateInput,
  genuine: Buffer,
  key: KeyObject,
): 'rsa-pkcs1' | 'rsa-pss' {
  const entry = image.descriptionEntry;
  if (entry === undefined) return 'rsa-pkcs1';
  const digest = digestOf(base, 'sha256', { start: entry.dataStart, end: entry.dataEnd });
  const pss = verifyDigest(publicHalf(key), { type: 'rsa-pss', hash: 'sha256' }, digest, genuine);
  return pss.good ? 'rsa-pss' : 'rsa-pkcs1';
}

interface Edit {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  expectation: Expectation | ((policy: Policy) => Expectation);
  refusedFor?: string;
  edit: (input: SwupdateInput) => Change[] | string;
}

const accepted: Expectation = { class: 'must-accept' };

const edits: readonly Edit[] = [
  {
    id: 'swupdate-signed-control',
    kind: 'metadata',
    name: 'with a comment in its description, signed anew by a trusted key',
    rationale: 'The twin of all that are signed anew: nothing is wrong with it, and it must be taken.',
    references: [signedImages],
    expectation: accepted,
    edit: ({ image }) => {
      const at = image.descriptionEntry?.dataEnd;
      return at === undefined ? 'there is no description' : [{ start: at, end: at, text: '\n' }];
    },
  },
  {
    id: 'swupdate-signed-lower-version',
    kind: 'rollback',
    name: 'of version 0.0.0, signed by a trusted key',
    rationale: 'An agent that refuses lower versions must compare them as numbers, whoever signed.',
    references: ['RBK-01', 'SWUpdate doc/source/swupdate.rst, option -N'],
    expectation: byPolicy('lowerVersion', (value) => (value === 'refuse' ? mustReject : accepted)),
    edit: ({ image }) => {
      const { version, versionValue } = image.description ?? {};
      if (versionValue === undefined || !/^\d+(\.\d+){0,3}$/.test(version ?? ''))
        return 'its version is no number';
      return /[1-9]/.test(version ?? '')
        ? [{ ...versionValue, text: '"0.0.0"' }]
        : 'its version is zero already';
    },
  },
  {
    id: 'swupdate-signed-other-hardware',
    kind: 'compatibility',
    name: 'for other hardware, signed by a trusted key',
    rationale: 'A genuine image of a sister product bricks this one.',
    references: ['CMP-01', `${descriptionDoc}, hardware-compatibility`],
    expectation: byPolicy('hardwareCompatibility', (value) => (value === 'checked' ? mustReject : accepted)),
    edit: ({ image }) => {
      const value = image.description?.hardwareValue;
      return value === undefined ? 'it names no hardware' : [{ ...value, text: '["fieldproof-other-9.9"]' }];
    },
  },
  {
    id: 'swupdate-signed-without-sha256',
    kind: 'coverage',
    name: 'with no SHA-256 for an image, signed by a trusted key',
    rationale: 'An image without a digest is bound by nothing: a device that wants signatures wants digests.',
    references: ['SWUpdate core/parser.c, check_missing_hash', signedImages],
    expectation: mustReject,
    refusedFor: 'no-digest',
    edit: (input) => sha256Setting(input, () => undefined),
  },
  {
    id: 'swupdate-signed-sha256-zero',
    kind: 'coverage',
    name: 'with a SHA-256 of zeros for an image, signed by a trusted key',
    rationale: 'A digest of zeros must not mean that there is none.',
    references: ['SWUpdate core/util.c, IsValidHash', 'SWUpdate core/parser.c, check_missing_hash'],
    expectation: mustReject,
    refusedFor: 'no-digest',
    edit: (input) => sha256Setting(input, () => '0'.repeat(64)),
  },
  {
    id: 'swupdate-signed-sha256-other',
    kind: 'payload',
    name: 'with the SHA-256 of other contents for an image, signed by a trusted key',
    rationale: 'The signature is good and the image is another: only the digest tells.',
    references: ['SIG-02', signedImages],
    expectation: mustReject,
    refusedFor: 'image-digest',
    edit: (input) => sha256Setting(input, () => input.random('other digest', 32).toString('hex')),
  },
  {
    id: 'swupdate-signed-sha256-short',
    kind: 'coverage',
    name: 'with only the first half of a SHA-256 for an image, signed by a trusted key',
    rationale: 'A digest that is compared as far as it goes can be forged with half the work, or with none.',
    references: [signedImages],
    expectation: mustReject,
    refusedFor: 'no-digest',
    edit: (input) => sha256Setting(input, (sha256) => sha256.slice(0, 32)),
  },
];

/** The first image's digest replaced, or its setting removed with the separator behind it. */
function sha256Setting(input: SwupdateInput, to: (sha256: string) => string | undefined): Change[] | string {
  const [artifact] = input.image.description?.artifacts ?? [];
  const value = artifact?.sha256Value;
  if (artifact?.sha256 === undefined || value === undefined) return 'it has no SHA-256';
  const text = to(artifact.sha256);
  if (text !== undefined) return [{ ...value, text: `"${text}"` }];
  // Another name for the setting: the syntax stays whole, whatever stands around it.
  const before = Buffer.from(input.base.read(artifact.start, value.start)).toString('latin1');
  const at = artifact.start + before.lastIndexOf('sha256');
  return [{ start: at, end: at + 'sha256'.length, text: 'note256' }];
}

function resignedEdit({ edit, refusedFor, ...described }: Edit): SwupdateMutation {
  return attack({
    ...described,
    attackerModel: 'insider',
    needs: ['test-key'],
    plan: (input) => {
      const changes = edit(input);
      if (typeof changes === 'string') return { doesNotApply: changes };
      const key = input.testKey && signerOf(input);
      return signedAnew(input, rewritten(input, changes), key, refusedFor);
    },
  });
}

/** The test key itself, or a good signer below it when it is an authority's. */
function signerOf(input: SwupdateInput): CmsSigningKey | undefined {
  return issuedSigner(input, {}) ?? (input.testKey && signingKeyOf(input.testKey));
}

const day = 24 * 3600_000;

/** A signer issued by the test key, when that is an authority's: good but for the changes. */
function issuedSigner(
  input: SwupdateInput,
  changes: Partial<Issue>,
  wanted: 'authority' | 'signer' = 'authority',
): CmsSigningKey | undefined {
  const { testKey, random } = input;
  if (testKey?.kind !== 'classic') return undefined;
  const issuer = testKey.chain[0] && readCertificate(testKey.chain[0]);
  if (issuer?.publicKey === undefined) return undefined;
  if ((issuer.basicConstraints?.ca === true) !== (wanted === 'authority')) return undefined;
  const privateKey = keyLike(issuer.publicKey, (bytes) => random('issued key', bytes));
  if (privateKey === undefined) return undefined;
  const certificate = issueCertificate({
    issuer,
    issuerKey: testKey.key,
    subjectKey: publicHalf(privateKey),
    name: 'Fieldproof',
    notBefore: issuer.notBefore ?? new Date(0),
    notAfter: issuer.notAfter ?? new Date(0),
    purposes: [oids.codeSigning, oids.emailProtection],
    ...changes,
  });
  return { privateKey, certificate, chain: [certificate, ...testKey.chain] };
}

interface Issued {
  id: string;
  name: string;
  rationale: string;
  expectation: Expectation | ((policy: Policy) => Expectation);
  refusedFor: string;
  by: (input: SwupdateInput) => CmsSigningKey | undefined;
  lacking: string;
}

const noAuthority = 'the test key is that of no certificate authority';
const whereChecked = (key: 'certificateTime' | 'certificatePurpose') =>
  byPolicy(key, (value) => (value === 'checked' ? mustReject : accepted));

const issued: readonly Issued[] = [
  {
    id: 'swupdate-certificate-expired',
    name: 'signed by a certificate of the trusted authority that has expired',
    rationale: 'A key is trusted for a time; what it signs later is not.',
    expectation: whereChecked('certificateTime'),
    refusedFor: 'expired',
    lacking: noAuthority,
    by: (input) => issuedSigner(input, { notBefore: new Date(0), notAfter: new Date(365 * day) }),
  },
  {
    id: 'swupdate-certificate-not-yet-valid',
    name: 'signed by a certificate of the trusted authority that is not valid yet',
    rationale:
      'A device without a clock starts in 1970: it must know what it does with certificates of the future.',
    expectation: whereChecked('certificateTime'),
    refusedFor: 'not-yet-valid',
    lacking: noAuthority,
    by: (input) =>
      issuedSigner(input, { notBefore: new Date(Date.UTC(2190, 0)), notAfter: new Date(Date.UTC(2199, 0)) }),
  },
  {
    id: 'swupdate-certificate-wrong-purpose',
    name: 'signed by a certificate of the trusted authority that is for TLS servers',
    rationale: 'One authority often serves several purposes: a server’s key must not sign firmware.',
    expectation: whereChecked('certificatePurpose'),
    refusedFor: 'purpose',
    lacking: noAuthority,
    by: (input) => issuedSigner(input, { purposes: [oids.serverAuth] }),
  },
  {
    id: 'swupdate-certificate-by-signer',
    name: 'signed by a certificate that a signer’s certificate issued',
    rationale: 'A signer is no authority, whatever its key can sign.',
    expectation: mustReject,
    refusedFor: 'chain',
    lacking: 'the test key is that of an authority, or has no certificate',
    by: (input) => issuedSigner(input, {}, 'signer'),
  },
  {
    id: 'swupdate-certificate-path-too-long',
    name: 'signed below an authority that the trusted one must not have below it',
    rationale: 'A path length of zero means that an authority issues signers, and no authorities.',
    expectation: mustReject,
    refusedFor: 'chain',
    lacking: 'the test key is that of no certificate authority with a path length of zero',
    by: belowPath,
  },
];

function belowPath(input: SwupdateInput): CmsSigningKey | undefined {
  const der = input.testKey?.chain[0];
  const top = der && readCertificate(der);
  if (top?.basicConstraints?.pathLength !== 0) return undefined;
  const middle = issuedSigner(input, { authority: true, purposes: [], name: 'Fieldproof CA' });
  const issuer = middle?.certificate && readCertificate(middle.certificate);
  if (middle === undefined || issuer?.publicKey === undefined) return undefined;
  const privateKey = keyLike(issuer.publicKey, (bytes) => input.random('signer below', bytes));
  if (privateKey === undefined) return undefined;
  const certificate = issueCertificate({
    issuer,
    issuerKey: middle.privateKey,
    subjectKey: publicHalf(privateKey),
    name: 'Fieldproof Signer',
    notBefore: issuer.notBefore ?? new Date(0),
    notAfter: issuer.notAfter ?? new Date(0),
    purposes: [oids.codeSigning, oids.emailProtection],
  });
  return { privateKey, certificate, chain: [certificate, ...(middle.chain ?? [])] };
}

function certificateAttack({ by, expectation, refusedFor, lacking, ...described }: Issued): SwupdateMutation {
  return attack({
    ...described,
    kind: 'certificate',
    references: ['KEY-02', signedImages, 'RFC 5280, 6.1'],
    attackerModel: 'insider',
    needs: ['test-key'],
    expectation,
    plan: (input) => {
      const entry = input.image.descriptionEntry;
      if (input.image.cms === undefined || entry === undefined)
        return { doesNotApply: 'the signature is no CMS' };
      const key = by(input);
      if (key === undefined) return { doesNotApply: lacking };
      const made = expectation === mustReject || input.policy[policyOf(refusedFor)] === 'checked';
      return signedAnew(input, bytesIn(input.base, entry), key, made ? refusedFor : undefined);
    },
  });
}

function policyOf(refusedFor: string): 'certificateTime' | 'certificatePurpose' {
  return refusedFor === 'purpose' ? 'certificatePurpose' : 'certificateTime';
}

export const testKeyMutations: readonly SwupdateMutation[] = [
  ...edits.map(resignedEdit),
  ...issued.map(certificateAttack),
];
