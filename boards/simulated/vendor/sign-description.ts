/** The vendor's signature over sw-description: detached CMS with signed attributes. Source: RFC 5652, 5. */

import { createHash, createPublicKey, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { ECDSA_WITH_SHA256, keyIdentifier } from './certificates.ts';
import { oid, sequence, set, smallInteger, tlv } from './der.ts';

export interface Signer {
  key: KeyObject;
  /** DER. */
  certificate: Buffer;
  /** Named by its key identifier in place of issuer and serial number. */
  byKeyIdentifier?: boolean;
}

const DATA = oid('1.2.840.113549.1.7.1');
const SHA256 = sequence(oid('2.16.840.1.101.3.4.2.1'));

/** @param others certificates behind those of the signers */
export function signDescription(
  description: Uint8Array,
  signers: readonly Signer[],
  others: readonly Buffer[] = [],
): Buffer {
  const certificates = [...signers.map(({ certificate }) => certificate), ...others];
  const signedData = sequence(
    smallInteger(signers.some(({ byKeyIdentifier }) => byKeyIdentifier) ? 3 : 1),
    set(SHA256),
    sequence(DATA),
    tlv(
      0xa0,
      ...certificates.filter((each, index) => certificates.findIndex((one) => one.equals(each)) === index),
    ),
    set(...signers.map((signer) => signerInfo(signer, description))),
  );
  return sequence(oid('1.2.840.113549.1.7.2'), tlv(0xa0, signedData));
}

function signerInfo(signer: Signer, description: Uint8Array): Buffer {
  const digest = createHash('sha256').update(description).digest();
  const attributes = [
    attribute('1.2.840.113549.1.9.3', DATA),
    attribute('1.2.840.113549.1.9.4', tlv(0x04, digest)),
  ];
  const signature = sign('sha256', set(...attributes), { key: signer.key, dsaEncoding: 'der' });
  return sequence(
    smallInteger(signer.byKeyIdentifier === true ? 3 : 1),
    identifier(signer),
    SHA256,
    tlv(0xa0, ...attributes),
    sequence(oid(ECDSA_WITH_SHA256)),
    tlv(0x04, signature),
  );
}

function attribute(type: string, value: Buffer): Buffer {
  return sequence(oid(type), set(value));
}

function identifier({ key, certificate, byKeyIdentifier }: Signer): Buffer {
  if (byKeyIdentifier === true) {
    return tlv(0x80, keyIdentifier(createPublicKey(key).export({ type: 'spki', format: 'der' })));
  }
  const serial = new X509Certificate(certificate).serialNumber;
  return sequence(issuerIn(certificate), tlv(0x02, Buffer.from(serial, 'hex')));
}

/** The issuer's name as it stands in one of the vendor's own certificates: version, serial number, algorithm, issuer. */
function issuerIn(certificate: Buffer): Buffer {
  const body = contents(certificate);
  const tbs = contents(body);
  let rest = tbs;
  for (let skipped = 0; skipped < 3; skipped += 1) rest = rest.subarray(elementBytes(rest));
  return rest.subarray(0, elementBytes(rest));
}

function contents(element: Buffer): Buffer {
  return element.subarray(headerBytes(element), elementBytes(element));
}

function headerBytes(element: Buffer): number {
  const first = element[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function elementBytes(element: Buffer): number {
  const header = headerBytes(element);
  return header + (header === 2 ? (element[1] ?? 0) : element.readUIntBE(2, header - 2));
}
