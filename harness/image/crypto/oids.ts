/** Object identifiers of CMS and X.509. Source: RFC 5652, RFC 5280, RFC 5754, RFC 4056, RFC 5753, RFC 8419. */

import type { DigestAlgorithm } from '../digest.ts';

export const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  rsaEncryption: '1.2.840.113549.1.1.1',
  mgf1: '1.2.840.113549.1.1.8',
  rsaPss: '1.2.840.113549.1.1.10',
  ecPublicKey: '1.2.840.10045.2.1',
  ed25519: '1.3.101.112',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  anyExtendedKeyUsage: '2.5.29.37.0',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

export const digestOids: Readonly<Record<DigestAlgorithm, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};

export const digestByOid: ReadonlyMap<string, DigestAlgorithm> = new Map(
  (Object.entries(digestOids) as [DigestAlgorithm, string][]).map(([name, oid]) => [oid, name]),
);

/** Signature algorithms that name their digest. */
export const rsaOids: Readonly<Record<DigestAlgorithm, string>> = {
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
};

export const ecdsaOids: Readonly<Record<DigestAlgorithm, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};

/** The digest that an algorithm's identifier implies, by table. */
export function impliedDigest(
  table: Readonly<Record<DigestAlgorithm, string>>,
  oid: string,
): DigestAlgorithm | undefined {
  return (Object.entries(table) as [DigestAlgorithm, string][]).find(([, value]) => value === oid)?.[0];
}
