/**
 * Our reference verifier of MCUboot images: it says *why* it refuses. Used when attacks are generated, so that no
 * "forged" image is valid by accident; never as an oracle for a device.
 *
 * Stricter than boot loaders where these differ among themselves: every digest TLV must match, and every signature
 * that names a trusted key must verify.
 *
 * Source: MCUboot, boot/bootutil/src/image_validate.c; scripts/imgtool/image.py.
 */

import {
  constants,
  createHash,
  createVerify,
  verify as verifyBytes,
  type KeyObject,
  type VerifyKeyObjectInput,
} from 'node:crypto';
import { chunks, type ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import { parseMcuboot, tlvsOf, type McubootImage, type Tlv } from './parse.ts';
import { digestTypes, signatureTypes, tlvTypes } from './layout.ts';

/** Why an image is refused, in the order in which it is looked for. */
export type Refusal =
  'format' | 'truncated' | 'digest' | 'unsigned' | 'unknown-key' | 'signature' | 'no-counter' | 'counter';

export type Verification = { accepted: true } | { accepted: false; reason: Refusal; detail: string };

/** A digest with a signature that is known to be good for it: what can be trusted without the maker's public key. */
export interface GenuineSignature {
  /** Digest of the signed region, lower-case hex. */
  digest: string;
  /** Signature TLV value, lower-case hex. */
  signature: string;
  /** KEYHASH value or hash of the PUBKEY value, lower-case hex. */
  keyHash: string;
}

export interface McubootTrust {
  /** Public keys that the device trusts: EC P-256, Ed25519, RSA-2048 or RSA-3072. */
  keys?: readonly KeyObject[];
  /** Signatures of images that are known to be genuine, for a bench without the public key. */
  genuine?: readonly GenuineSignature[];
  /** True when an image without a protected security counter is to be refused. */
  needsCounter?: boolean;
  /** Lowest acceptable security counter. */
  counterFloor?: number;
}

const no = (reason: Refusal, detail: string): Verification => ({ accepted: false, reason, detail });

/** Whether a device that trusts exactly this must run the image, and if not, the first reason why. Never throws. */
export function verifyMcuboot(source: ByteSource, trust: McubootTrust): Verification {
  const image = parseMcuboot(source);
  return (
    checkForm(image) ??
    checkDigests(source, image) ??
    checkSignatures(source, image, trust) ??
    checkCounter(source, image, trust) ?? { accepted: true }
  );
}

function checkForm(image: McubootImage): Verification | undefined {
  const truncated = image.issues.find(({ code }) => code === 'truncated');
  if (truncated !== undefined) return no('truncated', truncated.message);
  const [issue] = image.issues;
  return issue === undefined ? undefined : no('format', issue.message);
}

function checkDigests(source: ByteSource, image: McubootImage): Verification | undefined {
  const digests = image.tlvs.filter(({ type, area }) => area === 'unprotected' && digestTypes.has(type));
  if (digests.length === 0) return no('digest', 'there is no digest TLV');
  for (const tlv of digests) {
    const algorithm = digestTypes.get(tlv.type) ?? 'sha256';
    const actual = digestOf(source, algorithm, { end: image.signedEnd }).toString('hex');
    const stated = hex(source, tlv);
    if (actual !== stated) return no('digest', `${tlv.name} says ${stated}, the image has ${actual}`);
  }
  return undefined;
}

function checkSignatures(
  source: ByteSource,
  image: McubootImage,
  trust: McubootTrust,
): Verification | undefined {
  const signatures = signedEntries(source, image);
  if (signatures.length === 0) return no('unsigned', 'there is no signature TLV');
  const known = signatures.filter(({ keyHash }) => isTrusted(keyHash, trust));
  if (known.length === 0) {
    const named = signatures.map(({ keyHash }) => keyHash || 'no key').join(', ');
    return no('unknown-key', `signed for ${named}, which is not trusted`);
  }
  const bad = known.find((entry) => !isGood(source, image, entry, trust));
  return bad === undefined
    ? undefined
    : no('signature', `the ${bad.tlv.name} signature does not verify for key ${bad.keyHash}`);
}

function checkCounter(
  source: ByteSource,
  image: McubootImage,
  trust: McubootTrust,
): Verification | undefined {
  const [counter] = tlvsOf(image, tlvTypes.SEC_CNT, 'protected');
  if (counter === undefined) {
    const needed = trust.needsCounter === true || trust.counterFloor !== undefined;
    return needed ? no('no-counter', 'there is no protected security counter') : undefined;
  }
  const bytes = valueOf(source, counter);
  if (bytes.length !== 4) return no('format', `the security counter has ${bytes.length} bytes, not 4`);
  const value = bytes.readUInt32LE(0);
  return value < (trust.counterFloor ?? 0)
    ? no('counter', `security counter ${value} is below ${trust.counterFloor}`)
    : undefined;
}

/** A signature with the key hash that precedes it. */
export interface SignedEntry {
  tlv: Tlv;
  signature: Buffer;
  /** Lower-case hex; empty when no KEYHASH or PUBKEY precedes. */
  keyHash: string;
}

/** Signatures in file order, each with the key named last before it, as the boot loader reads them. */
export function signedEntries(source: ByteSource, image: McubootImage): SignedEntry[] {
  const entries: SignedEntry[] = [];
  let keyHash = '';
  for (const tlv of image.tlvs) {
    if (tlv.area !== 'unprotected') continue;
    if (tlv.type === tlvTypes.KEYHASH) keyHash = hex(source, tlv);
    else if (tlv.type === tlvTypes.PUBKEY) {
      keyHash = createHash('sha256').update(valueOf(source, tlv)).digest('hex');
    } else if (signatureTypes.has(tlv.type)) {
      entries.push({ tlv, signature: valueOf(source, tlv), keyHash });
    }
  }
  return entries;
}

/** Every signature of an image that is known to be genuine. */
export function genuineSignatures(source: ByteSource): GenuineSignature[] {
  const image = parseMcuboot(source);
  const digest = signedDigest(source, image).toString('hex');
  return signedEntries(source, image).map(({ signature, keyHash }) => ({
    digest,
    signature: signature.toString('hex'),
    keyHash,
  }));
}

/** Digest that is signed: by the algorithm of the digest TLV, over header, payload and protected TLVs. */
export function signedDigest(source: ByteSource, image: McubootImage): Buffer {
  return digestOf(source, digestAlgorithm(image), { end: image.signedEnd });
}

/** Algorithm of the first digest TLV; SHA-256 when there is none. */
export function digestAlgorithm(image: McubootImage): 'sha256' | 'sha384' | 'sha512' {
  const tlv = image.tlvs.find(({ type }) => digestTypes.has(type));
  return digestTypes.get(tlv?.type ?? 0) ?? 'sha256';
}

/**
 * What a KEYHASH TLV holds for a key: hash of the DER SubjectPublicKeyInfo for EC and Ed25519, of the PKCS #1
 * RSAPublicKey for RSA.
 */
export function keyHashOf(key: KeyObject, algorithm: 'sha256' | 'sha384' | 'sha512' = 'sha256'): Buffer {
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'spki';
  return createHash(algorithm)
    .update(key.export({ type, format: 'der' }))
    .digest();
}

const hashByHexLength = new Map([
  [64, 'sha256'],
  [96, 'sha384'],
  [128, 'sha512'],
] as const);

function keyFor(keyHash: string, trust: McubootTrust): KeyObject | undefined {
  const algorithm = hashByHexLength.get(keyHash.length as 64 | 96 | 128);
  if (algorithm === undefined) return undefined;
  return trust.keys?.find((key) => keyHashOf(key, algorithm).toString('hex') === keyHash);
}

function isTrusted(keyHash: string, trust: McubootTrust): boolean {
  if (keyFor(keyHash, trust) !== undefined) return true;
  return trust.genuine?.some((genuine) => genuine.keyHash === keyHash) === true;
}

function isGood(source: ByteSource, image: McubootImage, entry: SignedEntry, trust: McubootTrust): boolean {
  const key = keyFor(entry.keyHash, trust);
  if (key !== undefined) return verifiesWith(key, source, image, entry);
  const digest = signedDigest(source, image).toString('hex');
  const signature = entry.signature.toString('hex');
  return (
    trust.genuine?.some(
      (genuine) =>
        genuine.keyHash === entry.keyHash && genuine.digest === digest && genuine.signature === signature,
    ) === true
  );
}

/** Key type and curve that a signature TLV needs. */
function fits(key: KeyObject, type: number): boolean {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (type) {
    case tlvTypes.ECDSA:
      return key.asymmetricKeyType === 'ec' && (namedCurve === 'prime256v1' || namedCurve === 'secp384r1');
    case tlvTypes.ED25519:
      return key.asymmetricKeyType === 'ed25519';
    case tlvTypes.RSA2048_PSS:
      return key.asymmetricKeyType === 'rsa' && modulusLength === 2048;
    case tlvTypes.RSA3072_PSS:
      return key.asymmetricKeyType === 'rsa' && modulusLength === 3072;
    default:
      return false;
  }
}

function verifiesWith(key: KeyObject, source: ByteSource, image: McubootImage, entry: SignedEntry): boolean {
  if (!fits(key, entry.tlv.type)) return false;
  try {
    if (entry.tlv.type === tlvTypes.ED25519) {
      // Ed25519 signs the digest as its message, or with SIG_PURE the region itself (RFC 8032 5.1.7).
      const pure = tlvsOf(image, tlvTypes.SIG_PURE).length > 0;
      const message = pure ? signedRegion(source, image) : signedDigest(source, image);
      return verifyBytes(null, message, key, entry.signature);
    }
    const verifier = createVerify(digestAlgorithm(image));
    for (const chunk of chunks(source, { end: image.signedEnd })) verifier.update(chunk);
    // RSASSA-PSS with MGF1 of the same hash and 32 bytes of salt (imgtool keys/rsa.py).
    const how: VerifyKeyObjectInput =
      key.asymmetricKeyType === 'rsa'
        ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
        : { key, dsaEncoding: 'der' };
    return verifier.verify(how, entry.signature);
  } catch {
    return false; // a signature that cannot even be decoded
  }
}

function signedRegion(source: ByteSource, image: McubootImage): Uint8Array {
  return source.read(0, image.signedEnd);
}

function valueOf(source: ByteSource, tlv: Tlv): Buffer {
  return Buffer.from(source.read(tlv.valueStart, tlv.end));
}

function hex(source: ByteSource, tlv: Tlv): string {
  return valueOf(source, tlv).toString('hex');
}
