/** Public keys and certificates from files, in whatever form a maker hands them out. */

import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { BoardFileError } from '../../errors.ts';
import type { PublicKey, TestKey } from '../trust.ts';

/**
 * Every key in a file: PEM (public keys and certificates, several), DER (SubjectPublicKeyInfo, PKCS #1, certificate).
 *
 * @param name of the file, for messages
 * @throws BoardFileError `no-public-key`, saying what the file looks like instead
 */
export function readPublicKeys(bytes: Uint8Array, name: string): PublicKey[] {
  const text = Buffer.from(bytes).toString('latin1');
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g)];
  const keys =
    blocks.length > 0
      ? blocks.flatMap(([block, label]) => fromPem(block, label ?? '', name))
      : fromDer(Buffer.from(bytes), name);
  if (keys.length > 0) return keys;
  throw new BoardFileError('no-public-key', `${name}: no public key or certificate in it`, {
    hint: 'PEM or DER of a public key or of an X.509 certificate is understood.',
  });
}

function fromPem(block: string, label: string, name: string): PublicKey[] {
  if (label === 'CERTIFICATE') return fromCertificate(new X509Certificate(block), name);
  if (label.includes('PRIVATE')) {
    throw new BoardFileError('private-key', `${name}: a private key where a public one belongs`, {
      hint: 'The bench never needs the maker’s private key. Take the public half: openssl pkey -pubout.',
    });
  }
  return [classic(createPublicKey(block), name)];
}

function fromDer(der: Buffer, name: string): PublicKey[] {
  const attempts: (() => PublicKey[])[] = [
    () => fromCertificate(new X509Certificate(der), name),
    () => [classic(createPublicKey({ key: der, format: 'der', type: 'spki' }), name)],
    () => [classic(createPublicKey({ key: der, format: 'der', type: 'pkcs1' }), name)],
  ];
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch {
      continue; // not in that form
    }
  }
  return [];
}

function classic(key: KeyObject, name: string): PublicKey {
  return { kind: 'classic', key, name };
}

function fromCertificate(certificate: X509Certificate, name: string): PublicKey[] {
  return [{ ...classic(certificate.publicKey, name), certificate: certificate.raw }];
}

/**
 * A private key for tests, with the certificates that belong to it.
 *
 * @param chain PEM certificates, the signer's first
 * @throws BoardFileError `no-test-key`
 */
export function readTestKey(bytes: Uint8Array, name: string, chain?: Uint8Array): TestKey {
  const certificates = chain === undefined ? [] : readPublicKeys(chain, `${name}, its certificates`);
  const ders = certificates.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]));
  try {
    return { kind: 'classic', key: createPrivateKey(Buffer.from(bytes)), chain: ders, name };
  } catch (cause) {
    throw new BoardFileError('no-test-key', `${name}: no private key that can be read`, {
      cause,
      hint: 'PEM of a private key without a passphrase is understood (PKCS #8, SEC 1 or PKCS #1).',
    });
  }
}
