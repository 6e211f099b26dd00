/**
 * Makes MCUboot images for tests, written from the format's description alone: it shares no code with the parser
 * that it tests.
 */

import { constants, createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { FirmwareImage } from '../../../../capabilities.ts';

export interface BuildOptions {
  payload?: Uint8Array;
  /** major, minor, revision, build */
  version?: readonly [number, number, number, number];
  loadAddr?: number;
  /** Bytes of the header with its padding. */
  hdrSize?: number;
  /** Protected entries: type and value. A security counter by default. */
  protectedTlvs?: readonly (readonly [type: number, value: Uint8Array])[];
  /** Private key: EC P-256 or P-384, Ed25519, RSA. */
  key: KeyObject;
  hash?: 'sha256' | 'sha384' | 'sha512';
  /** Signs the region instead of its digest (Ed25519). */
  pure?: boolean;
  trailing?: Uint8Array;
  name?: string;
}

const hashTypes = { sha256: 0x10, sha384: 0x11, sha512: 0x12 };

export function buildMcuboot(options: BuildOptions): FirmwareImage {
  const hash = options.hash ?? 'sha256';
  const region = signedRegion(options);
  const digest = createHash(hash).update(region).digest();
  const publicKey = createPublicKey(options.key);
  const rsa = publicKey.asymmetricKeyType === 'rsa';
  const keyDer = publicKey.export({ type: rsa ? 'pkcs1' : 'spki', format: 'der' });
  const [type, signature] = signRegion(options, region, digest, hash);
  const tlvs = [
    tlv(hashTypes[hash], digest),
    tlv(0x01, createHash(hash).update(keyDer).digest()),
    ...(options.pure === true ? [tlv(0x25, Buffer.of(1))] : []),
    tlv(type, signature),
  ];
  const bytes = Buffer.concat([region, area(0x6907, tlvs), options.trailing ?? Buffer.alloc(0)]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: options.name ?? 'test-1.2.3.bin', bytes, sha256 };
}

function signedRegion(options: BuildOptions): Buffer {
  const payload = options.payload ?? Buffer.from('payload of the test image, long enough to be halved');
  const hdrSize = options.hdrSize ?? 64;
  const entries = options.protectedTlvs ?? [[0x50, u32(7)] as const];
  const protectedArea =
    entries.length === 0
      ? Buffer.alloc(0)
      : area(
          0x6908,
          entries.map(([type, value]) => tlv(type, value)),
        );
  const [major, minor, revision, build] = options.version ?? [1, 2, 3, 4];
  const header = Buffer.alloc(hdrSize);
  header.writeUInt32LE(0x96f3b83d, 0);
  header.writeUInt32LE(options.loadAddr ?? 0x2000_0000, 4);
  header.writeUInt16LE(hdrSize, 8);
  header.writeUInt16LE(protectedArea.length, 10);
  header.writeUInt32LE(payload.length, 12);
  header.writeUInt8(major, 20);
  header.writeUInt8(minor, 21);
  header.writeUInt16LE(revision, 22);
  header.writeUInt32LE(build, 24);
  return Buffer.concat([header, payload, protectedArea]);
}

function signRegion(
  { key, pure }: BuildOptions,
  region: Buffer,
  digest: Buffer,
  hash: string,
): [type: number, signature: Buffer] {
  if (key.asymmetricKeyType === 'ed25519') return [0x24, sign(null, pure === true ? region : digest, key)];
  if (key.asymmetricKeyType === 'ec') return [0x22, sign(hash, region, key)];
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const type = key.asymmetricKeyDetails?.modulusLength === 3072 ? 0x23 : 0x20;
  return [type, sign(hash, region, { key, padding, saltLength: 32 })];
}

function tlv(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([u16(type), u16(value.length), value]);
}

function area(magic: number, entries: readonly Buffer[]): Buffer {
  const body = Buffer.concat(entries);
  return Buffer.concat([u16(magic), u16(body.length + 4), body]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
