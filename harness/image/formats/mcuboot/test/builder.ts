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
  flags?: number;
  /** Bytes of the header with its padding. */
  hdrSize?: number;
  /** Security counter, when the protected entries are not given; 7 by default. */
  counter?: number;
  /** Protected entries: type and value. A security counter by default. */
  protectedTlvs?: readonly (readonly [type: number, value: Uint8Array])[];
  /** Private key: EC P-256 or P-384, Ed25519, RSA. */
  key: KeyObject;
  hash?: 'sha256' | 'sha384' | 'sha512';
  /** Signs the region instead of its digest (Ed25519). */
  pure?: boolean;
  /** Leaves the digest out. */
  noDigest?: boolean;
  /** Names the key by itself instead of by its hash. */
  fullKey?: boolean;
  /** Numbers high byte first. */
  bigEndian?: boolean;
  /** Signed as it is, then each payload byte is changed; type and value of the entry with the wrapped key. */
  encrypted?: readonly [type: number, value: Uint8Array];
  trailing?: Uint8Array;
  /** Pads to a slot of so many bytes, with a trailer at its end. */
  slotBytes?: number;
  /** Write alignment of the trailer; 8 by default. */
  align?: number;
  name?: string;
}

const hashTypes = { sha256: 0x10, sha384: 0x11, sha512: 0x12 };

export function buildMcuboot(options: BuildOptions): FirmwareImage {
  const hash = options.hash ?? 'sha256';
  const numbers = options.bigEndian === true ? bigEndian : littleEndian;
  const region = signedRegion(options, numbers);
  const digest = createHash(hash).update(region).digest();
  const publicKey = createPublicKey(options.key);
  const rsa = publicKey.asymmetricKeyType === 'rsa';
  const keyDer = publicKey.export({ type: rsa ? 'pkcs1' : 'spki', format: 'der' });
  const [type, signature] = signRegion(options, region, digest, hash);
  const tlvs = [
    ...(options.noDigest === true ? [] : [tlv(numbers, hashTypes[hash], digest)]),
    options.fullKey === true
      ? tlv(numbers, 0x02, keyDer)
      : tlv(numbers, 0x01, createHash(hash).update(keyDer).digest()),
    ...(options.pure === true ? [tlv(numbers, 0x25, Buffer.of(1))] : []),
    tlv(numbers, type, signature),
    ...(options.encrypted === undefined ? [] : [tlv(numbers, ...options.encrypted)]),
  ];
  const unpadded = Buffer.concat([
    encrypt(region, options),
    area(numbers, 0x6907, tlvs),
    options.trailing ?? Buffer.alloc(0),
  ]);
  const bytes =
    options.slotBytes === undefined ? unpadded : padded(unpadded, options.slotBytes, options.align);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: options.name ?? 'test-1.2.3.bin', bytes, sha256 };
}

const defaultPayload = Buffer.from('payload of the test image, long enough to be halved');

function signedRegion(options: BuildOptions, numbers: Numbers): Buffer {
  const payload = options.payload ?? defaultPayload;
  const hdrSize = options.hdrSize ?? 64;
  const entries = options.protectedTlvs ?? [[0x50, numbers.u32(options.counter ?? 7)] as const];
  const protectedArea =
    entries.length === 0
      ? Buffer.alloc(0)
      : area(
          numbers,
          0x6908,
          entries.map(([type, value]) => tlv(numbers, type, value)),
        );
  const [major, minor, revision, build] = options.version ?? [1, 2, 3, 4];
  const header = Buffer.concat([
    numbers.u32(0x96f3b83d),
    numbers.u32(options.loadAddr ?? 0x2000_0000),
    numbers.u16(hdrSize),
    numbers.u16(protectedArea.length),
    numbers.u32(payload.length),
    numbers.u32(options.flags ?? 0),
    Buffer.of(major, minor),
    numbers.u16(revision),
    numbers.u32(build),
    Buffer.alloc(hdrSize - 28),
  ]);
  return Buffer.concat([header, payload, protectedArea]);
}

/** Not a cipher: what matters is that nobody can compute the digest of the result. */
function encrypt(region: Buffer, { encrypted, hdrSize, payload }: BuildOptions): Buffer {
  if (encrypted === undefined) return region;
  const start = hdrSize ?? 64;
  const end = start + (payload ?? defaultPayload).length;
  return Buffer.from(region.map((byte, at) => (at >= start && at < end ? byte ^ 0xa5 : byte)));
}

function signRegion(
  { key, pure }: BuildOptions,
  region: Buffer,
  digest: Buffer,
  hash: string,
): [type: number, signature: Buffer] {
  if (key.asymmetricKeyType === 'ed25519') return [0x24, sign(null, pure === true ? region : digest, key)];
  if (key.asymmetricKeyType === 'ec') return [0x22, ecdsa(key, region, hash)];
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const type = key.asymmetricKeyDetails?.modulusLength === 3072 ? 0x23 : 0x20;
  return [type, sign(hash, region, { key, padding, saltLength: 32 })];
}

/** Signs until r needs a sign byte and s is small, so that every attack on the encoding applies to every image. */
function ecdsa(key: KeyObject, region: Buffer, hash: string): Buffer {
  for (;;) {
    const der = sign(hash, region, key);
    const rBytes = der[3] ?? 0;
    const s = der.subarray(4 + rBytes + 2);
    const ends = ![0x00, 0xff].includes(der.at(-1) ?? 0); // not as erased flash does
    if (ends && rBytes % 16 === 1 && s.length === rBytes - 1 && (s[0] ?? 0xff) < 0x7f) return der;
  }
}

/** Erased flash up to the end of the slot, and there the trailer's magic number. */
function padded(image: Buffer, slotBytes: number, align = 8): Buffer {
  const magic =
    align === 8
      ? Buffer.from('77c295f360d2ef7f3552500f2cb67980', 'hex')
      : Buffer.concat([littleEndian.u16(align), Buffer.from('2de15d29410b8d77679c110f1f8a', 'hex')]);
  return Buffer.concat([image, Buffer.alloc(slotBytes - image.length - magic.length, 0xff), magic]);
}

interface Numbers {
  u16(value: number): Buffer;
  u32(value: number): Buffer;
  /** A standard type is a byte and a zero in either order, a vendor's is a number. */
  type(value: number): Buffer;
}

const littleEndian: Numbers = {
  u16: (value) => Buffer.of(value & 0xff, value >> 8),
  u32: (value) => Buffer.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24),
  type: (value) => Buffer.of(value & 0xff, value >> 8),
};

const bigEndian: Numbers = {
  u16: (value) => Buffer.of(value >> 8, value & 0xff),
  u32: (value) => littleEndian.u32(value).reverse(),
  type: (value) => (value < 0x100 ? Buffer.of(value, 0) : Buffer.of(value >> 8, value & 0xff)),
};

function tlv(numbers: Numbers, type: number, value: Uint8Array): Buffer {
  return Buffer.concat([numbers.type(type), numbers.u16(value.length), value]);
}

function area(numbers: Numbers, magic: number, entries: readonly Buffer[]): Buffer {
  const body = Buffer.concat(entries);
  return Buffer.concat([numbers.u16(magic), numbers.u16(body.length + 4), body]);
}
