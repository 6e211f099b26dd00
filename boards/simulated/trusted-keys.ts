/** The two public keys burnt into the boot loader, and the hardware class it belongs to. */

import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FAITHFUL, type Defects } from './defects.ts';
import { dataPath } from './paths.ts';

export interface TrustedKey {
  algorithm: 'ecdsa-p256' | 'ed25519';
  key: KeyObject;
  /** SHA-256 of the DER SubjectPublicKeyInfo, as in the image's KEYHASH. */
  hash: Buffer;
}

/** Model SG-1, hardware C: the UUID that an image must carry. */
export const HARDWARE_CLASS = Buffer.from('5f1e1d50726f6f6653472d312d684300', 'hex');

export function loadTrustedKeys(defects: Defects = FAITHFUL): readonly TrustedKey[] {
  return [
    trust('ecdsa-p256', 'public-test-key-p256.pub.pem'),
    trust('ed25519', 'public-test-key-ed25519.pub.pem'),
    ...(defects.has('trusts-sample-key') ? SAMPLE_KEYS.map((file) => trust('ecdsa-p256', file)) : []),
  ];
}

/** Published by MCUboot with their private halves; left in by the defect `trusts-sample-key`. */
const SAMPLE_KEYS = ['mcuboot-root-ec-p256.pub.pem', 'mcuboot-cypress-test-ec-p256.pub.pem'];

function trust(algorithm: TrustedKey['algorithm'], file: string): TrustedKey {
  const key = createPublicKey(readFileSync(dataPath('keys', file)));
  const spki = key.export({ type: 'spki', format: 'der' });
  return { algorithm, key, hash: createHash('sha256').update(spki).digest() };
}
