/** Decides whether an image may run on this device. Used at transfer and again at every boot. */

import { createHash, verify } from 'node:crypto';
import { type Defects } from './defects.ts';
import { lenientPair, P256_ORDER, rawSignature, strictPair, type EcdsaPair } from './ecdsa-signature.ts';
import { SLOT_BYTES } from './flash.ts';
import { HEADER_BYTES, ImageRefused, parseHeader, parseImage, TLV } from './mcuboot-image.ts';
import { type ImageVersion, type Laxity, type ParsedImage, type Refusal } from './mcuboot-image.ts';
import { OTP_CAPACITY } from './otp.ts';
import { verifyP256Digest } from './p256-digest.ts';
import { HARDWARE_CLASS, type TrustedKey } from './trusted-keys.ts';

/** MCUboot's types of signatures that this device cannot check: RSA-2048, ECDSA P-224, RSA-3072. */
const FOREIGN_SIGNATURES = [0x20, 0x21, 0x23];

export interface VerifierPolicy {
  keys: readonly TrustedKey[];
  /** Images whose security counter is lower are refused. */
  floor: number;
  defects: Defects;
}

export interface GoodImage {
  ok: true;
  version: ImageVersion;
  /** Security counter; 0 when a defect let an image without one through. */
  counter: number;
}
export type Verdict = GoodImage | { ok: false; reason: Refusal; detail: string };

/** @param bytes exactly what was received, or what a slot holds */
export function verifyImage(bytes: Buffer, policy: VerifierPolicy): Verdict {
  try {
    const image = parse(bytes, policy.defects);
    if (image === 'ends-early') return acceptReceivedPart(bytes);
    checkLength(image, bytes, policy.defects);
    checkHardware(image, policy.defects);
    checkDigest(image, bytes, policy.defects);
    checkSignature(image, bytes, policy);
    return { ok: true, version: image.version, counter: checkCounter(image, policy) };
  } catch (error) {
    if (error instanceof ImageRefused) return { ok: false, reason: error.reason, detail: error.message };
    throw error;
  }
}

function parse(bytes: Buffer, defects: Defects): ParsedImage | 'ends-early' {
  try {
    return parseImage(bytes, SLOT_BYTES, laxityOf(defects));
  } catch (error) {
    const truncated = error instanceof ImageRefused && error.reason === 'truncated';
    if (truncated && defects.has('accept-truncated') && bytes.length > HEADER_BYTES) return 'ends-early';
    throw error;
  }
}

function laxityOf(defects: Defects): Laxity {
  return {
    lengthsWrap: defects.has('length-wraps'),
    skipsUnexpected: defects.has('tolerates-unsigned-tlvs'),
    counterUnprotected: defects.has('believes-unprotected-counter'),
    moreSignatures: defects.has('skips-unknown-algorithms') ? FOREIGN_SIGNATURES : [],
  };
}

/** Defect accept-truncated: what never arrived cannot be wrong. */
function acceptReceivedPart(bytes: Buffer): GoodImage {
  return { ok: true, version: parseHeader(bytes).version, counter: 0 };
}

function checkLength(image: ParsedImage, bytes: Buffer, defects: Defects): void {
  if (bytes.length === image.totalBytes || defects.has('accept-appended')) return;
  throw new ImageRefused('size', `${bytes.length} bytes, of which ${image.totalBytes} are the image`);
}

function checkHardware(image: ParsedImage, defects: Defects): void {
  if (defects.has('ignores-hardware')) return;
  const wanted = image.protectedTlvs.get(TLV.hardwareClass);
  if (wanted === undefined) throw new ImageRefused('hardware', 'names no hardware class');
  if (!wanted.equals(HARDWARE_CLASS)) throw new ImageRefused('hardware', `is for ${wanted.toString('hex')}`);
}

function checkDigest(image: ParsedImage, bytes: Buffer, defects: Defects): void {
  const stated = image.unprotectedTlvs.get(TLV.sha256);
  if (stated === undefined) throw new ImageRefused('digest', 'has no digest');
  if (defects.has('verify-header-only')) return;
  const actual = createHash('sha256').update(bytes.subarray(0, image.signedBytes)).digest();
  if (!actual.equals(stated)) throw new ImageRefused('digest', 'digest differs');
}

function checkSignature(image: ParsedImage, bytes: Buffer, policy: VerifierPolicy): void {
  const { defects } = policy;
  const signature = {
    'ecdsa-p256': image.unprotectedTlvs.get(TLV.ecdsa),
    ed25519: image.unprotectedTlvs.get(TLV.ed25519),
  };
  if (signature['ecdsa-p256'] === undefined && signature.ed25519 === undefined) {
    if (defects.has('accept-unsigned') || hasForeignSignature(image, defects)) return;
    throw new ImageRefused('unsigned', 'has no signature');
  }
  if (defects.has('accept-any-signature')) return;
  if (signature['ecdsa-p256'] !== undefined && signature.ed25519 !== undefined) {
    throw new ImageRefused('format', 'has two signatures');
  }
  const hash = image.unprotectedTlvs.get(TLV.keyHash);
  const trusted = policy.keys.find((candidate) => hash?.equals(candidate.hash) === true);
  if (trusted === undefined) throw new ImageRefused('unknown-key', 'key is not trusted');
  if (defects.has('believes-key-hash')) return;
  const value = signature[trusted.algorithm];
  if (value === undefined || !verifies(trusted, value, image, bytes, defects)) {
    throw new ImageRefused('signature', 'signature does not verify');
  }
}

/** Defect skips-unknown-algorithms: a signature that cannot be checked is not wrong. */
function hasForeignSignature(image: ParsedImage, defects: Defects): boolean {
  const has = FOREIGN_SIGNATURES.some((type) => image.unprotectedTlvs.has(type));
  return has && defects.has('skips-unknown-algorithms');
}

/** ECDSA over the signed region's SHA-256; Ed25519 over the digest as its message, as MCUboot has it. */
function verifies(
  trusted: TrustedKey,
  signature: Buffer,
  image: ParsedImage,
  bytes: Buffer,
  defects: Defects,
): boolean {
  const stated = image.unprotectedTlvs.get(TLV.sha256) ?? Buffer.alloc(0);
  if (trusted.algorithm === 'ed25519') return verify(null, stated, trusted.key, signature);
  const pair = defects.has('accepts-malleable-signature') ? lenientPair(signature) : strictPair(signature);
  if (pair === undefined) return false;
  if (defects.has('accepts-zero-signature') && isZero(pair)) return true;
  if (defects.has('verify-header-only')) return verifyP256Digest(stated, pair, trusted.key);
  const raw = rawSignature(pair);
  const region = bytes.subarray(0, image.signedBytes);
  return raw !== undefined && verify('sha256', region, { key: trusted.key, dsaEncoding: 'ieee-p1363' }, raw);
}

/** What a verifier that leaves out the check of the range computes with as zero (CVE-2022-21449). */
function isZero({ r, s }: EcdsaPair): boolean {
  return r % P256_ORDER === 0n && s % P256_ORDER === 0n;
}

function checkCounter(image: ParsedImage, policy: VerifierPolicy): number {
  // Unprotected only with the defect believes-unprotected-counter: else the parser has refused it.
  const value =
    image.protectedTlvs.get(TLV.securityCounter) ?? image.unprotectedTlvs.get(TLV.securityCounter);
  if (value === undefined) {
    if (policy.defects.has('accept-missing-counter')) return 0;
    throw new ImageRefused('no-counter', 'has no protected security counter');
  }
  const counter = value.readUInt32LE(0);
  if (policy.defects.has('ignore-counter')) return counter;
  if (counter < policy.floor)
    throw new ImageRefused('counter', `${counter} is below the floor ${policy.floor}`);
  if (counter > OTP_CAPACITY && !policy.defects.has('counter-wraps')) {
    throw new ImageRefused('counter', `${counter} is more than the ${OTP_CAPACITY} steps that there are`);
  }
  return counter;
}
