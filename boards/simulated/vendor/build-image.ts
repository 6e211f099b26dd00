/** The vendor's image builder: MCUboot layout, made on the vendor's side and unknown to the device. */

import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';

/** UUID of the hardware class SG-1 C; see the datasheet. */
export const HARDWARE_C = '5f1e1d50726f6f6653472d312d684300';
export const HARDWARE_B = '5f1e1d50726f6f6653472d312d684200';

const HEADER_BYTES = 0x200;
const PAYLOAD_BYTES = 24 * 1024 - 0x200;

export interface ImageRecipe {
  /** `1.2.0` */
  version: string;
  /** Security counter; undefined leaves the TLV out. */
  counter: number | undefined;
  key: KeyObject;
  /** UUID in hex; HARDWARE_C unless told. */
  hardware?: string;
  /** 24 KiB less the header unless told. */
  payloadBytes?: number;
  /** What the pseudo-code does once it runs; `run` unless told. */
  behaviour?: 'run' | 'crash' | 'hang';
}

export function buildImage(recipe: ImageRecipe): Buffer {
  const payload = pseudoCode(recipe.version, recipe.behaviour ?? 'run', recipe.payloadBytes ?? PAYLOAD_BYTES);
  const protectedTlvs = tlvArea(0x6908, [
    ...(recipe.counter === undefined ? [] : [{ type: 0x50, value: u32(recipe.counter) }]),
    { type: 0x75, value: Buffer.from(recipe.hardware ?? HARDWARE_C, 'hex') },
  ]);
  const signed = Buffer.concat([header(recipe.version, payload, protectedTlvs), payload, protectedTlvs]);
  const digest = createHash('sha256').update(signed).digest();
  const spki = createPublicKey(recipe.key).export({ type: 'spki', format: 'der' });
  const unprotected = tlvArea(0x6907, [
    { type: 0x10, value: digest },
    { type: 0x01, value: createHash('sha256').update(spki).digest() },
    signature(recipe.key, signed, digest),
  ]);
  return Buffer.concat([signed, unprotected]);
}

function signature(key: KeyObject, signed: Buffer, digest: Buffer): { type: number; value: Buffer } {
  return key.asymmetricKeyType === 'ed25519'
    ? { type: 0x24, value: sign(null, digest, key) }
    : { type: 0x22, value: sign('sha256', signed, { key, dsaEncoding: 'der' }) };
}

function header(version: string, payload: Buffer, protectedTlvs: Buffer): Buffer {
  const [major = 0, minor = 0, revision = 0] = version.split('.').map(Number);
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32LE(0x96f3b83d, 0);
  bytes.writeUInt16LE(HEADER_BYTES, 8);
  bytes.writeUInt16LE(protectedTlvs.length, 10);
  bytes.writeUInt32LE(payload.length, 12);
  bytes.writeUInt8(major, 20);
  bytes.writeUInt8(minor, 21);
  bytes.writeUInt16LE(revision, 22);
  return bytes;
}

function tlvArea(magic: number, entries: readonly { type: number; value: Buffer }[]): Buffer {
  const body = Buffer.concat(
    entries.map(({ type, value }) => Buffer.concat([u16(type), u16(value.length), value])),
  );
  return Buffer.concat([u16(magic), u16(body.length + 4), body]);
}

/** Bytes that look like code, the same for the same version, after a line of text that `strings` finds. */
function pseudoCode(version: string, behaviour: string, payloadBytes: number): Buffer {
  const banner = Buffer.from(`SG-1 firmware ${version} behaviour=${behaviour}\0`);
  const blocks = [banner];
  for (let bytes = banner.length, counter = 0; bytes < payloadBytes; bytes += 32, counter += 1) {
    blocks.push(createHash('sha256').update(`sg-1 pseudo-code ${version} ${counter}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, payloadBytes);
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
