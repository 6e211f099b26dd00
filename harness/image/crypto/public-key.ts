/** Public keys and certificates from files, in whatever form a maker hands them out. */

import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { BoardFileError } from '../../errors.ts';
import { bytesSource } from '../byte-source.ts';
import { derOid, derTags, scanDerElement } from '../codec/der.ts';
import type { PublicKey } from '../trust.ts';
import { looksLike, pemBlocks, pemBody } from './key-files.ts';
import { algorithmOfOid } from './key-oids.ts';
import { spkiOfCertificate, subjectPublicKey } from './key-bytes.ts';
import { isRaw, minisignKey, rawPublicKey, sshKeys, type KeyHint } from './raw-keys.ts';

export { keyHints, type KeyHint } from './raw-keys.ts';
export { readTestKey } from './test-key.ts';

export interface KeyReading {
  /** What bare bytes are meant to be; without, their length decides. */
  hint?: KeyHint;
}

/**
 * Every key in a file: PEM (public keys and certificates, several), DER (SubjectPublicKeyInfo, PKCS #1, certificate),
 * OpenSSH lines, minisign, and bare bytes. ML-DSA, SLH-DSA and HSS too, which node:crypto does not know.
 *
 * @param name of the file, for messages
 * @throws BoardFileError `no-public-key`, `private-key` or `bad-key`, saying what the file looks like instead
 */
export function readPublicKeys(bytes: Uint8Array, name: string, options: KeyReading = {}): PublicKey[] {
  const blocks = pemBlocks(bytes);
  const keys =
    blocks.length > 0
      ? blocks.flatMap(({ block, label }) => fromPem(block, label, name))
      : fromBytes(Buffer.from(bytes), name, options);
  if (keys.length > 0) return keys;
  const like = looksLike(bytes);
  throw new BoardFileError(
    'no-public-key',
    `${name}: no public key or certificate in it; it looks like ${like}`,
    {
      hint: 'PEM, DER or the bare bytes of a public key are understood, or an X.509 certificate.',
      data: { looksLike: like },
    },
  );
}

function privateKey(name: string): BoardFileError {
  return new BoardFileError('private-key', `${name}: a private key where a public one belongs`, {
    hint: 'The bench never needs the maker’s private key. Take the public half: openssl pkey -pubout.',
  });
}

/** Labels of what holds no public key; said by name only when nothing else in the file does. */
const passedOver =
  /^(CERTIFICATE REQUEST|NEW CERTIFICATE REQUEST|PKCS7|CMS|X509 CRL|EC PARAMETERS|SSH SIGNATURE)/;

function fromPem(block: string, label: string, name: string): PublicKey[] {
  if (label.includes('PRIVATE')) throw privateKey(name);
  if (passedOver.test(label)) return [];
  const der = pemBody(block);
  const keys = label.includes('CERTIFICATE') ? fromCertificate(der, name) : fromDer(der, name);
  if (keys.length > 0) return keys;
  throw new BoardFileError('bad-key', `${name}: its ${label} block cannot be decoded`, {
    hint: 'Is the file complete, and of an algorithm that is known?',
  });
}

function fromBytes(bytes: Buffer, name: string, { hint }: KeyReading): PublicKey[] {
  const fromHint = hint === undefined ? undefined : rawPublicKey(bytes, name, hint);
  if (fromHint !== undefined) return [fromHint];
  const der = fromDer(bytes, name);
  if (der.length > 0) return der;
  const text = bytes.toString('latin1');
  const ssh = sshKeys(text, name);
  const found = minisignKey(text, name) ?? (hint === undefined ? bare(bytes, name) : undefined);
  return ssh.length > 0 || found === undefined ? ssh : [found];
}

/** Bare bytes that are neither text nor DER. */
function bare(bytes: Buffer, name: string): PublicKey | undefined {
  return looksLike(bytes) === 'plain text' ? undefined : rawPublicKey(bytes, name);
}

function fromDer(der: Buffer, name: string): PublicKey[] {
  const like = looksLike(der);
  // node:crypto would quietly take the public half of the one, and the other for an RSA key.
  if (like.includes('private key')) throw privateKey(name);
  if (like.includes('signature in DER')) return [];
  const attempts: (() => PublicKey[])[] = [
    () => fromCertificate(der, name),
    // Before node:crypto, which from Node 24 on reads some of these too: they are to be the same everywhere.
    () => fromUnknownSpki(der, name),
    () => [classic(createPublicKey({ key: der, format: 'der', type: 'spki' }), name)],
    () => [classic(createPublicKey({ key: der, format: 'der', type: 'pkcs1' }), name)],
  ];
  for (const attempt of attempts) {
    try {
      const keys = attempt();
      if (keys.length > 0) return keys;
    } catch {
      continue; // not in that form
    }
  }
  return [];
}

function classic(key: KeyObject, name: string): PublicKey {
  return { kind: 'classic', key, name };
}

function fromCertificate(der: Buffer, name: string): PublicKey[] {
  const raw = certificateOf(der)?.raw;
  if (raw === undefined) return [];
  const spki = spkiOfCertificate(raw);
  if (spki === undefined) return [];
  const other = fromUnknownSpki(spki, name);
  const keys = other.length > 0 ? other : (fromKnownSpki(spki, name) ?? []);
  return keys.map((key) => ({ ...key, certificate: raw }));
}

function certificateOf(der: Buffer): { raw: Buffer } | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined; // no certificate, whatever its label says
  }
}

function fromKnownSpki(spki: Buffer, name: string): PublicKey[] | undefined {
  try {
    return [classic(createPublicKey({ key: spki, format: 'der', type: 'spki' }), name)];
  } catch {
    return undefined;
  }
}

/** A SubjectPublicKeyInfo of an algorithm that node:crypto does not know. Source: RFC 9881, 4; RFC 9909, 4; RFC 9802, 4. */
function fromUnknownSpki(der: Buffer, name: string): PublicKey[] {
  const source = bytesSource(der);
  const outer = scanDerElement(source, 0);
  const algorithm = algorithmOfOid(derOid(source, outer?.children[0]?.children[0]));
  const inside = subjectPublicKey(der);
  if (algorithm === undefined || inside === undefined || outer?.end !== der.length) return [];
  const bytes = algorithm === 'hss' ? withoutOctetString(inside) : inside;
  return isRaw(bytes, algorithm) ? [{ kind: 'raw', algorithm, bytes: Uint8Array.from(bytes), name }] : [];
}

/** RFC 8708 wrapped the key in an OCTET STRING, which RFC 9802 has given up. */
function withoutOctetString(bytes: Buffer): Buffer {
  const node = scanDerElement(bytesSource(bytes), 0);
  const wrapped = node?.tag === derTags.OCTET_STRING && node.end === bytes.length && bytes[0] === 4;
  return wrapped ? bytes.subarray(node.valueStart) : bytes;
}
