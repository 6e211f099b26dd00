/**
 * Signatures of MCUboot images: what they are over, whose they are, and whether they are good.
 *
 * Source: MCUboot, boot/bootutil/src/image_validate.c, image_rsa.c, image_ecdsa.c, image_ed25519.c,
 * bootutil_find_key.c; scripts/imgtool/image.py.
 */

import { createHash, verify as verifyBytes, type KeyObject } from 'node:crypto';
import { pieces, type ByteSource } from '../../byte-source.ts';
import { verifyDigest } from '../../crypto/verify-digest.ts';
import { digestOf } from '../../digest.ts';
import { strictEcdsa, tolerantEcdsa } from './ecdsa-encoding.ts';
import { digestTypes, signatureTypes, tlvTypes } from './layout.ts';
import { parseMcuboot, tlvsOf, valueOf, type McubootImage, type Tlv } from './parse.ts';
import { verifyPure } from './pure-ed25519.ts';

export type McubootHash = 'sha256' | 'sha384' | 'sha512';

/** A signature with the key hash that precedes it. */
export interface SignedEntry {
  tlv: Tlv;
  signature: Buffer;
  /** Lower-case hex, as long as the image says; undefined when no KEYHASH or PUBKEY precedes. */
  keyHash: string | undefined;
}

/** A digest with a signature that is known to be good for it: what can be trusted without the maker's public key. */
export interface GenuineSignature {
  /** Type of its TLV. */
  type: number;
  /** Over the region itself. */
  pure: boolean;
  /** Digest that is signed, lower-case hex. */
  digest: string;
  /** Signature TLV value, lower-case hex. */
  signature: string;
  /** KEYHASH value or hash of the PUBKEY value, lower-case hex; undefined when the image names no key. */
  keyHash: string | undefined;
}

/** Signatures in file order, each with the key named last before it; a name is used up by its signature. */
export function signedEntries(source: ByteSource, image: McubootImage): SignedEntry[] {
  const entries: SignedEntry[] = [];
  let keyHash: string | undefined;
  for (const tlv of image.tlvs) {
    if (tlv.area !== 'unprotected') continue;
    if (tlv.type === tlvTypes.KEYHASH) keyHash = valueOf(source, tlv).toString('hex');
    else if (tlv.type === tlvTypes.PUBKEY) {
      keyHash = createHash(digestAlgorithm(image)).update(valueOf(source, tlv)).digest('hex');
    } else if (signatureTypes.has(tlv.type)) {
      entries.push({ tlv, signature: valueOf(source, tlv), keyHash });
      keyHash = undefined;
    }
  }
  return entries;
}

/** Every signature of an image that is known to be genuine. */
export function genuineSignatures(source: ByteSource): GenuineSignature[] {
  const image = parseMcuboot(source);
  const digest = signedDigest(source, image).toString('hex');
  const pure = isPure(source, image);
  return signedEntries(source, image).map(({ tlv, signature, keyHash }) => ({
    type: tlv.type,
    pure,
    digest,
    signature: signature.toString('hex'),
    keyHash,
  }));
}

/**
 * Digest that is signed: by the algorithm of the digest TLV, over header, payload and protected TLVs. Of an encrypted
 * image it is what the digest TLV says, for only who can decrypt can compute it.
 */
export function signedDigest(source: ByteSource, image: McubootImage): Buffer {
  const [stated] = digestEntries(image);
  const computed = digestOf(source, digestAlgorithm(image), { end: image.signedEnd });
  return image.encrypted && stated !== undefined ? valueOf(source, stated) : computed;
}

/** Digest TLVs, where MCUboot looks for them. */
export function digestEntries(image: McubootImage): Tlv[] {
  return image.tlvs.filter(({ type, area }) => area === 'unprotected' && digestTypes.has(type));
}

/** Algorithm of the first digest TLV; SHA-256 when there is none. */
export function digestAlgorithm(image: McubootImage): McubootHash {
  const tlv = image.tlvs.find(({ type }) => digestTypes.has(type));
  return digestTypes.get(tlv?.type ?? 0) ?? 'sha256';
}

/** True when Ed25519 signs the region itself: SIG_PURE, a byte of 1. */
export function isPure(source: ByteSource, image: McubootImage): boolean {
  const [tlv] = tlvsOf(image, tlvTypes.SIG_PURE, 'unprotected');
  return tlv !== undefined && valueOf(source, tlv).equals(Buffer.of(1));
}

/**
 * What a KEYHASH TLV holds for a key: hash of the DER SubjectPublicKeyInfo for EC and Ed25519, of the PKCS #1
 * RSAPublicKey for RSA.
 */
export function keyHashOf(key: KeyObject, algorithm: McubootHash = 'sha256'): Buffer {
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'spki';
  return createHash(algorithm)
    .update(key.export({ type, format: 'der' }))
    .digest();
}

/**
 * Keys that a name in the image may mean. MCUboot compares as many bytes as the image gives, so that a name cut short
 * still selects a key; the signature decides.
 */
export function keysNamed(
  keyHash: string | undefined,
  image: McubootImage,
  keys: readonly KeyObject[],
): KeyObject[] {
  if (keyHash === undefined) return [];
  return keys.filter((key) => keyHashOf(key, digestAlgorithm(image)).toString('hex').startsWith(keyHash));
}

/** Type of the signature TLV that belongs to a key; undefined when MCUboot knows none. */
export function signatureTypeOf(key: KeyObject): number | undefined {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return tlvTypes.ED25519;
  if (key.asymmetricKeyType === 'ec') {
    return namedCurve === 'prime256v1' || namedCurve === 'secp384r1' ? tlvTypes.ECDSA : undefined;
  }
  if (key.asymmetricKeyType !== 'rsa') return undefined;
  return modulusLength === 2048
    ? tlvTypes.RSA2048_PSS
    : modulusLength === 3072
      ? tlvTypes.RSA3072_PSS
      : undefined;
}

/** Why a signature is not good for a key; undefined when it is. */
export function faultOf(
  key: KeyObject,
  source: ByteSource,
  image: McubootImage,
  { tlv, signature }: SignedEntry,
  strict: boolean,
): string | undefined {
  if (signatureTypeOf(key) !== tlv.type) return `a ${tlv.name} signature does not fit the key`;
  if (tlv.type === tlvTypes.ED25519) return ed25519Fault(key, source, image, signature);
  const hash = digestAlgorithm(image);
  const digest = signedDigest(source, image);
  if (tlv.type === tlvTypes.ECDSA) {
    const plain = (strict ? strictEcdsa : tolerantEcdsa)(signature, key);
    if (plain === undefined) return 'the ECDSA signature is no pair of numbers in its strictest form';
    const check = verifyDigest(key, { type: 'ecdsa', encoding: 'p1363' }, digest, plain);
    return check.good ? undefined : check.why;
  }
  // MGF1 of the same hash and 32 bytes of salt (imgtool, keys/rsa.py).
  const check = verifyDigest(key, { type: 'rsa-pss', hash, saltBytes: 32 }, digest, signature);
  return check.good ? undefined : check.why;
}

function ed25519Fault(
  key: KeyObject,
  source: ByteSource,
  image: McubootImage,
  signature: Buffer,
): string | undefined {
  const good = isPure(source, image)
    ? verifyPure(key, () => pieces(source, { end: image.signedEnd }), signature)
    : verifiesMessage(key, signedDigest(source, image), signature);
  return good ? undefined : 'the Ed25519 signature does not verify';
}

function verifiesMessage(key: KeyObject, message: Uint8Array, signature: Buffer): boolean {
  try {
    return verifyBytes(null, message, key, signature);
  } catch {
    return false; // a signature that cannot even be decoded
  }
}
