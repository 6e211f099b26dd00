/**
 * A certificate as the verifier of packages needs it. Signature and public key are node:crypto's; names, constraints and
 * usages are read here.
 *
 * Source: RFC 5280, 4.1 and 4.2.1.
 */

import { X509Certificate } from 'node:crypto';
import { ImageRefused } from '../mcuboot-image.ts';
import { expectTag, oidOf, partsOf, readDer, smallInteger, TAG, type DerElement } from './der.ts';

export interface Certificate {
  x509: X509Certificate;
  der: Buffer;
  /** DER of the names. */
  subject: Buffer;
  issuer: Buffer;
  /** Contents of the INTEGER. */
  serial: Buffer;
  commonName: string | undefined;
  notBefore: Date;
  notAfter: Date;
  authority: boolean;
  pathLength: number | undefined;
  /** Undefined when the extension is missing: then every use is allowed. */
  keyUsage: ReadonlySet<KeyUse> | undefined;
  /** OIDs of the extended key usage. */
  purposes: readonly string[] | undefined;
  keyIdentifier: Buffer | undefined;
  /** OID of a critical extension that is not understood. */
  unknownCritical: string | undefined;
}

export type KeyUse = 'digitalSignature' | 'keyCertSign';
/** Bits of KeyUsage (RFC 5280, 4.2.1.3). */
const KEY_USES: readonly (readonly [number, KeyUse])[] = [
  [0, 'digitalSignature'],
  [5, 'keyCertSign'],
];

const OID = {
  commonName: '2.5.4.3',
  keyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
} as const;
const UNDERSTOOD: readonly string[] = Object.values(OID);

/** @throws ImageRefused `format` */
export function readCertificate(der: Buffer): Certificate {
  const [body] = partsOf(expectTag(readDer(der), TAG.sequence));
  const fields = partsOf(expectTag(body, TAG.sequence));
  if (fields[0]?.tag === 0xa0) fields.shift(); // version
  const [serial, , issuer, , subject] = fields;
  const extensions = extensionsOf(fields.find(({ tag }) => tag === 0xa3));
  const x509 = opened(der);
  return {
    x509,
    der,
    subject: expectTag(subject, TAG.sequence).whole,
    issuer: expectTag(issuer, TAG.sequence).whole,
    serial: expectTag(serial, TAG.integer).value,
    commonName: commonNameOf(expectTag(subject, TAG.sequence)),
    notBefore: new Date(x509.validFrom),
    notAfter: new Date(x509.validTo),
    ...constraints(extensions.get(OID.basicConstraints)),
    keyUsage: keyUsage(extensions.get(OID.keyUsage)),
    purposes: purposes(extensions.get(OID.extendedKeyUsage)),
    keyIdentifier: keyIdentifier(extensions.get(OID.keyIdentifier)),
    unknownCritical: [...extensions].find(
      ([oid, { critical }]) => critical && !UNDERSTOOD.includes(oid),
    )?.[0],
  };
}

function opened(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new ImageRefused('format', 'a certificate that cannot be read');
  }
}

interface Extension {
  critical: boolean;
  content: DerElement;
}

function extensionsOf(field: DerElement | undefined): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  const [sequence] = field === undefined ? [] : partsOf(field);
  for (const each of sequence === undefined ? [] : partsOf(expectTag(sequence, TAG.sequence))) {
    const [id, ...rest] = partsOf(expectTag(each, TAG.sequence));
    const oid = oidOf(id);
    const critical = rest[0]?.tag === TAG.boolean && rest[0].value[0] === 0xff;
    const content = readDer(expectTag(rest.at(-1), TAG.octetString).value);
    if (extensions.has(oid)) throw new ImageRefused('format', `extension ${oid} is there twice`);
    extensions.set(oid, { critical, content });
  }
  return extensions;
}

/** The last one counts: names go from the general to the particular. */
function commonNameOf(name: DerElement): string | undefined {
  const attributes = partsOf(name).flatMap(partsOf).map(partsOf);
  const found = attributes.filter(([type]) => oidOf(type) === OID.commonName).at(-1);
  return found?.[1]?.value.toString('utf8');
}

function constraints(extension: Extension | undefined): Pick<Certificate, 'authority' | 'pathLength'> {
  const parts = extension === undefined ? [] : partsOf(expectTag(extension.content, TAG.sequence));
  const authority = parts[0]?.tag === TAG.boolean && parts[0].value[0] === 0xff;
  const limit = parts.find(({ tag }) => tag === TAG.integer);
  return { authority, pathLength: limit === undefined ? undefined : smallInteger(limit) };
}

function keyUsage(extension: Extension | undefined): ReadonlySet<KeyUse> | undefined {
  if (extension === undefined) return undefined;
  const bits = expectTag(extension.content, TAG.bitString).value.subarray(1);
  const isSet = (bit: number): boolean => (((bits[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
  return new Set(KEY_USES.filter(([bit]) => isSet(bit)).map(([, use]) => use));
}

function purposes(extension: Extension | undefined): readonly string[] | undefined {
  return extension === undefined ? undefined : partsOf(expectTag(extension.content, TAG.sequence)).map(oidOf);
}

function keyIdentifier(extension: Extension | undefined): Buffer | undefined {
  return extension === undefined ? undefined : expectTag(extension.content, TAG.octetString).value;
}
