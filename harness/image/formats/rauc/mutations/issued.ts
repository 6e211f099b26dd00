/** Signers that the test key issued, where it is an authority's: with exactly one thing wrong each. */

import { resigned, signingKeyOf, type CmsSigningKey } from '../../../crypto/cms-sign.ts';
import { issueCertificate, type Issue } from '../../../crypto/issue.ts';
import { oids } from '../../../crypto/oids.ts';
import { keyLike, publicHalf } from '../../../crypto/sign-digest.ts';
import { readCertificate, type Certificate } from '../../../crypto/x509.ts';
import { byPolicy, type Expectation } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { contentOf, signedCms } from './cms.ts';
import { mustReject, replaceCms, type RaucInput, type RaucMutation } from './common.ts';

const purposes = [oids.codeSigning, oids.emailProtection];

/** The test key itself; a good signer below it when it is an authority's. */
export function testSigner(input: RaucInput): CmsSigningKey | undefined {
  return below(input, 'authority', {}) ?? (input.testKey && signingKeyOf(input.testKey));
}

/** A signer below the test key, good but for the changes; undefined when the test key is not of that sort. */
function below(
  { testKey, random }: RaucInput,
  sort: 'authority' | 'signer',
  changes: Partial<Issue>,
): CmsSigningKey | undefined {
  const issuer = testKey?.chain[0] && readCertificate(testKey.chain[0]);
  if (testKey?.kind !== 'classic' || issuer === undefined) return undefined;
  if ((issuer.basicConstraints?.ca === true) !== (sort === 'authority')) return undefined;
  return issuedBy(issuer, { privateKey: testKey.key, chain: testKey.chain }, changes, random);
}

function issuedBy(
  issuer: Certificate,
  by: CmsSigningKey,
  changes: Partial<Issue>,
  random: RaucInput['random'],
): CmsSigningKey | undefined {
  const name = changes.name ?? 'Fieldproof';
  const privateKey =
    issuer.publicKey && keyLike(issuer.publicKey, (bytes) => random(`key of ${name}`, bytes));
  if (privateKey === undefined) return undefined;
  const certificate = issueCertificate({
    issuer,
    issuerKey: by.privateKey,
    subjectKey: publicHalf(privateKey),
    name,
    notBefore: issuer.notBefore ?? new Date(0),
    notAfter: issuer.notAfter ?? new Date(0),
    purposes,
    ...changes,
  });
  return { privateKey, certificate, chain: [certificate, ...(by.chain ?? [])] };
}

/** A signer below an authority below the test key, whose path length forbids it. */
function tooDeep(input: RaucInput): CmsSigningKey | undefined {
  const der = input.testKey?.chain[0];
  if (der === undefined || readCertificate(der)?.basicConstraints?.pathLength !== 0) return undefined;
  const middle = below(input, 'authority', { authority: true, purposes: [], name: 'Fieldproof CA' });
  const issuer = middle?.certificate && readCertificate(middle.certificate);
  return middle && issuer && issuedBy(issuer, middle, {}, input.random);
}

interface Issued {
  id: string;
  name: string;
  rationale: string;
  reference: string;
  expectation: Expectation | ((policy: Policy) => Expectation);
  /** Why the verifier refuses where it refuses. */
  reason: string;
  by: (input: RaucInput) => CmsSigningKey | undefined;
  lacking: string;
}

const noAuthority = 'the test key is that of no certificate authority';

const checked = (key: 'certificateTime' | 'certificatePurpose'): ((policy: Policy) => Expectation) =>
  byPolicy(key, (value) => (value === 'checked' ? mustReject : { class: 'benign-accept' }));

function certificateAttack({ by, lacking, reason, reference, ...described }: Issued): RaucMutation {
  return {
    ...described,
    id: `rauc-certificate-${described.id}`,
    kind: 'certificate',
    references: [reference, 'RFC 5280, 6.1'],
    attackerModel: 'insider',
    needs: ['test-key'],
    plan: (input) => {
      const cms = signedCms(input);
      if (cms === undefined) return { doesNotApply: 'its signed data is encrypted' };
      const key = by(input);
      if (key === undefined) return { doesNotApply: lacking };
      const signed = resigned(cms, key, contentOf(input), input.random);
      if (signed === undefined) return { doesNotApply: 'the CMS cannot be signed anew' };
      return { ...replaceCms(input.image, signed), refusedFor: reason };
    },
  };
}

const day = 24 * 3600_000;

export const issuedMutations: readonly RaucMutation[] = (
  [
    {
      id: 'expired',
      name: 'signed by a certificate of the trusted authority that has expired',
      rationale: 'A signer is trusted for a time. What is signed later is not.',
      reference: 'SIG-09',
      expectation: checked('certificateTime'),
      reason: 'expired',
      lacking: noAuthority,
      by: (input) => below(input, 'authority', { notBefore: new Date(0), notAfter: new Date(365 * day) }),
    },
    {
      id: 'not-yet-valid',
      name: 'signed by a certificate of the trusted authority that is not valid yet',
      rationale: 'A device without a clock must know what it does with the certificates of a later time.',
      reference: 'SIG-10',
      expectation: checked('certificateTime'),
      reason: 'not-yet-valid',
      lacking: noAuthority,
      by: (input) =>
        below(input, 'authority', {
          notBefore: new Date(Date.UTC(2190, 0)),
          notAfter: new Date(Date.UTC(2199, 0)),
        }),
    },
    {
      id: 'wrong-purpose',
      name: 'signed by a certificate of the trusted authority that is for TLS servers',
      rationale:
        'An authority issues certificates for several purposes. The key of a server signs no bundles.',
      reference: 'SIG-11',
      expectation: checked('certificatePurpose'),
      reason: 'purpose',
      lacking: noAuthority,
      by: (input) => below(input, 'authority', { purposes: [oids.serverAuth] }),
    },
    {
      id: 'of-signer',
      name: 'signed by a certificate that a signer issued',
      rationale: 'A signer is no authority, whatever its key can sign.',
      reference: 'SIG-13',
      expectation: mustReject,
      reason: 'chain',
      lacking: 'the test key is that of an authority, or has no certificate',
      by: (input) => below(input, 'signer', {}),
    },
    {
      id: 'too-deep',
      name: 'signed below an authority that the trusted one must not have below it',
      rationale: 'A path length of zero lets an authority issue signers, and no authorities.',
      reference: 'SIG-13',
      expectation: mustReject,
      reason: 'chain',
      lacking: 'the test key is that of no certificate authority with a path length of zero',
      by: tooDeep,
    },
  ] satisfies Issued[]
).map(certificateAttack);
