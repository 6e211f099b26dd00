/**
 * From a signer's certificate to a trusted root, through the certificates that came with the signature.
 *
 * Source: RFC 5280, 6.1, without name constraints and policies.
 */

import { type Defects } from '../defects.ts';
import { ImageRefused } from '../mcuboot-image.ts';
import { type Certificate } from './certificate.ts';
import { type PackageTrust } from './trust.ts';

export interface ChainParts {
  trust: PackageTrust;
  /** Came with the signature; trusted for nothing by themselves. */
  others: readonly Certificate[];
  /** Undefined when times are not looked at, which only defects do. */
  at: Date | undefined;
  defects: Defects;
}

const LONGEST_PATH = 6;
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

/** @throws ImageRefused `unknown-key` `chain` `expired` `not-yet-valid` `purpose` `signer-name` */
export function checkSigner(signer: Certificate, parts: ChainParts): void {
  const path = pathToRoot([signer], parts);
  if (path === undefined) throw notFound(signer, parts);
  for (const certificate of path) {
    if (certificate.unknownCritical === undefined) continue;
    throw refusal('chain', certificate, `has the critical extension ${certificate.unknownCritical}`);
  }
  if (!parts.defects.has('any-certificate-issues')) checkIssuers(path);
  if (parts.at !== undefined) for (const certificate of path) checkTime(certificate, parts.at);
  if (!parts.defects.has('ignores-purpose')) checkPurpose(signer);
  if (!parts.defects.has('ignores-signer-name')) checkName(signer, parts.trust);
}

/** Signer first, root last. */
function pathToRoot(path: readonly Certificate[], parts: ChainParts): readonly Certificate[] | undefined {
  const last = path.at(-1);
  if (last === undefined || isRoot(last, parts)) return path;
  if (path.length >= LONGEST_PATH) return undefined;
  for (const issuer of issuersOf(last, parts)) {
    if (path.includes(issuer)) continue;
    const found = pathToRoot([...path, issuer], parts);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRoot(certificate: Certificate, { trust, defects }: ChainParts): boolean {
  if (trust.roots.some(({ der }) => der.equals(certificate.der))) return true;
  if (!defects.has('trusts-by-name') || !certificate.subject.equals(certificate.issuer)) return false;
  const trusted = trust.roots.some(({ subject }) => subject.equals(certificate.subject));
  return trusted || trust.signerNames.includes(certificate.commonName ?? '');
}

function issuersOf(certificate: Certificate, { trust, others, defects }: ChainParts): Certificate[] {
  const named = [...trust.roots, ...others].filter(({ subject }) => subject.equals(certificate.issuer));
  return defects.has('trusts-by-name') ? named : named.filter((issuer) => issued(issuer, certificate));
}

function issued(issuer: Certificate, certificate: Certificate): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false; // a key of a kind that node:crypto does not know
  }
}

/** Where nobody of the issuer's name is there, a link is missing; else somebody pretends to be one. */
function notFound(signer: Certificate, parts: ChainParts): ImageRefused {
  const top = topOf(signer, parts);
  const selfSigned = top.subject.equals(top.issuer);
  const nameless = ![...parts.trust.roots, ...parts.others].some(({ subject }) => subject.equals(top.issuer));
  return !selfSigned && nameless
    ? refusal('chain', top, 'was issued by a certificate that is not there')
    : refusal('unknown-key', top, 'leads to no trusted root');
}

/** As far up as signatures lead. */
function topOf(signer: Certificate, parts: ChainParts): Certificate {
  const path = [signer];
  for (let next: Certificate | undefined = signer; next !== undefined && path.length < LONGEST_PATH;) {
    next = issuersOf(next, parts).find((issuer) => !path.includes(issuer));
    if (next !== undefined) path.push(next);
  }
  return path.at(-1) ?? signer;
}

/** RFC 5280, 4.2.1.9: the path length counts the authorities below, those that are self-issued apart. */
function checkIssuers(path: readonly Certificate[]): void {
  let below = 0;
  for (const issuer of path.slice(1)) {
    if (!issuer.authority) throw refusal('chain', issuer, 'is no authority');
    if (issuer.keyUsage?.has('keyCertSign') === false) {
      throw refusal('chain', issuer, 'may not sign certificates');
    }
    if (issuer.pathLength !== undefined && below > issuer.pathLength) {
      throw refusal('chain', issuer, `has ${below} authorities below it, and may have ${issuer.pathLength}`);
    }
    if (!issuer.subject.equals(issuer.issuer)) below += 1;
  }
}

function checkTime(certificate: Certificate, at: Date): void {
  const { notBefore, notAfter } = certificate;
  if (at < notBefore) {
    throw refusal(
      'not-yet-valid',
      certificate,
      `is valid from ${notBefore.toISOString()}, now is ${at.toISOString()}`,
    );
  }
  if (at <= notAfter) return;
  throw refusal('expired', certificate, `was valid to ${notAfter.toISOString()}, now is ${at.toISOString()}`);
}

function checkPurpose(signer: Certificate): void {
  if (signer.keyUsage?.has('digitalSignature') === false)
    throw refusal('purpose', signer, 'may not sign data');
  if (signer.purposes?.includes(CODE_SIGNING) === true) return;
  throw refusal('purpose', signer, `is for ${signer.purposes?.join(', ') ?? 'nothing named'}, not for code`);
}

function checkName(signer: Certificate, { signerNames }: PackageTrust): void {
  if (signerNames.includes(signer.commonName ?? '')) return;
  throw refusal('signer-name', signer, `is none of ${signerNames.join(', ')}`);
}

function refusal(reason: ImageRefused['reason'], certificate: Certificate, what: string): ImageRefused {
  return new ImageRefused(reason, `certificate "${certificate.commonName ?? 'without a name'}" ${what}`);
}
