/** Whether enough trusted signers have signed a description. */

import { verify } from 'node:crypto';
import { type Defects } from '../defects.ts';
import { ImageRefused } from '../mcuboot-image.ts';
import { type Certificate } from './certificate.ts';
import { checkSigner } from './chain.ts';
import { readSignedData, type SignedData, type SignerInfo } from './cms.ts';
import { type PackageTrust } from './trust.ts';

export interface SignatureParts {
  trust: PackageTrust;
  /** Undefined when times are not looked at, which only defects do. */
  at: Date | undefined;
  defects: Defects;
}

/**
 * Every signature must be good, and there must be enough different keys.
 *
 * @param content the bytes of sw-description
 * @throws ImageRefused
 */
export function checkSignatures(cms: Buffer, content: Buffer, parts: SignatureParts): void {
  const signed = readSignedData(cms, content);
  const keys = signed.signers.map((signer) => keyOf(goodSigner(signer, signed, parts)));
  // A key counts once, however often and under however many names it signs.
  const counted = parts.defects.has('counts-signatures') ? keys.length : new Set(keys).size;
  if (counted >= parts.trust.signers) return;
  throw new ImageRefused('threshold', `${counted} signers, of ${parts.trust.signers} that are needed`);
}

/** The certificate by which the signature is good. */
function goodSigner(signer: SignerInfo, { certificates }: SignedData, parts: SignatureParts): Certificate {
  const named = [...certificates, ...parts.trust.roots].filter((certificate) => signer.names(certificate));
  if (named.length === 0) throw new ImageRefused('unknown-key', 'the signer’s certificate is not there');
  const certificate = named.find((candidate) => verifies(signer, candidate));
  if (certificate === undefined) throw new ImageRefused('signature', 'signature does not verify');
  checkSigner(certificate, { ...parts, others: certificates });
  return certificate;
}

function verifies({ message, signature }: SignerInfo, { x509 }: Certificate): boolean {
  const key = x509.publicKey;
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
  return verify('sha256', message, { key, dsaEncoding: 'der' }, signature);
}

function keyOf({ x509 }: Certificate): string {
  return x509.publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
}
