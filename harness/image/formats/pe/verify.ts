/**
 * Our reference verifier of Authenticode signatures: it says *why* it refuses. Used when attacks are generated, so that
 * no "forged" image is valid by accident; never as an oracle for a device.
 *
 * Of several entries in the certificate table one good one is enough, as for UEFI firmware.
 *
 * Source: Microsoft, Windows Authenticode Portable Executable Signature Format 1.0; UEFI Specification 2.10, 32.2.4.
 */

import { createHash } from 'node:crypto';
import { joined, slice, type ByteSource } from '../../byte-source.ts';
import { signerCertificates, verifyCms, type CmsTrust } from '../../crypto/cms.ts';
import { digestOf, type DigestAlgorithm } from '../../digest.ts';
import type { ReferenceVerdict, Trust } from '../../trust.ts';
import type { PeCertificate } from './certificates.ts';
import { parsePe, type PeImage } from './parse.ts';

/** Why an image is refused; `digest` is the image's, `cms-digest` that of what is signed. */
export type Refusal =
  | 'format'
  | 'truncated'
  | 'unsigned'
  | 'digest'
  | 'cms-format'
  | 'cms-digest'
  | 'cms-unsigned'
  | 'signature'
  | 'untrusted'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  | 'purpose'
  | 'chain'
  | 'trailing'
  | 'certificate-padding'
  | 'machine';

type Refused = Extract<ReferenceVerdict, { accepted: false }>;
const no = (reason: Refusal, detail: string): Refused => ({ accepted: false, reason, detail });

export interface PeTrust extends CmsTrust {
  /** Machines of images that the device takes. */
  machines: readonly number[];
}

/** Keys and certificates; without them the certificates by which the genuine images are signed. */
export function peTrust(trust: Trust): PeTrust {
  const genuine = trust.genuine.map(parsePe);
  return {
    keys: trust.keys,
    ...(trust.crls === undefined ? {} : { crls: trust.crls }),
    ...(trust.at === undefined ? {} : { at: trust.at }),
    policy: trust.policy,
    purpose: 'codeSigning',
    genuineSigners: trust.keys.length > 0 ? [] : genuine.flatMap(signersOf),
    machines: genuine.flatMap(({ headers }) => headers?.coff.machine ?? []),
  };
}

function signersOf({ certificates }: PeImage): Uint8Array[] {
  return certificates.flatMap(({ cms }) =>
    cms === undefined
      ? []
      : cms.signers.flatMap((signer) => signerCertificates(cms, signer).map(({ der }) => der)),
  );
}

/** What Authenticode hashes, in one piece. */
export function hashedContent(source: ByteSource, { hashed }: PeImage): ByteSource {
  return joined(hashed.map(({ start, end }) => slice(source, start, end)));
}

export function imageDigest(source: ByteSource, image: PeImage, algorithm: DigestAlgorithm): Buffer {
  if (image.hashed.length === 0) return createHash(algorithm).digest();
  return digestOf(hashedContent(source, image), algorithm);
}

/** Whether a device that trusts exactly this must run the image, and if not, the first reason why. Never throws. */
export function verifyPe(source: ByteSource, trust: PeTrust): ReferenceVerdict {
  const image = parsePe(source);
  return (
    checkForm(image) ??
    checkCertificates(source, image, trust) ??
    checkPolicy(source, image, trust) ?? { accepted: true }
  );
}

function checkForm({ issues }: PeImage): Refused | undefined {
  const [issue] = issues;
  if (issue === undefined) return undefined;
  return no(issue.code === 'truncated' ? 'truncated' : 'format', issue.message);
}

function checkCertificates(source: ByteSource, image: PeImage, trust: PeTrust): Refused | undefined {
  const { certificates } = image;
  if (certificates.length === 0) return no('unsigned', 'there is no certificate table');
  const digests = new Map<DigestAlgorithm, Buffer>();
  let first: Refused | undefined;
  for (const certificate of certificates) {
    const refusal = checkCertificate(source, image, certificate, trust, digests);
    if (refusal === undefined) return undefined;
    first ??= refusal;
  }
  return first;
}

function checkCertificate(
  source: ByteSource,
  image: PeImage,
  { cms, indirect, revision, type }: PeCertificate,
  trust: PeTrust,
  digests: Map<DigestAlgorithm, Buffer>,
): Refused | undefined {
  if (cms === undefined) return no('format', `a certificate of revision ${revision} and type ${type}`);
  if (indirect === undefined) return no('cms-format', 'the CMS is not about the digest of a PE image');
  if (indirect.algorithm === undefined) return no('digest', `digest algorithm ${indirect.algorithmOid}`);
  const digest = digests.get(indirect.algorithm) ?? imageDigest(source, image, indirect.algorithm);
  digests.set(indirect.algorithm, digest);
  const stated = Buffer.from(source.read(indirect.digest.start, indirect.digest.end));
  if (!stated.equals(digest)) {
    return no(
      'digest',
      `the signature is for ${stated.toString('hex')}, the image has ${digest.toString('hex')}`,
    );
  }
  const verdict = verifyCms(source, cms, undefined, trust);
  return verdict.accepted ? undefined : no(fromCms.get(verdict.reason) ?? 'cms-format', verdict.detail);
}

const fromCms = new Map<string, Refusal>([
  ['digest', 'cms-digest'],
  ['unsigned', 'cms-unsigned'],
  ['signature', 'signature'],
  ['untrusted', 'untrusted'],
  ['expired', 'expired'],
  ['not-yet-valid', 'not-yet-valid'],
  ['revoked', 'revoked'],
  ['purpose', 'purpose'],
  ['chain', 'chain'],
]);

function checkPolicy(source: ByteSource, image: PeImage, { policy, machines }: PeTrust): Refused | undefined {
  const { tableEnd, certificates, headers } = image;
  if (policy.appendedData === 'refuse' && tableEnd !== undefined && source.size > tableEnd) {
    return no('trailing', `${source.size - tableEnd} bytes lie behind the certificate table`);
  }
  if (policy.unsignedMetadata === 'refuse') {
    const padded = certificates.find((certificate) => !isPlainPadding(source, certificate));
    if (padded !== undefined)
      return no('certificate-padding', `data behind the CMS of the certificate at ${padded.start}`);
  }
  const machine = headers?.coff.machine ?? 0;
  if (policy.hardwareCompatibility === 'checked' && machines.length > 0 && !machines.includes(machine)) {
    return no('machine', `built for machine 0x${machine.toString(16)}`);
  }
  return undefined;
}

/** Less than 8 zero bytes behind the CMS: what alignment may need. */
function isPlainPadding(source: ByteSource, { cms, end }: PeCertificate): boolean {
  if (cms === undefined) return true;
  const bytes = end - cms.span.end;
  return bytes < 8 && source.read(cms.span.end, end).every((byte) => byte === 0);
}
