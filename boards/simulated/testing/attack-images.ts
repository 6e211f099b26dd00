/** Attack images for the tests of the image check, put together by hand from genuine ones. */

import { createHash, generateKeyPairSync } from 'node:crypto';
import { HEADER, TLV, TLV_INFO_BYTES } from '../mcuboot-image.ts';
import { buildImage } from '../vendor/build-image.ts';

interface Entry {
  type: number;
  value: Buffer;
}

/** The image with its unprotected TLVs changed; nothing that is signed changes. */
export function withUnprotected(image: Buffer, change: (entries: Entry[]) => Entry[]): Buffer {
  const start = signedBytes(image);
  return Buffer.concat([image.subarray(0, start), area(0x6907, change(entriesAt(image, start)))]);
}

/** The image with the value of one unprotected TLV replaced. */
export function replaced(image: Buffer, type: number, value: (old: Buffer) => Buffer): Buffer {
  return withUnprotected(image, (entries) =>
    entries.map((entry) => (entry.type === type ? { type, value: value(entry.value) } : entry)),
  );
}

/** The image with a byte of its payload altered, and a digest that fits. */
export function withFreshDigest(image: Buffer): Buffer {
  const altered = Buffer.from(image);
  altered.writeUInt8(altered.readUInt8(0x1000) ^ 1, 0x1000);
  const digest = sha256(altered.subarray(0, signedBytes(altered)));
  return replaced(altered, TLV.sha256, () => digest);
}

/** Signed by a key that nobody knows and that the image names. */
export function byStranger(): Buffer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return buildImage({ version: '1.3.0', counter: 6, key: privateKey });
}

/**
 * An image whose header and payload, added in 32 bits, end inside the header's padding. The TLVs stand there, and the
 * signature over so much is good.
 */
export function wrapping(image: Buffer, resign: (signed: Buffer) => Buffer): Buffer {
  const end = 0x40;
  const bytes = Buffer.from(image);
  bytes.writeUInt32LE(2 ** 32 - bytes.readUInt16LE(HEADER.headerBytes) + end, HEADER.payloadBytes);
  const protectedStart = signedBytes(image) - image.readUInt16LE(HEADER.protectedBytes);
  image.copy(bytes, end, protectedStart, signedBytes(image));
  const signedEnd = end + image.readUInt16LE(HEADER.protectedBytes);
  const unprotected = entriesAt(image, signedBytes(image)).map(({ type, value }) => {
    if (type === TLV.sha256) return { type, value: sha256(bytes.subarray(0, signedEnd)) };
    return { type, value: type === TLV.ecdsa ? resign(bytes.subarray(0, signedEnd)) : value };
  });
  area(0x6907, unprotected).copy(bytes, signedEnd);
  return bytes;
}

export function signatureOf(image: Buffer): Buffer {
  const entry = entriesAt(image, signedBytes(image)).find(({ type }) => type === TLV.ecdsa);
  return entry?.value ?? Buffer.alloc(0);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function signedBytes(image: Buffer): number {
  const sizes = image.readUInt16LE(HEADER.headerBytes) + image.readUInt32LE(HEADER.payloadBytes);
  return sizes + image.readUInt16LE(HEADER.protectedBytes);
}

function entriesAt(image: Buffer, start: number): Entry[] {
  const entries: Entry[] = [];
  const end = start + image.readUInt16LE(start + 2);
  for (let at = start + TLV_INFO_BYTES; at < end;) {
    const valueStart = at + TLV_INFO_BYTES;
    const next = valueStart + image.readUInt16LE(at + 2);
    entries.push({ type: image.readUInt16LE(at), value: image.subarray(valueStart, next) });
    at = next;
  }
  return entries;
}

function area(magic: number, entries: readonly Entry[]): Buffer {
  const body = Buffer.concat(
    entries.map(({ type, value }) => Buffer.concat([pair(type, value.length), value])),
  );
  return Buffer.concat([pair(magic, body.length + TLV_INFO_BYTES), body]);
}

/** Two 16-bit numbers. */
function pair(first: number, second: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(first, 0);
  bytes.writeUInt16LE(second, 2);
  return bytes;
}
