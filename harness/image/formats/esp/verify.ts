/**
 * Our reference verifier of ESP images: it says *why* it refuses. Used when attacks are generated, so that no
 * "forged" image is valid by accident; never as an oracle for a device.
 *
 * A signature that verifies for a trusted key makes the image good, whatever the block's copy of the digest says: boot
 * ROM and ESP-IDF differ there, and what is executed is the same. The appended SHA-256 is checked, which ESP-IDF leaves
 * out when it checks signatures.
 *
 * Source: ESP-IDF, components/bootloader_support/src/secure_boot_v2/secure_boot_signatures_app.c;
 * docs/en/security/secure-boot-v2.rst "Verifying an Image"; espsecure, verify_signature_v2.
 */

import { createHash, createPublicKey } from 'node:crypto';
import type { ByteSource } from '../../byte-source.ts';
import { verifyDigest } from '../../crypto/verify-digest.ts';
import { digestOf } from '../../digest.ts';
import type { Policy } from '../../policy.ts';
import { classicKeys, type ReferenceVerdict, type Trust } from '../../trust.ts';
import { curveById, fromBytes, keyDigestOf, reversed } from './keys.ts';
import { blockField, parseEsp, type AppDescriptor, type EspBlock, type EspImage } from './parse.ts';
import { xorChecksum } from './sums.ts';

/** Why an image is refused, in the order in which it is looked for. */
export type Refusal =
  | 'format'
  | 'truncated'
  | 'checksum'
  | 'sha256'
  | 'unsigned'
  | 'block-version'
  | 'block-crc'
  | 'unknown-key'
  | 'digest'
  | 'signature'
  | 'high-s'
  | 'trailing'
  | 'chip-id'
  | 'chip-revision'
  | 'secure-version'
  | 'version';

const no = (reason: Refusal, detail: string): ReferenceVerdict => ({ accepted: false, reason, detail });

/** What a device knows beside the image. */
export interface EspTrust {
  /** SHA-256 of the key fields, lower-case hex: what eFuses hold. */
  keyDigests: ReadonlySet<string>;
  /** Chip ids and lowest revisions of images that the device takes. */
  chips: readonly { id: number; minRevision: number }[];
  /** What the device runs: the first genuine image. */
  running: AppDescriptor | undefined;
  /** Images known to be genuine: they are not held against each other. */
  genuine: readonly ByteSource[];
  policy: Policy;
}

/** Digests of the keys; without keys those of the genuine images' blocks, as a device that runs them has them. */
export function espTrust(trust: Trust): EspTrust {
  const genuine = trust.genuine.map(parseEsp);
  const fromKeys = classicKeys(trust).flatMap((key) => keyDigestOf(key) ?? []);
  const digests = trust.keys.length > 0 ? fromKeys : genuine.flatMap(({ blocks }) => blocks.map(keyDigest));
  return {
    keyDigests: new Set(digests),
    chips: genuine.flatMap(({ header }) =>
      header === undefined ? [] : [{ id: header.chip_id, minRevision: header.min_chip_rev_full }],
    ),
    running: genuine[0]?.app,
    genuine: trust.genuine,
    policy: trust.policy,
  };
}

/** SHA-256 of the key fields of a block, lower-case hex. */
export function keyDigest({ bytes, layout }: EspBlock): string {
  if (layout === undefined) return '';
  return createHash('sha256').update(bytes.subarray(layout.key.at, layout.key.end)).digest('hex');
}

/** What a block's signature is over: SHA-256, for P-384 SHA-384, of everything before the signature sector. */
export function signedDigest(
  source: ByteSource,
  image: EspImage,
  hash: 'sha256' | 'sha384' = 'sha256',
): Buffer {
  return digestOf(source, hash, { end: image.signedEnd });
}

/** Whether a device that trusts exactly this must run the image, and if not, the first reason why. Never throws. */
export function verifyEsp(source: ByteSource, trust: EspTrust): ReferenceVerdict {
  const image = parseEsp(source);
  return (
    checkForm(image) ??
    checkSums(source, image) ??
    checkBlocks(source, image, trust) ??
    checkPolicy(source, image, trust) ?? { accepted: true }
  );
}

/** Issues that leave nothing to be verified; a block that is not good is another's chance. */
const fatal = new Map<string, Refusal>([
  ['truncated', 'truncated'],
  ['magic', 'format'],
  ['segment-count', 'format'],
  ['segment-length', 'format'],
]);

function checkForm(image: EspImage): ReferenceVerdict | undefined {
  const issue = image.issues.find(({ code }) => fatal.has(code));
  return issue === undefined ? undefined : no(fatal.get(issue.code) ?? 'format', issue.message);
}

function checkSums(source: ByteSource, image: EspImage): ReferenceVerdict | undefined {
  const { checksumAt, sha256At } = image;
  if (checksumAt === undefined) return no('truncated', 'there is no checksum');
  const sum = checksumOf(source, image);
  const stated = source.read(checksumAt, checksumAt + 1)[0] ?? 0;
  if (sum !== stated)
    return no(
      'checksum',
      `the checksum says 0x${stated.toString(16)}, the segments have 0x${sum.toString(16)}`,
    );
  if (sha256At === undefined) return undefined;
  const digest = digestOf(source, 'sha256', { end: sha256At }).toString('hex');
  const appended = Buffer.from(source.read(sha256At, sha256At + 32)).toString('hex');
  return digest === appended
    ? undefined
    : no('sha256', `the appended SHA-256 is ${appended}, the image has ${digest}`);
}

export function checksumOf(source: ByteSource, image: EspImage): number {
  return xorChecksum(
    source,
    image.segments.map(({ dataStart, end }) => ({ start: dataStart, end })),
  );
}

function checkBlocks(source: ByteSource, image: EspImage, trust: EspTrust): ReferenceVerdict | undefined {
  const { blocks } = image;
  const valid = blocks.filter(({ layout, crcFits }) => layout !== undefined && crcFits);
  const known = valid.filter((block) => trust.keyDigests.has(keyDigest(block)));
  const verdicts = known.map((block) => checkSignature(source, image, block, trust.policy));
  if (verdicts.includes(undefined)) return undefined;
  const [first] = verdicts;
  if (first !== undefined) return first;
  if (valid.length > 0) {
    return no('unknown-key', `signed for ${valid.map(keyDigest).join(', ')}, which is not trusted`);
  }
  if (blocks.length === 0) return no('unsigned', 'there is no signature block');
  const issue = image.issues.find(({ code }) => code.startsWith('block-') || code === 'truncated-block');
  const reason = issue?.code === 'block-version' ? 'block-version' : 'block-crc';
  return no(issue?.code === 'truncated-block' ? 'truncated' : reason, issue?.message ?? 'no block is valid');
}

/** Undefined when the signature is good. */
function checkSignature(
  source: ByteSource,
  image: EspImage,
  block: EspBlock,
  policy: Policy,
): ReferenceVerdict | undefined {
  const hash = block.layout?.hash ?? 'sha256';
  const digest = signedDigest(source, image, hash);
  const why = block.layout?.name === 'rsa' ? checkRsa(block, digest) : checkEcdsa(block, digest);
  if (why === undefined) {
    const high = policy.malleableSignatures === 'refuse' && hasHighS(block);
    return high ? no('high-s', `s of block ${block.slot} is above half the order`) : undefined;
  }
  const stated = blockField(block, 'digest');
  return stated.equals(digest)
    ? no('signature', `signature block ${block.slot}: ${why}`)
    : no(
        'digest',
        `block ${block.slot} is for ${stated.toString('hex')}, the image has ${digest.toString('hex')}`,
      );
}

/** Why not; undefined when good. */
function checkRsa(block: EspBlock, digest: Buffer): string | undefined {
  const e = Buffer.from(reversed(blockField(block, 'e')));
  const key = {
    kty: 'RSA',
    n: reversed(blockField(block, 'n')).toString('base64url'),
    e: e
      .subarray(
        Math.max(
          0,
          e.findIndex((byte) => byte !== 0),
        ),
      )
      .toString('base64url'),
  };
  try {
    const publicKey = createPublicKey({ key, format: 'jwk' });
    const signature = reversed(blockField(block, 'signature'));
    const check = verifyDigest(
      publicKey,
      { type: 'rsa-pss', hash: 'sha256', saltBytes: 32 },
      digest,
      signature,
    );
    return check.good ? undefined : check.why;
  } catch (cause) {
    return `the key is none: ${String(cause)}`;
  }
}

/** r and s of an ECDSA block, and the curve; undefined for an unknown curve. */
export function ecdsaOf(
  block: EspBlock,
): { curve: NonNullable<ReturnType<typeof curveById>>; r: bigint; s: bigint } | undefined {
  const curve = curveById(blockField(block, 'curve')[0] ?? 0);
  if (curve === undefined || block.layout === undefined || block.layout.name === 'rsa') return undefined;
  if ((block.layout.name === 'ecdsa-384') !== (curve.name === 'P-384')) return undefined;
  const field = blockField(block, 'signature');
  const r = fromBytes(reversed(field.subarray(0, curve.bytes)));
  const s = fromBytes(reversed(field.subarray(curve.bytes, 2 * curve.bytes)));
  return { curve, r, s };
}

function checkEcdsa(block: EspBlock, digest: Buffer): string | undefined {
  const parts = ecdsaOf(block);
  if (parts === undefined) return 'the curve is unknown, or is not one for this kind of block';
  const { bytes, curve } = parts.curve;
  const pair = (field: Buffer): Buffer =>
    Buffer.concat([reversed(field.subarray(0, bytes)), reversed(field.subarray(bytes, 2 * bytes))]);
  const point = Buffer.concat([Buffer.of(4), pair(blockField(block, 'point'))]);
  try {
    const good = curve.verify(
      Uint8Array.from(pair(blockField(block, 'signature'))),
      Uint8Array.from(digest),
      Uint8Array.from(point),
      { prehash: false, lowS: false, format: 'compact' },
    );
    return good ? undefined : 'the ECDSA signature does not verify';
  } catch (cause) {
    return `the ECDSA signature or its key is no pair of numbers in range: ${String(cause)}`;
  }
}

function hasHighS(block: EspBlock): boolean {
  const parts = ecdsaOf(block);
  return parts !== undefined && 2n * parts.s > parts.curve.order;
}

function checkPolicy(source: ByteSource, image: EspImage, trust: EspTrust): ReferenceVerdict | undefined {
  const { policy, chips } = trust;
  if (policy.appendedData === 'refuse' && source.size > image.sectorEnd) {
    return no('trailing', `${source.size - image.sectorEnd} bytes lie behind the signature sector`);
  }
  const { header, app } = image;
  if (policy.hardwareCompatibility === 'checked' && header !== undefined && chips.length > 0) {
    const same = chips.filter(({ id }) => id === header.chip_id);
    if (same.length === 0) return no('chip-id', `built for chip 0x${header.chip_id.toString(16)}`);
    // Of the device's revision it is only known that it is enough for the genuine images.
    if (same.every(({ minRevision }) => header.min_chip_rev_full > minRevision)) {
      return no('chip-revision', `needs chip revision ${header.min_chip_rev_full / 100} at least`);
    }
  }
  return trust.genuine.includes(source) ? undefined : checkOffered(app, trust);
}

/**
 * What a device says that runs one image and is offered another. Who declares how an equal counter is treated has a
 * counter, and refuses a lower one.
 */
function checkOffered(
  offered: AppDescriptor | undefined,
  { running, policy }: EspTrust,
): ReferenceVerdict | undefined {
  if (offered === undefined || running === undefined) return undefined;
  const { secureVersion, version } = offered;
  if (policy.equalCounter !== undefined && secureVersion < running.secureVersion) {
    return no('secure-version', `secure version ${secureVersion} is below ${running.secureVersion}`);
  }
  if (policy.lowerVersion === 'refuse' && (compareVersions(version, running.version) ?? 0) < 0) {
    return no('version', `version ${version} is lower than ${running.version}`);
  }
  return undefined;
}

/** Below 0 when the first is lower; undefined for versions that are not numbers with dots between them. */
export function compareVersions(one: string, other: string): number | undefined {
  const [a, b] = [one, other].map((version) =>
    /^v?\d+(\.\d+)*$/.test(version) ? version.replace('v', '').split('.').map(Number) : undefined,
  );
  if (a === undefined || b === undefined) return undefined;
  for (let part = 0; part < Math.max(a.length, b.length); part += 1) {
    const difference = (a[part] ?? 0) - (b[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
