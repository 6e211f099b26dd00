/** The vendor's two test keys: private ones in PKCS #8, the public ones together in one file; all PEM. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { dataPath } from '../../paths.ts';
import { type SigningKeys } from './build-image.ts';

/** Up to the seed, which is the whole private key. Source: RFC 9881, 6, form `seed`. */
const PRIVATE_PREFIX = Buffer.from('3034020100300b060960864801650304031104228020', 'hex');
/** Up to the key. Source: RFC 9881, 4. */
const PUBLIC_PREFIX = Buffer.from('30820532300b06096086480165030403110382052100', 'hex');

const keyPath = (file: string): string => dataPath('transmitter', 'keys', file);

/** The committed keys; where they are missing, new ones are made and written. */
export function loadOrMakeKeys(): SigningKeys {
  const ed25519 = createPrivateKey(
    loadOrMake('public-test-key-ed25519.pem', () =>
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ),
  );
  const pkcs8 = loadOrMake('public-test-key-ml-dsa-44.pem', () =>
    pem('PRIVATE KEY', Buffer.concat([PRIVATE_PREFIX, randomBytes(32)])),
  );
  const der = Buffer.from(pkcs8.replace(/-----[^-]+-----/g, ''), 'base64');
  const mlDsa = ml_dsa44.keygen(Uint8Array.from(der.subarray(PRIVATE_PREFIX.length)));
  loadOrMake(
    'public-test-keys.pub.pem',
    () =>
      createPublicKey(ed25519).export({ type: 'spki', format: 'pem' }).toString() +
      pem('PUBLIC KEY', Buffer.concat([PUBLIC_PREFIX, mlDsa.publicKey])),
  );
  return { ed25519, mlDsa: mlDsa.secretKey };
}

function loadOrMake(file: string, make: () => string): string {
  const path = keyPath(file);
  if (!existsSync(path)) writeFileSync(path, make());
  return readFileSync(path, 'latin1');
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
