/**
 * Our reference verifier of MCUboot images: it says *why* it refuses. Used when attacks are generated, so that no
 * "forged" image is valid by accident; never as an oracle for a device.
 *
 * Stricter than boot loaders where that costs no good image (every digest TLV must match, lengths must add up), and as
 * lenient as they are where several signatures are concerned: one that is good and names a trusted key is enough.
 *
 * Source: MCUboot, boot/bootutil/src/image_validate.c, tlv.c, bootutil_find_key.c; scripts/imgtool/image.py.
 */

import type { KeyObject } from 'node:crypto';
import { sameBytes, slice, type ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import type { Policy } from '../../policy.ts';
import { compareVersions, counterOf } from './contents.ts';
import { allowedUnprotected, digestTypes, encryptionTypes, tlvName, tlvTypes } from './layout.ts';
import { parseMcuboot, tlvsOf, valueOf, type McubootImage } from './parse.ts';
import {
  digestEntries,
  faultOf,
  isPure,
  keysNamed,
  signedDigest,
  signedEntries,
  type GenuineSignature,
  type SignedEntry,
} from './signatures.ts';

/** Why an image is refused, in the order in which it is looked for. */
export type Refusal =
  | 'format'
  | 'truncated'
  | 'digest'
  | 'encryption'
  | 'unsigned'
  | 'unknown-key'
  | 'signature'
  | 'no-counter'
  | 'counter'
  | 'hardware'
  | 'version'
  | 'metadata'
  | 'appended';

export type Verification = { accepted: true } | { accepted: false; reason: Refusal; detail: string };

export interface McubootTrust {
  /** Public keys that the device trusts: EC P-256 and P-384, Ed25519, RSA-2048 or RSA-3072. */
  keys?: readonly KeyObject[];
  /** Signatures of images that are known to be genuine, for a bench without the public key. */
  genuine?: readonly GenuineSignature[];
  /**
   * Genuine images, the one that the device runs first. What they carry in their unsigned parts is known; they stand
   * in for the decryption key, and the first is what an older image is told by.
   */
  images?: readonly ByteSource[];
  policy?: Policy;
  /** True when an image without a protected security counter is to be refused. */
  needsCounter?: boolean;
  /** Lowest acceptable security counter. */
  counterFloor?: number;
}

/** What the checks share. */
interface Examined {
  source: ByteSource;
  image: McubootImage;
  trust: McubootTrust;
}

const no = (reason: Refusal, detail: string): Verification => ({ accepted: false, reason, detail });

/** Signatures that are looked at; a hostile image may hold thousands. */
const mostSignatures = 32;

/** Whether a device that trusts exactly this must run the image, and if not, the first reason why. Never throws. */
export function verifyMcuboot(source: ByteSource, trust: McubootTrust): Verification {
  const examined = { source, image: parseMcuboot(source), trust };
  return (
    checkForm(examined) ??
    checkContent(examined) ??
    checkSignatures(examined) ??
    checkCounter(examined) ??
    checkOffered(examined) ??
    checkMetadata(examined) ??
    checkAppended(examined) ?? { accepted: true }
  );
}

function checkForm({ image }: Examined): Verification | undefined {
  const truncated = image.issues.find(({ code }) => code === 'truncated');
  if (truncated !== undefined) return no('truncated', truncated.message);
  const [issue] = image.issues;
  return issue === undefined ? undefined : no('format', issue.message);
}

/** The allow-list, where the device has one; what genuine images carry is allowed too. */
function checkMetadata({ image, trust }: Examined): Verification | undefined {
  if (trust.policy?.unsignedMetadata !== 'refuse') return undefined;
  const unprotected = (of: McubootImage): number[] =>
    of.tlvs.filter(({ area }) => area === 'unprotected').map(({ type }) => type);
  const known = new Set((trust.images ?? []).flatMap((genuine) => unprotected(parseMcuboot(genuine))));
  const strange = unprotected(image).find((type) => !allowedUnprotected.has(type) && !known.has(type));
  return strange === undefined
    ? undefined
    : no('metadata', `a ${tlvName(strange)} TLV is not allowed in the unprotected area`);
}

/** Erased flash and a slot's trailer belong to an image; anything else behind it does not. */
function checkAppended({ source, image, trust }: Examined): Verification | undefined {
  if (trust.policy?.appendedData !== 'refuse') return undefined;
  const end = image.trailer?.fields[0]?.start ?? image.trailer?.magicAt ?? image.size;
  const behind = slice(source, image.imageEnd, end);
  if (behind.size === 0 || isErased(behind)) return undefined;
  const known = (trust.images ?? []).some((genuine) => sameBytes(tail(genuine), tail(source)));
  return known ? undefined : no('appended', `${behind.size} bytes lie behind the end at ${image.imageEnd}`);
}

function tail(source: ByteSource): ByteSource {
  return slice(source, parseMcuboot(source).imageEnd, source.size);
}

/** One byte throughout, 0xff or 0x00: what it is follows from its digest, which is remembered. */
function isErased(bytes: ByteSource): boolean {
  const [first] = bytes.read(0, 1);
  if (first !== 0xff && first !== 0) return false;
  const window = new Uint8Array(64 * 1024);
  for (let at = 0; at < bytes.size; at += window.length) {
    const got = bytes.readInto(window.subarray(0, Math.min(window.length, bytes.size - at)), at);
    if (window.subarray(0, got).some((byte) => byte !== first)) return false;
  }
  return true;
}

/** The digest TLVs; where the payload is encrypted, the images that are known to decrypt well. */
function checkContent(examined: Examined): Verification | undefined {
  const { image } = examined;
  if (!image.encrypted || digestFault(examined) === undefined) return checkDigests(examined);
  return checkEncrypted(examined);
}

function checkDigests(examined: Examined): Verification | undefined {
  const { source, image } = examined;
  // imgtool gives pure signatures no need of a digest, and loaders that check them do not look at it.
  if (digestEntries(image).length === 0 && !isPure(source, image))
    return no('digest', 'there is no digest TLV');
  const fault = digestFault(examined);
  return fault === undefined ? undefined : no('digest', fault);
}

function digestFault({ source, image }: Examined): string | undefined {
  for (const tlv of digestEntries(image)) {
    const algorithm = digestTypes.get(tlv.type) ?? 'sha256';
    const actual = digestOf(source, algorithm, { end: image.signedEnd }).toString('hex');
    const stated = valueOf(source, tlv).toString('hex');
    if (actual !== stated) return `${tlv.name} says ${stated}, the image has ${actual}`;
  }
  return undefined;
}

function checkEncrypted({ source, image, trust }: Examined): Verification | undefined {
  if (digestEntries(image).length === 0) return no('digest', 'there is no digest TLV');
  const genuine = trust.images?.find((candidate) => sameSignedPart(source, image, candidate));
  if (genuine === undefined) return no('digest', 'it is encrypted, and is none of the genuine images');
  const [stated, known] = [signedDigest(source, image), signedDigest(genuine, parseMcuboot(genuine))];
  if (!stated.equals(known)) {
    return no(
      'digest',
      `its digest is ${stated.toString('hex')}, that of the genuine one ${known.toString('hex')}`,
    );
  }
  const wanted = wrappedKeys(genuine, parseMcuboot(genuine));
  const keys = wrappedKeys(source, image);
  return keys.some((key) => wanted.includes(key))
    ? undefined
    : no('encryption', 'no wrapped content key is that of the genuine image');
}

function sameSignedPart(source: ByteSource, image: McubootImage, genuine: ByteSource): boolean {
  const { signedEnd, encrypted } = parseMcuboot(genuine);
  if (!encrypted || signedEnd !== image.signedEnd) return false;
  return digestOf(genuine, 'sha256', { end: signedEnd }).equals(
    digestOf(source, 'sha256', { end: signedEnd }),
  );
}

/** Type and value of each encryption TLV. */
function wrappedKeys(source: ByteSource, image: McubootImage): string[] {
  return image.tlvs
    .filter(({ type }) => encryptionTypes.has(type))
    .map((tlv) => `${tlv.type} ${valueOf(source, tlv).toString('hex')}`);
}

function checkSignatures(examined: Examined): Verification | undefined {
  const signatures = signedEntries(examined.source, examined.image).slice(0, mostSignatures);
  if (signatures.length === 0) return no('unsigned', 'there is no signature TLV');
  const faults: string[] = [];
  for (const entry of signatures) {
    const judged = judge(examined, entry);
    if (judged === 'good') return undefined;
    if (judged !== 'unknown') faults.push(judged);
  }
  if (faults.length > 0) return no('signature', faults.join('; '));
  const named = signatures.map(({ keyHash }) => keyHash ?? 'no key').join(', ');
  return no('unknown-key', `signed for ${named}, which is not trusted`);
}

/** `good`, `unknown` for a key that is not trusted, or what is wrong with the signature. */
function judge({ source, image, trust }: Examined, entry: SignedEntry): string {
  const { keyHash, tlv } = entry;
  const strict = trust.policy?.malleableSignatures === 'refuse';
  const keys = keysNamed(keyHash, image, trust.keys ?? []);
  let fault: string | undefined;
  for (const key of keys) {
    fault = faultOf(key, source, image, entry, strict);
    if (fault === undefined) return 'good';
  }
  const listed = (trust.genuine ?? []).filter((genuine) => sameName(keyHash, genuine.keyHash));
  if (listed.some((genuine) => isSame(genuine, source, image, entry))) return 'good';
  if (keys.length === 0 && listed.length === 0) return 'unknown';
  return `${fault ?? 'it is not the genuine one'}: ${tlv.name}, key ${keyHash ?? 'unnamed'}`;
}

function isSame(
  genuine: GenuineSignature,
  source: ByteSource,
  image: McubootImage,
  { tlv, signature }: SignedEntry,
): boolean {
  return (
    genuine.type === tlv.type &&
    genuine.pure === isPure(source, image) &&
    genuine.signature === signature.toString('hex') &&
    genuine.digest === signedDigest(source, image).toString('hex')
  );
}

function sameName(keyHash: string | undefined, genuine: string | undefined): boolean {
  if (keyHash === undefined || genuine === undefined) return keyHash === genuine;
  return genuine.startsWith(keyHash);
}

function checkCounter({ source, image, trust }: Examined): Verification | undefined {
  const [tlv] = tlvsOf(image, tlvTypes.SEC_CNT, 'protected');
  if (tlv === undefined) {
    const needed = trust.needsCounter === true || trust.counterFloor !== undefined;
    return needed ? no('no-counter', 'there is no protected security counter') : undefined;
  }
  const value = counterOf(source, image);
  if (value === undefined) {
    return no('format', `the security counter has ${tlv.end - tlv.valueStart} bytes, not 4`);
  }
  return value < (trust.counterFloor ?? 0)
    ? no('counter', `security counter ${value} is below ${trust.counterFloor}`)
    : undefined;
}

/**
 * What a device says that runs the first genuine image and is offered another one. Not asked of the genuine images
 * themselves, nor of those that are signed over the same bytes as the running one. Who declares how an equal counter is
 * treated has a counter.
 */
function checkOffered({ source, image, trust }: Examined): Verification | undefined {
  const [running] = trust.images ?? [];
  if (running === undefined || trust.policy === undefined || trust.images?.includes(source) === true) {
    return undefined;
  }
  const runs = parseMcuboot(running);
  if (signedDigest(running, runs).equals(signedDigest(source, image))) return undefined;
  return (
    checkOfferedCounter(counterOf(source, image), counterOf(running, runs), trust.policy) ??
    checkOfferedHardware({ source, image, trust }, running, runs) ??
    (trust.policy.lowerVersion === 'refuse' && compareVersions(image, runs, false) < 0
      ? no('version', `version ${image.header?.version} is lower than ${runs.header?.version}`)
      : undefined)
  );
}

function checkOfferedCounter(
  offered: number | undefined,
  runs: number | undefined,
  { equalCounter }: Policy,
): Verification | undefined {
  if (equalCounter === undefined || runs === undefined) return undefined;
  if (offered === undefined) return no('no-counter', 'there is no protected security counter');
  if (offered > runs || (offered === runs && equalCounter === 'accept')) return undefined;
  return no('counter', `security counter ${offered}, and the device runs ${runs}`);
}

function checkOfferedHardware(
  { source, image, trust }: Examined,
  running: ByteSource,
  runs: McubootImage,
): Verification | undefined {
  if (trust.policy?.hardwareCompatibility !== 'checked') return undefined;
  for (const type of [tlvTypes.UUID_VID, tlvTypes.UUID_CID]) {
    const values = (from: ByteSource, of: McubootImage): string[] =>
      tlvsOf(of, type, 'protected').map((tlv) => valueOf(from, tlv).toString('hex'));
    const wanted = values(running, runs);
    const stated = values(source, image);
    if (wanted.length > 0 && stated.join() !== wanted.join()) {
      return no('hardware', `${tlvName(type)} ${stated.join() || 'missing'}, not ${wanted.join()}`);
    }
  }
  return undefined;
}
