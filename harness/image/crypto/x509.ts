/**
 * What chains need to know of X.509 certificates and revocation lists, with the place of each field: node:crypto decides
 * about signatures, this scan about everything that it does not tell.
 *
 * Source: RFC 5280, 4.1, 4.2.1, 5.1.
 */

import { X509Certificate, type KeyObject } from 'node:crypto';
import { bytesSource, type ByteSource } from '../byte-source.ts';
import { derBytes, derOid, derTags, derValue, scanDer, type DerNode } from '../codec/der.ts';
import { oids } from './oids.ts';

export type KeyUsage = (typeof keyUsages)[number];

/** Bits of KeyUsage in their order (RFC 5280, 4.2.1.3). */
const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

/** Where the fields lie, in the certificate's own coordinates. */
export interface CertificateNodes {
  root: DerNode;
  tbs: DerNode;
  serial: DerNode;
  /** The AlgorithmIdentifier inside the signed part; {@link CertificateNodes.outerAlgorithm} is its copy outside. */
  innerAlgorithm: DerNode;
  issuer: DerNode;
  validity: DerNode;
  subject: DerNode;
  spki: DerNode;
  /** The `[3]` around the extensions. */
  extensions: DerNode | undefined;
  outerAlgorithm: DerNode;
  signature: DerNode;
}

export interface Certificate {
  der: Buffer;
  /** Undefined when node:crypto does not take it. */
  x509: X509Certificate | undefined;
  /** Undefined when node:crypto does not take it. */
  publicKey: KeyObject | undefined;
  /** 1, 2 or 3 */
  version: number;
  /** Contents of the INTEGER, lower-case hex. */
  serial: string;
  /** DER of the names, lower-case hex: names are equal when these are. */
  issuer: string;
  subject: string;
  notBefore: Date | undefined;
  notAfter: Date | undefined;
  /** Lower-case hex. */
  subjectKeyIdentifier?: string;
  basicConstraints?: { ca: boolean; pathLength?: number };
  keyUsage?: ReadonlySet<KeyUsage>;
  extendedKeyUsage?: readonly string[];
  /** Critical extensions that nobody here understands. */
  unknownCritical: readonly string[];
  nodes: CertificateNodes;
}

/** A certificate, or undefined when it has not the shape of one. Never throws. */
export function readCertificate(bytes: Uint8Array): Certificate | undefined {
  const der = Buffer.from(bytes);
  const source = bytesSource(der);
  const nodes = certificateNodes(source);
  if (nodes === undefined) return undefined;
  const hex = (node: DerNode): string => derBytes(source, node).toString('hex');
  const version = nodes.tbs.children[0];
  const x509 = attempt(() => new X509Certificate(der));
  const [notBefore, notAfter] = nodes.validity.children.map((node) => derTime(source, node));
  return {
    der,
    x509,
    publicKey: attempt(() => x509?.publicKey),
    version: version?.class === 'context' ? integerOf(source, version.children[0]) + 1 : 1,
    serial: derValue(source, nodes.serial).toString('hex'),
    issuer: hex(nodes.issuer),
    subject: hex(nodes.subject),
    notBefore,
    notAfter,
    ...extensionsOf(source, nodes.extensions),
    nodes,
  };
}

function attempt<Result>(make: () => Result): Result | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function certificateNodes(source: ByteSource): CertificateNodes | undefined {
  const [root] = scanDer(source).nodes;
  const [tbs, outerAlgorithm, signature] = root?.children ?? [];
  const fields = tbs?.children ?? [];
  const first = fields[0]?.class === 'context' ? 1 : 0;
  const [serial, innerAlgorithm, issuer, validity, subject, spki] = fields.slice(first);
  if (root === undefined || tbs === undefined || outerAlgorithm === undefined || signature === undefined) {
    return undefined;
  }
  if (serial === undefined || innerAlgorithm === undefined || issuer === undefined) return undefined;
  if (validity === undefined || subject === undefined || spki === undefined) return undefined;
  const extensions = fields.find((node) => node.class === 'context' && node.tag === 3);
  return {
    root,
    tbs,
    serial,
    innerAlgorithm,
    issuer,
    validity,
    subject,
    spki,
    extensions,
    outerAlgorithm,
    signature,
  };
}

type Extensions = Pick<
  Certificate,
  'subjectKeyIdentifier' | 'basicConstraints' | 'keyUsage' | 'extendedKeyUsage' | 'unknownCritical'
>;

const understood = new Set<string>([
  oids.subjectKeyIdentifier,
  oids.keyUsage,
  oids.subjectAltName,
  oids.basicConstraints,
  oids.nameConstraints,
  oids.crlDistributionPoints,
  oids.certificatePolicies,
  oids.authorityKeyIdentifier,
  oids.policyConstraints,
  oids.extendedKeyUsage,
]);

function extensionsOf(source: ByteSource, extensions: DerNode | undefined): Extensions {
  const result: { -readonly [Key in keyof Extensions]: Extensions[Key] } & { unknownCritical: string[] } = {
    unknownCritical: [],
  };
  for (const extension of extensions?.children[0]?.children ?? []) {
    const oid = derOid(source, extension.children[0]);
    const value = extension.children.at(-1);
    const critical = extension.children.length > 2;
    const [inner] =
      value === undefined ? [] : scanDer(source, { start: value.valueStart, end: value.end }).nodes;
    if (critical && !understood.has(oid)) result.unknownCritical.push(oid);
    if (inner === undefined) continue;
    if (oid === oids.subjectKeyIdentifier) {
      result.subjectKeyIdentifier = derValue(source, inner).toString('hex');
    } else if (oid === oids.keyUsage) result.keyUsage = keyUsageOf(source, inner);
    else if (oid === oids.extendedKeyUsage) {
      result.extendedKeyUsage = inner.children.map((node) => derOid(source, node));
    } else if (oid === oids.basicConstraints) result.basicConstraints = basicConstraintsOf(source, inner);
  }
  return result;
}

function basicConstraintsOf(source: ByteSource, node: DerNode): { ca: boolean; pathLength?: number } {
  const flag = node.children.find(({ tag }) => tag === derTags.BOOLEAN);
  const length = node.children.find(({ tag }) => tag === derTags.INTEGER);
  const ca = flag !== undefined && (derValue(source, flag)[0] ?? 0) !== 0;
  return { ca, ...(length === undefined ? {} : { pathLength: integerOf(source, length) }) };
}

/** The first bit of the BIT STRING is the highest of its first byte. */
function keyUsageOf(source: ByteSource, node: DerNode): Set<KeyUsage> {
  const bits = derValue(source, node).subarray(1);
  return new Set(keyUsages.filter((_, bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

/** A small non-negative INTEGER; anything else is as large as a number can be. */
function integerOf(source: ByteSource, node: DerNode | undefined): number {
  if (node === undefined) return 0;
  const value = derValue(source, node);
  return value.length >= 1 && value.length <= 4 ? value.readUIntBE(0, value.length) : Number.MAX_SAFE_INTEGER;
}

/** UTCTime or GeneralizedTime in Zulu; undefined for anything else. Source: RFC 5280, 4.1.2.5. */
export function derTime(source: ByteSource, node: DerNode | undefined): Date | undefined {
  if (node === undefined) return undefined;
  const text = derValue(source, node).toString('latin1');
  const parts = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  const short = node.tag === derTags.UTC_TIME;
  const century = !short ? 0 : year >= 50 ? 1900 : 2000;
  return new Date(Date.UTC(century + year, month - 1, day, hour, minute, second));
}

export interface RevocationList {
  /** DER of the issuer's name, lower-case hex. */
  issuer: string;
  /** Serial numbers, lower-case hex of their contents. */
  revoked: ReadonlySet<string>;
  /** What is signed, by which algorithm, and the signature. */
  tbs: Buffer;
  algorithmOid: string;
  signature: Buffer;
}

/** A revocation list, or undefined when it has not the shape of one. Never throws. */
export function readRevocationList(bytes: Uint8Array): RevocationList | undefined {
  const source = bytesSource(bytes);
  const [root] = scanDer(source).nodes;
  const [tbs, algorithm, signature] = root?.children ?? [];
  if (tbs === undefined || algorithm === undefined || signature === undefined) return undefined;
  const fields = tbs.children[0]?.tag === derTags.INTEGER ? tbs.children.slice(1) : tbs.children;
  const issuer = fields[1];
  if (issuer === undefined) return undefined;
  // signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, extensions?
  const list = fields.slice(3).find((node) => node.tag === derTags.SEQUENCE && node.class === 'universal');
  return {
    issuer: derBytes(source, issuer).toString('hex'),
    revoked: new Set(
      list?.children.flatMap(({ children: [serial] }) =>
        serial === undefined ? [] : [derValue(source, serial).toString('hex')],
      ),
    ),
    tbs: derBytes(source, tbs),
    algorithmOid: derOid(source, algorithm.children[0]),
    signature: derValue(source, signature).subarray(1),
  };
}
