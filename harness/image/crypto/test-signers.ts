/**
 * Who signs with the test key: the key itself, or, where it is an authority's, signers that it issues. They have the
 * names of the genuine signers, so that only what an attack changes is wrong with them: devices may check names.
 */

import { signingKeyOf, type CmsSigningKey, type Random } from './cms-sign.ts';
import { issueCertificate, type Issue } from './issue.ts';
import { oids } from './oids.ts';
import { keyLike, publicHalf } from './sign-digest.ts';
import { readCertificate, type Certificate } from './x509.ts';
import type { Policy } from '../policy.ts';
import type { TestKey } from '../trust.ts';

/** What signers are made from. */
export interface SignerInput {
  testKey?: TestKey;
  policy: Policy;
  random: Random;
  /** DER of the subjects of the genuine signers, in their order; see {@link signerSubjects}. */
  subjects: readonly (Buffer | undefined)[];
}

/** What is other than good about a signer. */
export type Changes = Partial<Pick<Issue, 'name' | 'notBefore' | 'notAfter' | 'purposes' | 'authority'>>;

/** A signer that is good: issued where the test key is an authority's, else the test key itself. */
export function goodSigner(input: SignerInput): CmsSigningKey | undefined {
  return issuedSigner(input, {}) ?? (input.testKey && signingKeyOf(input.testKey));
}

/**
 * A signer issued by the test key: good but for the changes; of the genuine signer's name unless they name it.
 *
 * @param sort of certificate that the test key must have
 * @param nth which of the genuine signers it stands for
 * @returns undefined when the test key is not of that sort
 */
export function issuedSigner(
  input: SignerInput,
  changes: Changes,
  sort: 'authority' | 'signer' = 'authority',
  nth = 0,
): CmsSigningKey | undefined {
  const { testKey } = input;
  const issuer = testKey?.chain[0] && readCertificate(testKey.chain[0]);
  if (testKey?.kind !== 'classic' || issuer === undefined) return undefined;
  if ((issuer.basicConstraints?.ca === true) !== (sort === 'authority')) return undefined;
  return issuedBy(input, issuer, { privateKey: testKey.key, chain: testKey.chain }, changes, nth);
}

/** A signer below an authority below the test key, whose path length of zero forbids it. */
export function signerBelowPath(input: SignerInput): CmsSigningKey | undefined {
  const der = input.testKey?.chain[0];
  if (der === undefined || readCertificate(der)?.basicConstraints?.pathLength !== 0) return undefined;
  const middle = issuedSigner(input, { authority: true, purposes: [], name: 'Fieldproof CA' });
  const issuer = middle?.certificate && readCertificate(middle.certificate);
  return middle && issuer && issuedBy(input, issuer, middle, {}, 0);
}

function issuedBy(
  input: SignerInput,
  issuer: Certificate,
  by: CmsSigningKey,
  changes: Changes,
  nth: number,
): CmsSigningKey | undefined {
  const genuine = input.subjects[nth];
  const name = changes.name ?? 'Fieldproof';
  const label = `key of ${name} ${nth} below ${issuer.serial}`;
  const privateKey = issuer.publicKey && keyLike(issuer.publicKey, (bytes) => input.random(label, bytes));
  if (privateKey === undefined) return undefined;
  const certificate = issueCertificate({
    issuer,
    issuerKey: by.privateKey,
    subjectKey: publicHalf(privateKey),
    ...(genuine === undefined || changes.name !== undefined ? {} : { subject: genuine }),
    notBefore: issuer.notBefore ?? new Date(0),
    notAfter: issuer.notAfter ?? new Date(0),
    purposes: [oids.codeSigning, oids.emailProtection],
    ...changes,
    name,
  });
  return { privateKey, certificate, chain: [certificate, ...(by.chain ?? [])] };
}

/**
 * The signer, and good ones beside it where the device wants several; or why they cannot be had.
 *
 * @param first made by {@link goodSigner} or {@link issuedSigner}
 */
export function withCosigners(input: SignerInput, first: CmsSigningKey): CmsSigningKey[] | string {
  const { threshold = 1, signerName } = input.policy;
  const own = first.certificate === input.testKey?.chain[0] ? first.certificate : undefined;
  if (signerName === 'checked' && own !== undefined && !hasGenuineName(input, own)) {
    return 'the device checks the names of signers, and the test key has another';
  }
  const others = Array.from({ length: threshold - 1 }, (_, index) =>
    issuedSigner(input, {}, 'authority', index + 1),
  );
  const keys = [first, ...others.flatMap((key) => key ?? [])];
  return keys.length === threshold
    ? keys
    : `the device wants ${threshold} signers, and the test key is no authority’s, which could issue them`;
}

function hasGenuineName({ subjects }: SignerInput, certificate: Uint8Array): boolean {
  const own = readCertificate(certificate)?.subject;
  return subjects.some((subject) => subject?.toString('hex') === own);
}
