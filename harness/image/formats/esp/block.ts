/** Signature blocks made anew, or edited with their CRC made to fit. */

import type { KeyObject } from 'node:crypto';
import {
  blockBytes,
  blockMagic,
  blockVersions,
  crcAt,
  ecdsa384Layout,
  ecdsaLayout,
  rsaLayout,
  type BlockLayout,
} from './layout.ts';
import {
  ecKeyField,
  fromBytes,
  pointOf,
  reversed,
  rsaKeyField,
  rsaNumbers,
  signEcdsa,
  signPss,
  type EspCurve,
} from './keys.ts';
import { crc32 } from './sums.ts';

/** A private key in the form that blocks are signed with. */
export type BlockKey =
  | { kind: 'rsa'; key: KeyObject; field: Buffer }
  | { kind: 'ecdsa'; curve: EspCurve; secret: Uint8Array; field: Buffer };

/** Of an RSA-3072 key or one on a known curve; undefined for any other. */
export function blockKey(key: KeyObject): BlockKey | undefined {
  const numbers = rsaNumbers(key);
  if (numbers !== undefined) return { kind: 'rsa', key, field: rsaKeyField(numbers) };
  const point = pointOf(key);
  if (point === undefined) return undefined;
  return { kind: 'ecdsa', curve: point.curve, secret: secretOf(key, point.curve), field: ecKeyField(point) };
}

/** The private number: the first OCTET STRING of an ECPrivateKey (RFC 5915, 3), which is as wide as the order. */
function secretOf(key: KeyObject, curve: EspCurve): Buffer {
  const der = key.export({ type: 'sec1', format: 'der' });
  const at = der.indexOf(Buffer.of(0x02, 0x01, 0x01, 0x04, curve.bytes)) + 5;
  return der.subarray(at, at + curve.bytes);
}

/** A key on the curve made from at least 32 bytes of a seed. */
export function ecBlockKey(curve: EspCurve, seed: Uint8Array): BlockKey {
  const secret = (fromBytes(seed) % (curve.order - 1n)) + 1n;
  const bytes = Buffer.from(secret.toString(16).padStart(2 * curve.bytes, '0'), 'hex');
  const point = Buffer.from(curve.curve.getPublicKey(Uint8Array.from(bytes), false));
  const x = point.subarray(1, 1 + curve.bytes);
  const y = point.subarray(1 + curve.bytes);
  return { kind: 'ecdsa', curve, secret: bytes, field: ecKeyField({ curve, x, y }) };
}

export function layoutFor(key: BlockKey): BlockLayout {
  if (key.kind === 'rsa') return rsaLayout;
  return key.curve.name === 'P-384' ? ecdsa384Layout : ecdsaLayout;
}

/** A signature as the block holds it. */
export function signatureField(key: BlockKey, digest: Uint8Array, salt: Uint8Array): Buffer {
  if (key.kind === 'rsa') return reversed(signPss(key.key, digest, salt));
  const { bytes } = key.curve;
  const signature = signEcdsa(key.curve, key.secret, digest);
  return Buffer.concat([reversed(signature.subarray(0, bytes)), reversed(signature.subarray(bytes))]);
}

/** A whole block of 1216 bytes. @param salt of RSASSA-PSS, 32 bytes as espsecure has it */
export function signedBlock(key: BlockKey, digest: Uint8Array, salt: Uint8Array): Buffer {
  const layout = layoutFor(key);
  const block = Buffer.alloc(blockBytes);
  block[0] = blockMagic;
  block[1] = key.kind === 'rsa' ? blockVersions.rsa : blockVersions.ecdsa;
  if (layout.hash === 'sha384') block[2] = 1;
  block.set(digest, 4);
  key.field.copy(block, layout.key.at);
  signatureField(key, digest, salt).copy(block, layout.signature.at);
  return withCrc(block);
}

/** A copy whose CRC fits. */
export function withCrc(block: Uint8Array): Buffer {
  const copy = Buffer.from(block);
  copy.writeUInt32LE(crc32(copy.subarray(0, crcAt)), crcAt);
  return copy;
}

/** A copy with bytes put in at an offset; its CRC as it was. */
export function withField(block: Uint8Array, at: number, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(block);
  copy.set(bytes, at);
  return copy;
}
