/** The vendor's image builder: the layout of TR-1, made on the vendor's side and unknown to the device. */

import { createHash, sign, type KeyObject } from 'node:crypto';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';

export const HARDWARE_B = 0x0102;
export const HARDWARE_A = 0x0101;

const HEADER_BYTES = 32;
const PAYLOAD_BYTES = 16 * 1024;

export interface SigningKeys {
  ed25519: KeyObject;
  /** The expanded secret key. */
  mlDsa: Uint8Array;
}

export interface ImageRecipe {
  /** `2.1.0` */
  version: string;
  /** Security counter; 0 stands for none. */
  counter: number;
  keys: SigningKeys;
  /** HARDWARE_B unless told. */
  hardware?: number;
  /** 16 KiB unless told. */
  payloadBytes?: number;
  /** What the header says instead of the payload's length. */
  statedBytes?: number;
  /** So many bytes are signed instead of header and payload. */
  signedBytes?: number;
}

/** Both signatures are deterministic: the same recipe makes the same bytes. */
export function buildImage(recipe: ImageRecipe): Buffer {
  const payload = pseudoCode(recipe.version, recipe.payloadBytes ?? PAYLOAD_BYTES);
  const content = Buffer.concat([header(recipe, payload), payload]);
  const signed = content.subarray(0, recipe.signedBytes ?? content.length);
  const mlDsa = ml_dsa44.sign(Uint8Array.from(signed), recipe.keys.mlDsa, { extraEntropy: false });
  return Buffer.concat([content, sign(null, signed, recipe.keys.ed25519), mlDsa]);
}

function header({ version, counter, hardware, statedBytes }: ImageRecipe, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('TR1F', 0, 'latin1');
  bytes.writeUInt32BE(statedBytes ?? payload.length, 4);
  bytes.writeUInt32BE(counter, 8);
  bytes.writeUInt16BE(hardware ?? HARDWARE_B, 12);
  bytes.write(version, 16, 'latin1');
  return bytes;
}

/** Bytes that look like code, the same for the same version, after a line of text that `strings` finds. */
function pseudoCode(version: string, payloadBytes: number): Buffer {
  const banner = Buffer.from(`TR-1 firmware ${version}\0`);
  const blocks = [banner];
  for (let bytes = banner.length, counter = 0; bytes < payloadBytes; bytes += 32, counter += 1) {
    blocks.push(createHash('sha256').update(`tr-1 pseudo-code ${version} ${counter}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, payloadBytes);
}
