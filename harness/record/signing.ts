/** Keys that sign evidence: what a signature is made with, and the one name by which people compare keys. */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  type KeyObject,
  type PrivateKeyInput,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EvidenceError } from '../errors.ts';

/** Signs bytes; the secret half never leaves it. */
export interface Signer {
  /** See {@link fingerprintOf}. */
  fingerprint: string;
  /** The public half: PEM, SubjectPublicKeyInfo. */
  publicPem: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/**
 * The name of a key: lower-case hex SHA-256 of its public half as DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
 * `openssl pkey -pubin -in key.pem -outform DER | sha256sum` prints the same.
 */
export function fingerprintOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Digest that goes with a key, as `node:crypto` wants it; undefined for a key that evidence is not signed with. */
function digestFor(key: KeyObject): 'sha256' | null | undefined {
  if (key.asymmetricKeyType === 'ed25519') return null; // RFC 8032: the message itself is signed
  const curve = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined;
  return curve === 'prime256v1' ? 'sha256' : undefined;
}

/**
 * @param key private, Ed25519 or ECDSA on P-256 (signed over SHA-256, as DER)
 * @param where for the message: the file that it came from
 * @throws EvidenceError for any other kind
 */
export function signerOf(key: KeyObject, where: string): Signer {
  const digest = digestFor(key);
  if (digest === undefined) {
    const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? key.type;
    throw new EvidenceError('key-unsuitable', `${where} holds a key of kind ${kind}`, {
      hint: 'Evidence is signed with Ed25519 or ECDSA P-256: `openssl genpkey -algorithm ed25519 -out person.pem`.',
    });
  }
  const publicKey = createPublicKey(key);
  return {
    fingerprint: fingerprintOf(publicKey),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (bytes) => sign(digest, bytes, key),
  };
}

/** True when the signature over these bytes is by this key; false for any other, and for keys of another kind. */
export function isSignedBy(publicKey: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  const digest = digestFor(publicKey);
  return digest !== undefined && verify(digest, bytes, publicKey, signature);
}

/**
 * The key of a person, from a PEM file of their own.
 *
 * @param passphrase for an encrypted one
 * @throws EvidenceError when there is no usable private key in it
 */
export function readSigner(path: string, passphrase?: string): Signer {
  return signerOf(readPrivateKey(path, readFileOf(path), passphrase), path);
}

function readFileOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EvidenceError('key-unreadable', `cannot read the key ${path}`, {
      hint: 'Name a PEM file with a private key that this user may read.',
      cause,
    });
  }
}

/** @throws EvidenceError when these bytes are no private key, or one that is encrypted otherwise */
export function readPrivateKey(path: string, pem: Buffer, passphrase?: string): KeyObject {
  const input: PrivateKeyInput = { key: pem, format: 'pem' };
  try {
    return createPrivateKey(passphrase === undefined ? input : { ...input, passphrase });
  } catch (cause) {
    const locked = /ENCRYPTED/.test(pem.toString('latin1'));
    throw new EvidenceError('key-unreadable', `${path} is no private key that can be read`, {
      hint: locked
        ? 'It is encrypted: put its passphrase into FIELDPROOF_KEY_PASSPHRASE.'
        : 'It must be a PEM file that begins with "-----BEGIN PRIVATE KEY-----".',
      cause,
    });
  }
}
