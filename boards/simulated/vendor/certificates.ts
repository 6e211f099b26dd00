/** The vendor's certificate authority: version 3 certificates for ECDSA P-256. Source: RFC 5280, 4.1 and 4.2.1. */

import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { oid, sequence, set, smallInteger, time, tlv } from './der.ts';

export interface CertificateRecipe {
  /** Common name. */
  name: string;
  /** The subject's private key; its public half is certified. */
  key: KeyObject;
  /** Self-signed without one. */
  issuer?: { name: string; key: KeyObject };
  /** 2020 to 2120 unless told. */
  notBefore?: Date;
  notAfter?: Date;
  /** May issue certificates; without a path length, at any depth. */
  authority?: { pathLength?: number };
  /** Bits of KeyUsage, the first the highest; by what the certificate is for unless told. */
  keyUsage?: number;
  /** OIDs of the extended key usage; code signing unless told, none for authorities. */
  purposes?: readonly string[];
  /** An extension that nobody knows, critical. */
  unknownCritical?: string;
}

export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04 } as const;
export const PURPOSE = { codeSigning: '1.3.6.1.5.5.7.3.3', serverAuth: '1.3.6.1.5.5.7.3.1' } as const;
export const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

const CRITICAL = tlv(0x01, Buffer.of(0xff));

/** DER; the serial number follows from name and key. */
export function issueCertificate(recipe: CertificateRecipe): Buffer {
  const { name, key, issuer = { name, key } } = recipe;
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const body = sequence(
    tlv(0xa0, smallInteger(2)),
    tlv(0x02, serialOf(recipe, spki)),
    sequence(oid(ECDSA_WITH_SHA256)),
    distinguishedName(issuer.name),
    sequence(
      time(recipe.notBefore ?? new Date(Date.UTC(2020, 0))),
      time(recipe.notAfter ?? new Date(Date.UTC(2120, 0))),
    ),
    distinguishedName(name),
    spki,
    tlv(0xa3, sequence(...extensions(recipe, keyIdentifier(spki)))),
  );
  const signature = sign('sha256', body, { key: issuer.key, dsaEncoding: 'der' });
  return sequence(body, sequence(oid(ECDSA_WITH_SHA256)), tlv(0x03, Buffer.of(0), signature));
}

export function distinguishedName(commonName: string): Buffer {
  const attribute = (type: string, value: string): Buffer =>
    set(sequence(oid(type), tlv(0x0c, Buffer.from(value))));
  return sequence(attribute('2.5.4.10', 'Fieldproof Reference Devices'), attribute('2.5.4.3', commonName));
}

/** Contents of the INTEGER: eight bytes, positive, the first not zero. */
export function serialOf({ name }: Pick<CertificateRecipe, 'name'>, spki: Uint8Array): Buffer {
  const bytes = createHash('sha256').update(name).update(spki).digest().subarray(0, 8);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

/** RFC 5280, 4.2.1.2, method 1, over the whole SubjectPublicKeyInfo: any value that tells keys apart will do. */
export function keyIdentifier(spki: Uint8Array): Buffer {
  return createHash('sha1').update(spki).digest();
}

function extensions(recipe: CertificateRecipe, keyId: Buffer): Buffer[] {
  const { authority, unknownCritical } = recipe;
  const { digitalSignature, keyCertSign } = KEY_USAGE;
  const usage = recipe.keyUsage ?? (authority === undefined ? digitalSignature : keyCertSign);
  const purposes = recipe.purposes ?? (authority === undefined ? [PURPOSE.codeSigning] : []);
  return [
    extension('2.5.29.19', constraints(authority), CRITICAL),
    extension('2.5.29.15', tlv(0x03, Buffer.of(unusedBits(usage), usage)), CRITICAL),
    extension('2.5.29.14', tlv(0x04, keyId)),
    ...(purposes.length === 0 ? [] : [extension('2.5.29.37', sequence(...purposes.map(oid)))]),
    ...(unknownCritical === undefined ? [] : [extension(unknownCritical, tlv(0x05), CRITICAL)]),
  ];
}

function extension(type: string, content: Buffer, ...flags: Buffer[]): Buffer {
  return sequence(oid(type), ...flags, tlv(0x04, content));
}

function constraints(authority: CertificateRecipe['authority']): Buffer {
  if (authority === undefined) return sequence();
  const { pathLength } = authority;
  return sequence(CRITICAL, ...(pathLength === undefined ? [] : [smallInteger(pathLength)]));
}

/** Zeros at the end of a list of named bits are left out (X.690, 11.2.2). */
function unusedBits(usage: number): number {
  const bits = usage.toString(2).padStart(8, '0');
  return usage === 0 ? 0 : 7 - bits.lastIndexOf('1');
}
