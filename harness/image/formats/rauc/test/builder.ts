/** Makes genuine RAUC bundles from the format's description alone; shares no code with parser or verifier. */

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  publicEncrypt,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { makeCms } from '../../../test/test-cms.ts';

export interface SignedBy {
  privateKey: KeyObject;
  /** DER certificates, the signer's first. */
  chain: readonly Uint8Array[];
}

export interface BuildOptions {
  format?: 'plain' | 'verity';
  by: SignedBy;
  version?: string;
  compatible?: string;
  /** Bytes of squashfs before its padding; 10000 when absent. */
  payloadBytes?: number;
  /** Makes another payload. */
  payloadSeed?: string;
  /** A real squashfs, in place of bytes that only look like one. */
  squashfs?: Buffer;
  /** In place of the manifest that is made. */
  manifest?: string;
}

export function buildRauc(options: BuildOptions): Buffer {
  const data = options.squashfs ?? squashfs(options);
  const { payload, cms } =
    options.format === 'plain'
      ? { payload: data, cms: signedData(options.by, data, false) }
      : verityParts(options, data);
  return Buffer.concat([payload, cms, u64be(cms.length)]);
}

/** A crypt bundle: everything of a verity bundle, over a payload encrypted with AES-256-CBC, its CMS in an envelope. */
export function buildCrypt(options: BuildOptions, recipient: Uint8Array): Buffer {
  const key = keystream('payload key', 32);
  const cipher = createCipheriv('aes-256-cbc', key, Buffer.alloc(16)).setAutoPadding(false);
  const encrypted = Buffer.concat([cipher.update(squashfs(options)), cipher.final()]);
  const { payload, cms } = verityParts(options, encrypted, `crypt-key=${key.toString('hex')}\n`);
  const envelope = envelopedData(cms, recipient);
  return Buffer.concat([payload, envelope, u64be(envelope.length)]);
}

function verityParts(options: BuildOptions, data: Buffer, cryptKey = ''): { payload: Buffer; cms: Buffer } {
  const salt = createHash('sha256').update(`salt ${options.payloadSeed}`).digest();
  const { tree, root } = hashTree(data, salt);
  const format = cryptKey === '' ? 'verity' : 'crypt';
  const manifest =
    options.manifest ??
    `[update]\ncompatible=${options.compatible ?? 'Fieldproof Gateway'}\nversion=${options.version ?? '1.2.3'}\n` +
      `description=made for a test\nbuild=20240501\n\n[bundle]\n${cryptKey}format=${format}\n` +
      `verity-hash=${root.toString('hex')}\nverity-salt=${salt.toString('hex')}\nverity-size=${tree.length}\n\n` +
      `[image.rootfs]\nsha256=${createHash('sha256').update(data).digest('hex')}\nsize=4096\nfilename=rootfs.img\n\n`;
  return {
    payload: Buffer.concat([data, tree]),
    cms: signedData(options.by, Buffer.from(manifest), true),
  };
}

/** Superblock, bytes that look compressed, padding to 4096. */
function squashfs({ payloadBytes = 10_000, payloadSeed = '' }: BuildOptions): Buffer {
  const bytes = keystream(`payload ${payloadSeed}`, Math.ceil(payloadBytes / 4096) * 4096);
  bytes.fill(0, payloadBytes);
  bytes.write('hsqs', 0, 'latin1');
  bytes.writeUInt32LE(3, 4);
  bytes.writeUInt32LE(1_714_521_600, 8);
  bytes.writeUInt32LE(131_072, 12);
  bytes.writeUInt32LE(1, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(17, 22);
  bytes.writeUInt16LE(0xc0, 24);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(4, 28);
  bytes.writeUInt16LE(0, 30);
  bytes.writeBigUInt64LE(0x40n, 32);
  bytes.writeBigUInt64LE(BigInt(payloadBytes), 40);
  for (let at = 48; at < 96; at += 8) bytes.writeBigUInt64LE(BigInt(payloadBytes - (96 - at)), at);
  return bytes;
}

function keystream(label: string, bytes: number): Buffer {
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(label).digest(), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(bytes));
}

/** Levels from the data up; in the file they lie the other way round. */
export function hashTree(data: Buffer, salt: Buffer): { tree: Buffer; root: Buffer } {
  const hash = (block: Buffer): Buffer => createHash('sha256').update(salt).update(block).digest();
  const levels: Buffer[] = [];
  let below = data;
  while (below.length > 4096) {
    const digests = Array.from({ length: below.length / 4096 }, (_, block) =>
      hash(below.subarray(block * 4096, (block + 1) * 4096)),
    );
    const used = Buffer.concat(digests);
    const level = Buffer.concat([used, Buffer.alloc((4096 - (used.length % 4096)) % 4096)]);
    levels.unshift(level);
    below = level;
  }
  return { tree: Buffer.concat(levels), root: hash(below) };
}

/** Signed data with its certificates, as `openssl cms -sign -binary -nosmimecap` makes it. */
function signedData({ privateKey, chain }: SignedBy, content: Buffer, attached: boolean): Buffer {
  const [certificate = Buffer.alloc(0)] = chain;
  return makeCms({ content, signers: [{ certificate, privateKey }], certificates: chain, attached });
}

function envelopedData(content: Buffer, recipient: Uint8Array): Buffer {
  const certificate = new x509.X509Certificate(recipient);
  const key = createHmac('sha256', 'envelope').update(content).digest();
  const iv = key.subarray(0, 16);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const { publicKey } = new X509Certificate(recipient);
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key);
  const body = seq(
    der(0x02, Buffer.of(0)),
    der(
      0x31,
      seq(
        der(0x02, Buffer.of(0)),
        seq(
          Buffer.from(certificate.issuerName.toArrayBuffer()),
          der(0x02, signedInteger(certificate.serialNumber)),
        ),
        seq(oid('2a864886f70d010101'), Buffer.of(5, 0)),
        der(0x04, wrapped),
      ),
    ),
    seq(
      oid('2a864886f70d010701'),
      seq(oid('60864801650304012a'), der(0x04, iv)),
      der(0x80, cipher.update(content), cipher.final()),
    ),
  );
  return seq(oid('2a864886f70d010703'), der(0xa0, body));
}

/** The serial number's bytes, with a zero before a set first bit. */
function signedInteger(hex: string): Buffer {
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
}

function seq(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const digits = body.length.toString(16);
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 + length.length), length, body]);
}

function u64be(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
