/** Signers that the test key issued, where it is an authority's: with exactly one thing wrong each. */

import { cosigned } from '../../../crypto/cms-cosign.ts';
import type { CmsSigningKey } from '../../../crypto/cms-sign.ts';
import { oids } from '../../../crypto/oids.ts';
import {
  issuedSigner,
  signerBelowPath,
  withCosigners,
  type SignerInput,
} from '../../../crypto/test-signers.ts';
import { byPolicy, type Expectation } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { contentOf, signedCms, signersLike } from './cms.ts';
import { mustReject, replaceCms, type RaucMutation } from './common.ts';

interface Issued {
  id: string;
  name: string;
  rationale: string;
  reference: string;
  expectation: Expectation | ((policy: Policy) => Expectation);
  /** Why the verifier refuses where it refuses. */
  reason: string;
  by: (input: SignerInput) => CmsSigningKey | undefined;
  lacking: string;
}

const noAuthority = 'the test key is that of no certificate authority';

const checked = (
  key: 'certificateTime' | 'certificatePurpose' | 'signerName',
): ((policy: Policy) => Expectation) =>
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
      const first = by(signersLike(input));
      if (first === undefined) return { doesNotApply: lacking };
      const keys = withCosigners(signersLike(input), first);
      if (typeof keys === 'string') return { doesNotApply: keys };
      const signed = cosigned(cms, keys, contentOf(input), input.random);
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
      by: (input) => issuedSigner(input, { notBefore: new Date(0), notAfter: new Date(365 * day) }),
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
        issuedSigner(input, {
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
      by: (input) => issuedSigner(input, { purposes: [oids.serverAuth] }),
    },
    {
      id: 'other-name',
      name: 'signed by a certificate of the trusted authority that has another name',
      rationale: 'The authority issues signers for other products too: only those named may sign.',
      reference: 'SIG-12',
      expectation: checked('signerName'),
      reason: 'name',
      lacking: noAuthority,
      by: (input) => issuedSigner(input, { name: 'Fieldproof Other Product' }),
    },
    {
      id: 'of-signer',
      name: 'signed by a certificate that a signer issued',
      rationale: 'A signer is no authority, whatever its key can sign.',
      reference: 'SIG-13',
      expectation: mustReject,
      reason: 'chain',
      lacking: 'the test key is that of an authority, or has no certificate',
      by: (input) => issuedSigner(input, {}, 'signer'),
    },
    {
      id: 'too-deep',
      name: 'signed below an authority that the trusted one must not have below it',
      rationale: 'A path length of zero lets an authority issue signers, and no authorities.',
      reference: 'SIG-13',
      expectation: mustReject,
      reason: 'chain',
      lacking: 'the test key is that of no certificate authority with a path length of zero',
      by: signerBelowPath,
    },
  ] satisfies Issued[]
).map(certificateAttack);
