/** The CMS of a bundle edited, and put back with the size that goes with it. */

import { bytesSource, slice, type ByteSource } from '../../../byte-source.ts';
import { signerSubjects } from '../../../crypto/cms-cosign.ts';
import type { Edited } from '../../../crypto/cms-edit.ts';
import { signerCertificates } from '../../../crypto/cms.ts';
import type { SignerInput } from '../../../crypto/test-signers.ts';
import type { AttackKind, AttackerModel, Expectation, Invariant } from '../../../mutation.ts';
import { formatsDoc, mustReject, replaceCms, type RaucInput, type RaucMutation } from './common.ts';

export interface CmsAttack {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references?: readonly string[];
  attackerModel?: AttackerModel;
  depth?: 'standard';
  expectation?: Expectation;
  invariants?: readonly Invariant[];
  refusedFor?: string;
  /** See {@link Plan}. */
  mootWhereTaken?: string;
  /** The CMS in other bytes; undefined or a reason when it cannot be made. */
  edit: (cms: Buffer, input: RaucInput) => Edited | string;
}

/** An attack that replaces the signed CMS, and nothing but it. */
export function cmsAttack({ edit, refusedFor, mootWhereTaken, ...described }: CmsAttack): RaucMutation {
  return {
    references: [formatsDoc, 'RFC 5652, 5'],
    attackerModel: 'network',
    expectation: mustReject,
    needs: [],
    ...described,
    plan: (input) => {
      const cms = signedCms(input);
      if (cms === undefined) return { doesNotApply: 'its signed data is encrypted' };
      const edited = edit(cms, input);
      if (edited === undefined || typeof edited === 'string') {
        return { doesNotApply: edited ?? 'the CMS cannot be edited so' };
      }
      return {
        ...replaceCms(input.image, edited),
        ...(refusedFor === undefined ? {} : { refusedFor }),
        ...(mootWhereTaken === undefined ? {} : { mootWhereTaken }),
      };
    },
  };
}

/** The ContentInfo of a plain or verity bundle. */
export function signedCms({ base, image }: RaucInput): Buffer | undefined {
  if (image.cms === undefined || image.cmsSpan === undefined) return undefined;
  return Buffer.from(base.read(image.cmsSpan.start, image.cmsSpan.end));
}

/** What the signature is over: the payload, or the manifest. */
export function contentOf({ base, image }: RaucInput): ByteSource {
  const content = image.cms?.content;
  if (content === undefined) return slice(base, 0, image.payloadEnd);
  return bytesSource(base.read(content.start, content.end));
}

/** DER of the certificate of the first signer. */
export function signersCertificate({ image }: RaucInput): Buffer | undefined {
  const { cms } = image;
  const [signer] = cms?.signers ?? [];
  return cms === undefined || signer === undefined ? undefined : signerCertificates(cms, signer)[0]?.der;
}

/** What signers are made from who have the names of the genuine ones. */
export function signersLike(input: RaucInput): SignerInput {
  const cms = signedCms(input);
  return { ...input, subjects: cms === undefined ? [] : signerSubjects(cms) };
}
