/** The two public keys burnt into TR-1, one for each signature, and the hardware that it is. */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dataPath } from '../paths.ts';

/** Model TR-1, revision B. */
export const HARDWARE = 0x0102;

export interface TrustedKeys {
  ed25519: KeyObject;
  /** The bare 1312 bytes. Source: FIPS 204, table 2. */
  mlDsa: Uint8Array;
}

/** SubjectPublicKeyInfo of ML-DSA-44 up to the key itself. Source: RFC 9881, 4. */
const ML_DSA_44_PREFIX = Buffer.from('30820532300b06096086480165030403110382052100', 'hex');

/** The file of public keys holds Ed25519 first, ML-DSA-44 second. */
export function loadTrustedKeys(): TrustedKeys {
  const pem = readFileSync(dataPath('transmitter', 'keys', 'public-test-keys.pub.pem'), 'latin1');
  const [ed25519 = '', mlDsa = ''] = pem.match(/-----BEGIN[^]*?-----END[^\n]*/g) ?? [];
  return { ed25519: createPublicKey(ed25519), mlDsa: bareMlDsaKey(mlDsa) };
}

/** node:crypto knows ML-DSA from Node 24 on only. */
function bareMlDsaKey(pem: string): Uint8Array {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const prefix = der.subarray(0, ML_DSA_44_PREFIX.length);
  if (!prefix.equals(ML_DSA_44_PREFIX)) throw new Error('the ML-DSA-44 key is no SubjectPublicKeyInfo');
  return Uint8Array.from(der.subarray(prefix.length));
}
