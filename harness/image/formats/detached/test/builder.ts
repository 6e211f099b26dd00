/**
 * Makes payloads with detached or appended signatures for tests, without the parser and the verifier: classic schemes
 * by node:crypto, post-quantum ones by the library’s own signing, hash-based ones by a tree of the tests’ own.
 */

import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { ml_dsa44, ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { slh_dsa_sha2_128f } from '@noble/post-quantum/slh-dsa.js';
import type { PublicKey, TestKey } from '../../../trust.ts';
import { hssTrees, lmsTree } from './lms-tree.ts';

/** Somebody who signs; `nth` counts the messages, for schemes with a state. */
export interface Signer {
  publicKey: PublicKey;
  /** Absent for schemes with a state. */
  testKey?: TestKey;
  sign(message: Buffer, nth?: number): Buffer;
}

function classicSigner(
  pair: { publicKey: KeyObject; privateKey: KeyObject },
  how: (message: Buffer, key: KeyObject) => Buffer,
): Signer {
  return {
    publicKey: { kind: 'classic', key: pair.publicKey, name: 'maker' },
    testKey: { kind: 'classic', key: pair.privateKey, chain: [], name: 'maker' },
    sign: (message) => how(message, pair.privateKey),
  };
}

export function ed25519Signer(): Signer {
  return classicSigner(generateKeyPairSync('ed25519'), (message, key) => sign(null, message, key));
}

export function ecdsaSigner(
  namedCurve: 'P-256' | 'P-384' | 'P-521',
  hash: string,
  dsaEncoding: 'der' | 'ieee-p1363',
): Signer {
  const pair = generateKeyPairSync('ec', { namedCurve });
  return classicSigner(pair, (message, key) => sign(hash, message, { key, dsaEncoding }));
}

/** RSA-2048 with a modulus that leaves room above it, so that it can be added to a small signature. */
export function rsaSigner(padding: 'pkcs1' | 'pss', publicExponent = 0x10001, saltLength = 32): Signer {
  let pair = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent });
  while (firstByteOfModulus(pair.publicKey) >= 0xb8)
    pair = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent });
  return classicSigner(pair, (message, key) =>
    padding === 'pkcs1'
      ? sign('sha256', message, key)
      : sign('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }),
  );
}

function firstByteOfModulus(key: KeyObject): number {
  const { n = '' } = key.export({ format: 'jwk' }) as { n?: string };
  return Buffer.from(n, 'base64url')[0] ?? 0;
}

const libraries = {
  'ml-dsa-44': ml_dsa44,
  'ml-dsa-65': ml_dsa65,
  'slh-dsa-sha2-128f': slh_dsa_sha2_128f,
} as const;

export function postQuantumSigner(algorithm: keyof typeof libraries, context?: Uint8Array): Signer {
  const library = libraries[algorithm];
  const { publicKey, secretKey } = library.keygen();
  return {
    publicKey: { kind: 'raw', algorithm, bytes: publicKey, name: 'maker' },
    testKey: { kind: 'raw', algorithm, bytes: publicKey, secret: secretKey, chain: [], name: 'maker' },
    sign: (message) =>
      Buffer.from(library.sign(message, secretKey, context === undefined ? {} : { context })),
  };
}

export function hashBasedSigner(algorithm: 'lms' | 'hss'): Signer {
  const tree = algorithm === 'lms' ? lmsTree('test') : hssTrees('test');
  return {
    publicKey: { kind: 'raw', algorithm, bytes: tree.publicKey, name: 'maker' },
    sign: (message, nth = 0) => tree.sign(message, 7 + nth),
  };
}

/** Payload, signature file, and how long that is: eight bytes, big-endian, and a magic number. */
export function detached(payload: Buffer, signatureFile: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeUInt32BE(signatureFile.length, 4);
  return Buffer.concat([payload, signatureFile, length, Buffer.from('FPSPLIT1')]);
}

export function payloadOf(text: string, bytes = 3000): Buffer {
  return Buffer.alloc(bytes, `${text}, a payload that repeats itself. `);
}
