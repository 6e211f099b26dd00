/**
 * Signers that the test key issued, where it is an authority's: with exactly one thing wrong each, so that a refusal tells
 * which check was made.
 */

import type { CmsSigningKey } from '../../../crypto/cms-sign.ts';
import { oids } from '../../../crypto/oids.ts';
import { byPolicy, type Expectation } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { attack, bytesIn, mustReject, signedImages, signersLike, type SwupdateMutation } from './common.ts';
import { signedAnew } from './signed-anew.ts';
import { issuedSigner, signerBelowPath, type SignerInput } from '../../../crypto/test-signers.ts';

const day = 24 * 3600_000;
const accepted: Expectation = { class: 'must-accept' };

interface Issued {
  id: string;
  name: string;
  rationale: string;
  expectation: Expectation | ((policy: Policy) => Expectation);
  refusedFor: string;
  by: (input: SignerInput) => CmsSigningKey | undefined;
  lacking: string;
}

const noAuthority = 'the test key is that of no certificate authority';
const whereChecked = (key: 'certificateTime' | 'certificatePurpose' | 'signerName') =>
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
    id: 'swupdate-certificate-other-name',
    name: 'signed by a certificate of the trusted authority that has another name',
    rationale:
      'The authority issues signers for other products and departments too: only those named may sign.',
    expectation: whereChecked('signerName'),
    refusedFor: 'name',
    lacking: noAuthority,
    by: (input) => issuedSigner(input, { name: 'Fieldproof Other Product' }),
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
    by: signerBelowPath,
  },
];

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
      const key = by(signersLike(input));
      if (key === undefined) return { doesNotApply: lacking };
      const refused = typeof expectation !== 'function' || expectation(input.policy) === mustReject;
      return signedAnew(input, bytesIn(input.base, entry), key, refused ? { refusedFor } : {});
    },
  });
}

export const issuedCertificateMutations: readonly SwupdateMutation[] = issued.map(certificateAttack);
