/**
 * The signature of a package: detached CMS SignedData with signed attributes, SHA-256, in DER.
 *
 * Source: RFC 5652, 5 and 11; RFC 5754, 2.2; RFC 5753, 2.1.1.
 */

import { createHash } from 'node:crypto';
import { ImageRefused } from '../mcuboot-image.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { expectTag, oidOf, partsOf, readDer, TAG, type DerElement } from './der.ts';

export interface SignedData {
  certificates: readonly Certificate[];
  signers: readonly SignerInfo[];
}

/** One signature: who made it, and over what. */
export interface SignerInfo {
  names: (certificate: Certificate) => boolean;
  /** The signed attributes as a SET OF, which is what was signed (RFC 5652, 5.4). */
  message: Buffer;
  /** DER of r and s. */
  signature: Buffer;
}

const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;
const MOST_CERTIFICATES = 8;
const MOST_SIGNERS = 8;

/**
 * Reads a signature, and holds what it signs against the content.
 *
 * @throws ImageRefused `format`, `unsigned` without a signer, `signature` when other content or another algorithm is signed
 */
export function readSignedData(bytes: Buffer, content: Buffer): SignedData {
  const [type, explicit] = partsOf(expectTag(readDer(bytes), TAG.sequence));
  if (oidOf(type) !== OID.signedData) fail('no SignedData');
  const [signedData] = partsOf(expectTag(explicit, 0xa0));
  const [, digests, encapsulated, ...rest] = partsOf(expectTag(signedData, TAG.sequence));
  expectTag(digests, TAG.set);
  const inside = partsOf(expectTag(encapsulated, TAG.sequence));
  if (inside.length !== 1 || oidOf(inside[0]) !== OID.data) fail('content that is not detached data');
  const certificates = rest[0]?.tag === 0xa0 ? partsOf(rest.shift() ?? expectTag(undefined, 0xa0)) : [];
  if (rest.length !== 1) fail('elements that do not belong there');
  const signers = partsOf(expectTag(rest[0], TAG.set));
  if (certificates.length > MOST_CERTIFICATES || signers.length > MOST_SIGNERS) fail('too many of a kind');
  if (signers.length === 0) throw new ImageRefused('unsigned', 'CMS without a signer');
  return {
    certificates: certificates.map(({ whole }) => readCertificate(whole)),
    signers: signers.map((signer) => signerInfo(signer, content)),
  };
}

function signerInfo(element: DerElement, content: Buffer): SignerInfo {
  const [, identifier, digest, attributes, algorithm, signature] = partsOf(expectTag(element, TAG.sequence));
  if (attributes?.tag !== 0xa0) throw new ImageRefused('signature', 'no signed attributes');
  demandAlgorithm(digest, OID.sha256);
  demandAlgorithm(algorithm, OID.ecdsaWithSha256);
  checkAttributes(attributes, content);
  return {
    names: identity(identifier),
    message: Buffer.concat([Buffer.of(TAG.set), attributes.whole.subarray(1)]),
    signature: expectTag(signature, TAG.octetString).value,
  };
}

function identity(identifier: DerElement | undefined): SignerInfo['names'] {
  if (identifier?.tag === 0x80) {
    return ({ keyIdentifier }) => keyIdentifier?.equals(identifier.value) === true;
  }
  const [issuer, serial] = partsOf(expectTag(identifier, TAG.sequence));
  const name = expectTag(issuer, TAG.sequence).whole;
  const number = expectTag(serial, TAG.integer).value;
  return (certificate) => certificate.issuer.equals(name) && certificate.serial.equals(number);
}

function demandAlgorithm(element: DerElement | undefined, wanted: string): void {
  const [oid] = partsOf(expectTag(element, TAG.sequence));
  if (oidOf(oid) !== wanted) throw new ImageRefused('signature', `algorithm ${oidOf(oid)}, not ${wanted}`);
}

/** Content type and message digest, each exactly once (RFC 5652, 11.1 and 11.2). */
function checkAttributes(attributes: DerElement, content: Buffer): void {
  const values = new Map<string, DerElement>();
  for (const attribute of partsOf(attributes)) {
    const [type, set] = partsOf(expectTag(attribute, TAG.sequence));
    const oid = oidOf(type);
    const [value, ...more] = partsOf(expectTag(set, TAG.set));
    if (value === undefined || more.length > 0 || values.has(oid)) fail(`attribute ${oid} is not there once`);
    else values.set(oid, value);
  }
  if (oidOf(values.get(OID.contentType)) !== OID.data) fail('signed for another type of content');
  const stated = expectTag(values.get(OID.messageDigest), TAG.octetString).value;
  const actual = createHash('sha256').update(content).digest();
  if (!stated.equals(actual)) throw new ImageRefused('signature', 'signed for another sw-description');
}

function fail(what: string): never {
  throw new ImageRefused('format', `CMS: ${what}`);
}
