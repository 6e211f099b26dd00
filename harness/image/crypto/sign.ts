/** Signatures by test keys and by keys that nobody trusts; reproducible where the scheme allows. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { bytesSource, type ByteSource } from '../byte-source.ts';
import { digestOf } from '../digest.ts';
import type { PublicKey, TestKey } from '../trust.ts';
import { ecdsaCurves, orderOf, toDer, toP1363, type CurveName } from './ecdsa.ts';
import { signEd25519 } from './ed25519.ts';
import { toBytes, toNumber } from './key-bytes.ts';
import { postQuantumKeys, postQuantumSizes, signPostQuantum } from './post-quantum.ts';
import { encodePss, signBlock, signPkcs1 } from './rsa.ts';
import { isPostQuantum, keyFits, type SignatureScheme } from './signature.ts';

/** The public half of a test key. */
export function publicHalf(key: TestKey): PublicKey {
  return key.kind === 'classic'
    ? { kind: 'classic', key: createPublicKey(key.key), name: key.name }
    : { kind: 'raw', algorithm: key.algorithm, bytes: key.bytes, name: key.name };
}

/**
 * Signs a message. Every scheme is used in its deterministic form; the salt of RSA-PSS is given.
 *
 * @param salt for RSA-PSS: so many bytes
 * @returns undefined when the key is not for the scheme, or the scheme has a state (LMS, HSS), which a bench must not use up
 */
export function signMessage(
  key: TestKey,
  scheme: SignatureScheme,
  message: ByteSource,
  salt: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Buffer | undefined {
  if (!keyFits(publicHalf(key), scheme)) return undefined;
  if (key.kind === 'raw') {
    return isPostQuantum(scheme) ? signPostQuantum(scheme.type, key.secret, message, scheme) : undefined;
  }
  if (isPostQuantum(scheme)) return undefined;
  switch (scheme.type) {
    case 'ed25519':
    case 'ed25519ctx':
      return signEd25519(seedOf(key.key), scheme, message);
    case 'ed25519ph':
      return signEd25519(seedOf(key.key), scheme, bytesSource(digestOf(message, 'sha512')));
    case 'ecdsa': {
      const pair = signEcdsa(key.key, scheme.curve, digestOf(message, scheme.hash));
      return scheme.encoding === 'der' ? toDer(pair) : toP1363(pair, scheme.curve);
    }
    case 'rsa-pkcs1':
      return signPkcs1(key.key, scheme.hash, digestOf(message, scheme.hash));
    case 'rsa-pss': {
      const digest = digestOf(message, scheme.hash);
      const bits = key.key.asymmetricKeyDetails?.modulusLength ?? 0;
      const block = encodePss(scheme.hash, digest, salt(scheme.saltBytes ?? digest.length), bits);
      return block === undefined ? undefined : signBlock(key.key, block);
    }
    case 'lms':
    case 'hss':
      return undefined;
  }
}

/** The 32 bytes of an Ed25519 private key. */
function seedOf(key: KeyObject): Buffer {
  return Buffer.from((key.export({ format: 'jwk' }) as { d?: string }).d ?? '', 'base64url');
}

/** With the nonce of RFC 6979. */
function signEcdsa(key: KeyObject, curve: CurveName, digest: Uint8Array): { r: bigint; s: bigint } {
  const { d = '' } = key.export({ format: 'jwk' }) as { d?: string };
  const { bytes } = orderOf(curve);
  const secret = Uint8Array.from(toBytes(toNumber(Buffer.from(d, 'base64url')), bytes));
  const signature = ecdsaCurves[curve].sign(Uint8Array.from(digest), secret, { prehash: false, lowS: false });
  return { r: toNumber(signature.subarray(0, bytes)), s: toNumber(signature.subarray(bytes)) };
}

/** RFC 8410, 7: PKCS #8 of an Ed25519 private key is this prefix and its seed. */
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * A key for a scheme that nobody trusts, like another one. RSA keys come from the system's randomness, all others from
 * the given bytes. Undefined for LMS and HSS.
 */
export function strangersKey(
  scheme: SignatureScheme,
  random: (bytes: number) => Uint8Array,
  modulusBits = 2048,
): TestKey | undefined {
  const classic = (key: KeyObject): TestKey => ({ kind: 'classic', key, chain: [], name: 'stranger' });
  if (isPostQuantum(scheme)) {
    const { publicKey, secretKey } = postQuantumKeys(scheme.type, random(postQuantumSizes(scheme.type).seed));
    const algorithm = scheme.type;
    return { kind: 'raw', algorithm, secret: secretKey, bytes: publicKey, chain: [], name: 'stranger' };
  }
  switch (scheme.type) {
    case 'ed25519':
    case 'ed25519ph':
    case 'ed25519ctx': {
      const der = Buffer.concat([ed25519Prefix, random(32)]);
      return classic(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
    }
    case 'ecdsa':
      return classic(ecPrivateKey(scheme.curve, random));
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return classic(generateKeyPairSync('rsa', { modulusLength: modulusBits }).privateKey);
    case 'lms':
    case 'hss':
      return undefined;
  }
}

function ecPrivateKey(curve: CurveName, random: (bytes: number) => Uint8Array): KeyObject {
  const { n, bytes } = orderOf(curve);
  // 16 bytes more than the order, so that the modulo leaves no bias (FIPS 186-5, A.2.1).
  const d = (toNumber(random(bytes + 16)) % (n - 1n)) + 1n;
  const point = Buffer.from(ecdsaCurves[curve].Point.BASE.multiply(d).toBytes(false));
  return createPrivateKey({
    key: {
      kty: 'EC',
      crv: curve.replace('p', 'P-'),
      d: toBytes(d, bytes).toString('base64url'),
      x: point.subarray(1, 1 + bytes).toString('base64url'),
      y: point.subarray(1 + bytes).toString('base64url'),
    },
    format: 'jwk',
  });
}
