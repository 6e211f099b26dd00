/**
 * Makes PE images with Authenticode signatures for tests, written from the formats' descriptions alone: it shares no code
 * with the parser that it tests.
 */

import { createHash, sign, type KeyObject } from 'node:crypto';

export interface BuildOptions {
  /** PE32+ by default. */
  plus?: boolean;
  machine?: number;
  subsystem?: number;
  timestamp?: number;
  sections?: readonly (readonly [name: string, data: Buffer])[];
  overlay?: Buffer;
}

export interface Signer {
  privateKey: KeyObject;
  certificate: Buffer;
  chain: readonly Buffer[];
}

const defaultSections: NonNullable<BuildOptions['sections']> = [
  ['.text', Buffer.from('code of the test image, long enough to be halved')],
  ['.data', Buffer.from('its data')],
  ['.sbat', Buffer.from('sbat,1,SBAT Version,sbat,1,https://example.org\n')],
];

const fileAlignment = 64;
const up = (value: number, to: number): number => Math.ceil(value / to) * to;

/** An unsigned image, as long as a multiple of 8. */
export function buildPe(options: BuildOptions = {}): Buffer {
  const { plus = true, sections = defaultSections } = options;
  const optionalBytes = plus ? 240 : 224;
  const peAt = 128;
  const tableAt = peAt + 24 + optionalBytes;
  const headersEnd = up(tableAt + 40 * sections.length + 1, fileAlignment);
  const headers = Buffer.alloc(headersEnd);
  headers.write('MZ', 0);
  headers.writeUInt32LE(peAt, 60);
  headers.write('This program cannot be run in DOS mode.', 64);
  headers.write('PE\0\0', peAt);
  headers.writeUInt16LE(options.machine ?? (plus ? 0x8664 : 0x014c), peAt + 4);
  headers.writeUInt16LE(sections.length, peAt + 6);
  headers.writeUInt32LE(options.timestamp ?? 1_700_000_000, peAt + 8);
  headers.writeUInt16LE(optionalBytes, peAt + 20);
  headers.writeUInt16LE(0x22, peAt + 22);
  const optional = headers.subarray(peAt + 24, tableAt);
  optional.writeUInt16LE(plus ? 0x20b : 0x10b, 0);
  optional.writeUInt32LE(0x1000, 16);
  optional.writeUInt32LE(0x1000, 32);
  optional.writeUInt32LE(fileAlignment, 36);
  optional.writeUInt32LE(0x1000 * (sections.length + 1), 56);
  optional.writeUInt32LE(headersEnd, 60);
  optional.writeUInt32LE(0xabcd, 64);
  optional.writeUInt16LE(options.subsystem ?? 10, 68);
  optional.writeUInt32LE(16, plus ? 108 : 92);
  const parts: Buffer[] = [headers];
  let at = headersEnd;
  sections.forEach(([name, data], index) => {
    const raw = Buffer.alloc(up(data.length, fileAlignment));
    data.copy(raw);
    const head = headers.subarray(tableAt + 40 * index, tableAt + 40 * index + 40);
    head.write(name, 0);
    head.writeUInt32LE(data.length, 8);
    head.writeUInt32LE(0x1000 * (index + 1), 12);
    head.writeUInt32LE(raw.length, 16);
    head.writeUInt32LE(at, 20);
    head.writeUInt32LE(index === 0 ? 0x6000_0020 : 0x4000_0040, 36);
    parts.push(raw);
    at += raw.length;
  });
  const whole = Buffer.concat([...parts, options.overlay ?? Buffer.alloc(0)]);
  return Buffer.concat([whole, Buffer.alloc(up(whole.length, 8) - whole.length)]);
}

/** The image with one signature of each signer, one after the other. */
export function signPe(
  unsigned: Buffer,
  signers: readonly Signer[],
  hash: 'sha256' | 'sha384' = 'sha256',
): Buffer {
  const image = Buffer.from(unsigned);
  const peAt = image.readUInt32LE(60);
  const plus = image.readUInt16LE(peAt + 24) === 0x20b;
  const checksumAt = peAt + 24 + 64;
  const directoryAt = peAt + 24 + (plus ? 0x90 : 0x80);
  const digest = createHash(hash)
    .update(image.subarray(0, checksumAt))
    .update(image.subarray(checksumAt + 4, directoryAt))
    .update(image.subarray(directoryAt + 8))
    .digest();
  const entries = signers.map((signer) => {
    const cms = signature(signer, digest, hash);
    const entry = Buffer.alloc(up(8 + cms.length, 8));
    entry.writeUInt32LE(8 + cms.length, 0);
    entry.writeUInt16LE(0x0200, 4);
    entry.writeUInt16LE(2, 6);
    cms.copy(entry, 8);
    return entry;
  });
  const table = Buffer.concat(entries);
  image.writeUInt32LE(image.length, directoryAt);
  image.writeUInt32LE(table.length, directoryAt + 4);
  return Buffer.concat([image, table]);
}

const hashOids = { sha256: '608648016503040201', sha384: '608648016503040202' };
const ecdsaOids = { sha256: '2a8648ce3d040302', sha384: '2a8648ce3d040303' };

function signature(
  { privateKey, certificate, chain }: Signer,
  digest: Buffer,
  hash: 'sha256' | 'sha384',
): Buffer {
  const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'));
  const algorithm = tlv(0x30, oid(hashOids[hash]), tlv(0x05));
  const indirectOid = oid('2b060104018237020104');
  // SpcPeImageData: no flags, and a file link with the text that every signer puts there.
  const link = tlv(0xa0, tlv(0xa2, tlv(0x80, Buffer.from('<<<Obsolete>>>', 'utf16le').swap16())));
  const imageData = tlv(0x30, oid('2b06010401823702010f'), tlv(0x30, tlv(0x03, Buffer.of(0)), link));
  const content = Buffer.concat([imageData, tlv(0x30, algorithm, tlv(0x04, digest))]);
  const attribute = (type: string, value: Buffer): Buffer => tlv(0x30, oid(type), tlv(0x31, value));
  const attributes = Buffer.concat([
    attribute('2a864886f70d010903', indirectOid),
    attribute('2a864886f70d010904', tlv(0x04, createHash(hash).update(content).digest())),
  ]);
  const rsa = privateKey.asymmetricKeyType === 'rsa';
  const { issuer, serial } = namesOf(certificate);
  const signerInfo = tlv(
    0x30,
    tlv(0x02, Buffer.of(1)),
    tlv(0x30, issuer, serial),
    algorithm,
    tlv(0xa0, attributes),
    rsa ? tlv(0x30, oid('2a864886f70d010101'), tlv(0x05)) : tlv(0x30, oid(ecdsaOids[hash])),
    tlv(0x04, sign(hash, tlv(0x31, attributes), privateKey)),
  );
  const signedData = tlv(
    0x30,
    tlv(0x02, Buffer.of(1)),
    tlv(0x31, algorithm),
    tlv(0x30, indirectOid, tlv(0xa0, tlv(0x30, content))),
    tlv(0xa0, ...chain),
    tlv(0x31, signerInfo),
  );
  return tlv(0x30, oid('2a864886f70d010702'), tlv(0xa0, signedData));
}

/** Issuer and serial number of a version 3 certificate, with tags and lengths. */
function namesOf(certificate: Buffer): { issuer: Buffer; serial: Buffer } {
  const tbs = contents(contents(certificate));
  const version = element(tbs);
  const serial = element(tbs.subarray(version.length));
  const algorithm = element(tbs.subarray(version.length + serial.length));
  const issuer = element(tbs.subarray(version.length + serial.length + algorithm.length));
  return { issuer, serial };
}

function headBytes(der: Buffer): number {
  const first = der[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function element(der: Buffer): Buffer {
  const head = headBytes(der);
  const bytes = head === 2 ? (der[1] ?? 0) : der.readUIntBE(2, head - 2);
  return der.subarray(0, head + bytes);
}

function contents(der: Buffer): Buffer {
  return element(der).subarray(headBytes(der));
}

function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  if (body.length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, body.length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, body.length >> 8, body.length & 0xff), body]);
}
