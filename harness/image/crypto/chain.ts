/**
 * From a signer's certificate to an anchor: the part of path validation that firmware signatures rest on. Name
 * constraints and policies are not evaluated.
 *
 * Source: RFC 5280, 6.1.
 */

import { createVerify, verify as verifyBytes } from 'node:crypto';
import type { Policy } from '../policy.ts';
import { ecdsaOids, impliedDigest, oids, rsaOids } from './oids.ts';
import type { Certificate, RevocationList } from './x509.ts';

export type Purpose = 'codeSigning' | 'emailProtection' | 'any';

export interface ChainTrust {
  anchors: readonly Certificate[];
  /** Certificates that come with the signature; nobody trusts them by themselves. */
  intermediates: readonly Certificate[];
  crls: readonly RevocationList[];
  /** Time, purpose and revocation count only where it says `checked`. */
  policy: Policy;
  at: Date;
  purpose: Purpose;
}

export type ChainReason = 'untrusted' | 'expired' | 'not-yet-valid' | 'revoked' | 'purpose' | 'chain';
export interface ChainProblem {
  reason: ChainReason;
  detail: string;
}

/** Longest path, and most signatures checked in search of one: a hostile message may hold very many certificates. */
const mostCertificates = 10;
const mostChecks = 200;

/** Undefined when a good path leads from the certificate to an anchor; otherwise what is wrong with the best. */
export function chainProblem(leaf: Certificate, trust: ChainTrust): ChainProblem | undefined {
  let first: ChainProblem | undefined;
  for (const path of paths([leaf], trust, { left: mostChecks })) {
    const problem = pathProblem(path, trust);
    if (problem === undefined) return undefined;
    first ??= problem;
  }
  return first ?? { reason: 'untrusted', detail: `${nameOf(leaf)} leads to no certificate that is trusted` };
}

/** Every path whose signatures hold, from the leaf up to an anchor. */
function* paths(
  path: readonly Certificate[],
  trust: ChainTrust,
  checks: { left: number },
): Generator<readonly Certificate[]> {
  const last = path.at(-1);
  if (last === undefined) return;
  if (isAnchor(last, trust)) yield path;
  if (path.length >= mostCertificates) return;
  for (const issuer of [...trust.anchors, ...trust.intermediates]) {
    if (issuer.subject !== last.issuer || path.some(({ der }) => der.equals(issuer.der))) continue;
    if (checks.left <= 0) return;
    checks.left -= 1;
    if (issued(issuer, last)) yield* paths([...path, issuer], trust, checks);
  }
}

function isAnchor(certificate: Certificate, { anchors }: ChainTrust): boolean {
  return anchors.some(({ der }) => der.equals(certificate.der));
}

function issued(issuer: Certificate, subject: Certificate): boolean {
  if (issuer.publicKey === undefined || subject.x509 === undefined) return false;
  try {
    return subject.x509.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function pathProblem(path: readonly Certificate[], trust: ChainTrust): ChainProblem | undefined {
  return (
    authorityProblem(path, trust) ??
    (trust.policy.certificateTime === 'checked' ? timeProblem(path, trust.at) : undefined) ??
    (trust.policy.certificatePurpose === 'checked' ? purposeProblem(path[0], trust.purpose) : undefined) ??
    (trust.policy.revocation === 'checked' ? revocationProblem(path, trust.crls) : undefined)
  );
}

function authorityProblem(path: readonly Certificate[], trust: ChainTrust): ChainProblem | undefined {
  let below = 0;
  for (const [index, certificate] of path.entries()) {
    const [unknown] = certificate.unknownCritical;
    if (unknown !== undefined) return chain(certificate, `has the critical extension ${unknown}`);
    if (index === 0) continue;
    if (!mayIssue(certificate, isAnchor(certificate, trust))) return chain(certificate, 'is no authority');
    const limit = certificate.basicConstraints?.pathLength;
    if (limit !== undefined && below > limit) {
      return chain(certificate, `allows ${limit} authorities below it, and has ${below}`);
    }
    if (certificate.subject !== certificate.issuer) below += 1;
  }
  return undefined;
}

function mayIssue({ basicConstraints, keyUsage, version }: Certificate, anchor: boolean): boolean {
  const ca = basicConstraints === undefined ? anchor && version === 1 : basicConstraints.ca;
  return ca && (keyUsage === undefined || keyUsage.has('keyCertSign'));
}

function timeProblem(path: readonly Certificate[], at: Date): ChainProblem | undefined {
  for (const certificate of path) {
    const { notBefore, notAfter } = certificate;
    if (notBefore === undefined || notAfter === undefined)
      return chain(certificate, 'has no time of validity');
    if (at < notBefore)
      return problem('not-yet-valid', certificate, `is not valid before ${notBefore.toISOString()}`);
    if (at > notAfter) return problem('expired', certificate, `expired at ${notAfter.toISOString()}`);
  }
  return undefined;
}

function purposeProblem(leaf: Certificate | undefined, purpose: Purpose): ChainProblem | undefined {
  if (leaf === undefined || purpose === 'any') return undefined;
  const { keyUsage, extendedKeyUsage } = leaf;
  if (keyUsage !== undefined && !keyUsage.has('digitalSignature') && !keyUsage.has('nonRepudiation')) {
    return problem('purpose', leaf, `has key usage ${[...keyUsage].join(', ')}, which is no signature`);
  }
  if (extendedKeyUsage === undefined) return undefined;
  if (extendedKeyUsage.includes(oids[purpose]) || extendedKeyUsage.includes(oids.anyExtendedKeyUsage)) {
    return undefined;
  }
  return problem('purpose', leaf, `is for ${extendedKeyUsage.join(', ')}, not for ${purpose}`);
}

function revocationProblem(
  path: readonly Certificate[],
  crls: readonly RevocationList[],
): ChainProblem | undefined {
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1];
    if (issuer === undefined) break;
    const list = crls.find(
      (crl) =>
        crl.issuer === certificate.issuer && crl.revoked.has(certificate.serial) && signedList(crl, issuer),
    );
    if (list !== undefined)
      return problem('revoked', certificate, `is revoked (serial ${certificate.serial})`);
  }
  return undefined;
}

/** Whether the issuer signed the list. PSS and curves beyond NIST's are not taken. */
function signedList(crl: RevocationList, issuer: Certificate): boolean {
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.has('cRLSign')) return false;
  const key = issuer.publicKey;
  if (key === undefined) return false;
  const hash = impliedDigest(rsaOids, crl.algorithmOid) ?? impliedDigest(ecdsaOids, crl.algorithmOid);
  try {
    if (crl.algorithmOid === oids.ed25519) return verifyBytes(null, crl.tbs, key, crl.signature);
    return hash !== undefined && createVerify(hash).update(crl.tbs).verify(key, crl.signature);
  } catch {
    return false;
  }
}

function problem(reason: ChainReason, certificate: Certificate, what: string): ChainProblem {
  return { reason, detail: `${nameOf(certificate)} ${what}` };
}

function chain(certificate: Certificate, what: string): ChainProblem {
  return problem('chain', certificate, what);
}

/** For messages: the subject in one line. */
export function nameOf(certificate: Certificate): string {
  return `the certificate "${certificate.x509?.subject.replaceAll('\n', ', ') ?? certificate.serial}"`;
}
