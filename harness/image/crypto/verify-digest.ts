/**
 * Signatures checked against a digest, so that a large image is hashed once, whoever signed it; and with the reason
 * why one is not good.
 */

import { constants, createHash, publicEncrypt, type KeyObject } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { DigestAlgorithm } from '../digest.ts';
import { plainRsa } from './key-bytes.ts';

export type SignatureCheck = { good: true } | { good: false; why: string };

export type DigestScheme =
  /** RSASSA-PKCS1-v1_5 (RFC 8017, 8.2). */
  | { type: 'rsa-pkcs1'; hash: DigestAlgorithm }
  /** RSASSA-PSS with MGF1 of the same hash (RFC 8017, 8.1). `saltBytes` undefined: any length. */
  | { type: 'rsa-pss'; hash: DigestAlgorithm; saltBytes?: number }
  /** ECDSA (FIPS 186-5, 6.4). `der` is SEQUENCE { r, s }; `p1363` is r ‖ s, big-endian, each as wide as the order. */
  | { type: 'ecdsa'; encoding: 'der' | 'p1363' };

const bad = (why: string): SignatureCheck => ({ good: false, why });

/** Never throws, whatever the signature. */
export function verifyDigest(
  key: KeyObject,
  scheme: DigestScheme,
  digest: Uint8Array,
  signature: Uint8Array,
): SignatureCheck {
  switch (scheme.type) {
    case 'ecdsa':
      return verifyEcdsa(key, scheme.encoding, digest, signature);
    case 'rsa-pkcs1':
      return withEncodedMessage(key, signature, (message) => checkPkcs1(message, scheme.hash, digest));
    case 'rsa-pss':
      return withEncodedMessage(key, signature, (message, bits) =>
        checkPss(message, bits - 1, scheme.hash, scheme.saltBytes, digest),
      );
  }
}

const curves = new Map([
  ['prime256v1', p256],
  ['secp384r1', p384],
  ['secp521r1', p521],
]);

function verifyEcdsa(
  key: KeyObject,
  encoding: 'der' | 'p1363',
  digest: Uint8Array,
  signature: Uint8Array,
): SignatureCheck {
  const curve = curves.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (key.asymmetricKeyType !== 'ec' || curve === undefined)
    return bad('the key is on no curve that is known');
  const { x = '', y = '' } = key.export({ format: 'jwk' }) as { x?: string; y?: string };
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  try {
    const good = curve.verify(Uint8Array.from(signature), Uint8Array.from(digest), Uint8Array.from(point), {
      prehash: false,
      lowS: false,
      format: encoding === 'der' ? 'der' : 'compact',
    });
    return good ? { good } : bad('the ECDSA signature does not verify');
  } catch (cause) {
    return bad(`the ECDSA signature is no ${encoding} pair of numbers: ${String(cause)}`);
  }
}

/** Undoes the RSA operation, and hands the encoded message to a check. */
function withEncodedMessage(
  key: KeyObject,
  signature: Uint8Array,
  check: (message: Buffer, modulusBits: number) => SignatureCheck,
): SignatureCheck {
  const plain = plainRsa(key);
  const bits = plain.asymmetricKeyDetails?.modulusLength;
  if (plain.asymmetricKeyType !== 'rsa' || bits === undefined) return bad('the key is no RSA key');
  const bytes = Math.ceil(bits / 8);
  if (signature.length !== bytes)
    return bad(`the signature has ${signature.length} bytes, the modulus ${bytes}`);
  let message: Buffer;
  try {
    message = publicEncrypt({ key: plain, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    return bad('the signature is not a number below the modulus');
  }
  return check(message, bits);
}

/** DER of DigestInfo up to the digest (RFC 8017, 9.2, note 1). */
export const digestInfo: Readonly<Record<DigestAlgorithm, string>> = {
  sha1: '3021300906052b0e03021a05000414',
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

/** EMSA-PKCS1-v1_5 of a digest, as long as the modulus. Source: RFC 8017, 9.2. */
export function encodePkcs1(hash: DigestAlgorithm, digest: Uint8Array, bytes: number): Buffer {
  const info = Buffer.concat([Buffer.from(digestInfo[hash], 'hex'), digest]);
  const padding = Buffer.alloc(Math.max(8, bytes - info.length - 3), 0xff);
  return Buffer.concat([Buffer.of(0, 1), padding, Buffer.of(0), info]);
}

function checkPkcs1(message: Buffer, hash: DigestAlgorithm, digest: Uint8Array): SignatureCheck {
  // Encoded and compared as a whole: there is nothing to parse, and so nothing to be lenient about.
  if (message.equals(encodePkcs1(hash, digest, message.length))) return { good: true };
  const marked = message[0] === 0 && message[1] === 1;
  return bad(marked ? 'another digest, or another padding, was signed' : 'the padding is not PKCS #1 v1.5');
}

/** Source: RFC 8017, 9.1.2 (EMSA-PSS-VERIFY); the steps carry its numbers. */
function checkPss(
  message: Buffer,
  emBits: number,
  hash: DigestAlgorithm,
  saltBytes: number | undefined,
  digest: Uint8Array,
): SignatureCheck {
  const emBytes = Math.ceil(emBits / 8);
  const em = message.subarray(message.length - emBytes);
  const hashBytes = digest.length;
  if (emBytes < hashBytes + 2) return bad('the modulus is too short for the digest'); // 3
  if (em.at(-1) !== 0xbc) return bad('the padding is not PSS'); // 4
  const masked = em.subarray(0, emBytes - hashBytes - 1); // 5
  const h = em.subarray(masked.length, masked.length + hashBytes);
  const topBits = 8 * emBytes - emBits;
  const topMask = 0xff >> topBits;
  if (((masked[0] ?? 0) & ~topMask) !== 0) return bad('the padding is not PSS'); // 6
  const mask = mgf1(h, masked.length, hash); // 7
  const db = Buffer.from(masked.map((byte, index) => byte ^ (mask[index] ?? 0))); // 8
  db[0] = (db[0] ?? 0) & topMask; // 9
  const one = db.findIndex((byte) => byte !== 0); // 10
  if (one < 0 || db[one] !== 1) return bad('the padding is not PSS');
  const salt = db.subarray(one + 1); // 11
  if (saltBytes !== undefined && salt.length !== saltBytes) {
    return bad(`the salt has ${salt.length} bytes, not ${saltBytes}`);
  }
  const again = createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest(); // 12, 13
  return again.equals(h) ? { good: true } : bad('another digest was signed'); // 14
}

/** Source: RFC 8017, B.2.1. */
export function mgf1(seed: Uint8Array, bytes: number, hash: DigestAlgorithm): Buffer {
  const blocks: Buffer[] = [];
  for (let made = 0, counter = 0; made < bytes; counter += 1) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    const block = createHash(hash).update(seed).update(count).digest();
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks).subarray(0, bytes);
}
