/** Signs anew: with a test key that the device trusts, or with one that nobody does. */

import {
  constants,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { bytesSource, pieces, type ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import { freshKey } from '../../fresh-key.ts';
import { scanDerElement, derValue } from '../../codec/der.ts';
import { schemeOf } from './algorithms.ts';
import type { FitSignature } from './model.ts';

/** Signs what a signature node covers, as the node says; undefined when the key is not for it. */
export type Signer = (
  signature: Pick<FitSignature, 'algorithm' | 'padding'>,
  signed: ByteSource,
) => Buffer | undefined;

/** Bytes of any signature by the key. */
export function signatureBytes(key: KeyObject): number {
  const { modulusLength, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const widths = new Map([
    ['prime256v1', 32],
    ['secp384r1', 48],
    ['secp521r1', 66],
  ]);
  return modulusLength === undefined ? 2 * (widths.get(namedCurve) ?? 0) : Math.ceil(modulusLength / 8);
}

export function signerWith(key: KeyObject): Signer {
  return (signature, signed) => {
    const scheme = schemeOf(signature);
    if (scheme === undefined || !scheme.fits(key)) return undefined;
    if (scheme.scheme.type === 'ecdsa') {
      return sign(scheme.hash, signed.read(0, signed.size), { key, dsaEncoding: 'ieee-p1363' });
    }
    const signer = createSign(scheme.hash);
    for (const piece of pieces(signed)) signer.update(piece);
    if (scheme.scheme.type === 'rsa-pkcs1') return signer.sign({ key, padding: constants.RSA_PKCS1_PADDING });
    // The longest salt that fits, as OpenSSL gives mkimage (U-Boot lib/rsa/rsa-sign.c names none).
    const saltLength = constants.RSA_PSS_SALTLEN_MAX_SIGN;
    return signer.sign({ key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
  };
}

export interface Stranger {
  publicKey: KeyObject;
  sign: Signer;
}

const rsaStrangers = new Map<number, KeyObject>();

/** Somebody with a key for the algorithm of a signature, of their own; undefined for what cannot be made. */
export function strangerFor(signature: FitSignature, seed: Uint8Array): Stranger | undefined {
  const bits = /,rsa(\d+)$/.exec(signature.algorithm ?? '')?.[1];
  if (bits !== undefined) {
    const modulusLength = Number(bits);
    // One a process: RSA keys come from the system's randomness and take seconds.
    const key = rsaStrangers.get(modulusLength) ?? generateKeyPairSync('rsa', { modulusLength }).privateKey;
    rsaStrangers.set(modulusLength, key);
    return { publicKey: createPublicKey(key), sign: signerWith(key) };
  }
  if (!signature.algorithm?.endsWith(',ecdsa256')) return undefined;
  const key = freshKey('p256', seed);
  return {
    publicKey: key.publicKey,
    sign: (asked, signed) => {
      const scheme = schemeOf(asked);
      if (scheme === undefined) return undefined;
      const digest = digestOf(signed, scheme.hash);
      return rawPair(key.sign([], { algorithm: scheme.hash, digest }));
    },
  };
}

/** r ‖ s, 32 bytes each, of a DER signature. */
function rawPair(der: Buffer): Buffer | undefined {
  const source = bytesSource(der);
  const numbers = scanDerElement(source, 0)?.children.map((child) => derValue(source, child).subarray(-32));
  if (numbers?.length !== 2) return undefined;
  return Buffer.concat(numbers.map((number) => Buffer.concat([Buffer.alloc(32 - number.length), number])));
}
