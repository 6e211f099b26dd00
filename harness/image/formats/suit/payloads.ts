/**
 * Integrated payloads against the digests in the signed commands.
 *
 * Source: draft-ietf-suit-manifest-34, "suit-condition-image-match", "suit-parameter-image-size".
 */

import type { ByteSource } from '../../byte-source.ts';
import { cborMajors, type CborItem } from '../../codec/cbor.ts';
import { digestOf } from '../../digest.ts';
import type { SuitDigest } from './auth.ts';
import { digestAlgorithms } from './labels.ts';
import { membersWith, type SuitImage } from './parse.ts';
import type { ImageMatch } from './program.ts';
import { no, type Refused } from './verify.ts';

export interface Genuine {
  source: ByteSource;
  image: SuitImage;
}

/** The payload with that key; of several, the first that fits one of the digests that it is held against. */
export function payloadItem(source: ByteSource, image: SuitImage, key: string): CborItem | undefined {
  const values = membersWith(image.members, key).map(({ value }) => value);
  if (values.length < 2) return values[0];
  const digests = image.program.matches
    .filter(({ payloads }) => payloads.includes(key))
    .flatMap((match) => match.digests);
  return values.slice(0, 4).find((item) => digests.some((digest) => fits(source, item, digest))) ?? values[0];
}

function fits(source: ByteSource, item: CborItem, digest: SuitDigest): boolean {
  const algorithm = digestAlgorithms.get(digest.algorithm);
  if (algorithm === undefined || item.major !== cborMajors.bytes || item.indefinite) return false;
  return digestOf(source, algorithm, { start: item.headEnd, end: item.end }).equals(digest.bytes);
}

export function checkPayloads(
  source: ByteSource,
  image: SuitImage,
  genuine: readonly Genuine[],
): Refused | undefined {
  const { fetched, missing } = image.program;
  const [absent] = missing;
  if (absent !== undefined) return no('payload-missing', `${absent} is fetched, and is not in the envelope`);
  const wrong = image.program.matches.find((match) => match.certain && !mayFit(source, image, match));
  if (wrong !== undefined) {
    return no('image-digest', `${wrong.payloads.join(', ')} does not fit the digest in the manifest`);
  }
  for (const key of fetched) {
    const refused = checkPayload(source, image, key, genuine);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Whether a comparison can succeed: with any of the payloads, and any of the digests, that alternatives leave open. */
function mayFit(source: ByteSource, image: SuitImage, { payloads, digests, encrypted }: ImageMatch): boolean {
  if (encrypted || digests.length === 0) return true;
  return payloads.some((key) => {
    const item = payloadItem(source, image, key);
    return item !== undefined && digests.some((digest) => fits(source, item, digest));
  });
}

function checkPayload(
  source: ByteSource,
  image: SuitImage,
  key: string,
  genuine: readonly Genuine[],
): Refused | undefined {
  const item = payloadItem(source, image, key);
  if (item === undefined) return no('payload-missing', `${key} is not in the envelope`);
  const matches = image.program.matches.filter(({ payloads }) => payloads.includes(key));
  // Without a comparison that can be made here, only a payload that is known to be genuine is good.
  if (matches.every(({ encrypted, digests }) => encrypted || digests.length === 0)) {
    if (isGenuine(source, item, key, genuine)) return undefined;
    return no('unbound-payload', `nothing in the manifest says what ${key} must be`);
  }
  if (!matches.some(({ digests }) => digests.some((digest) => fits(source, item, digest)))) {
    return no('image-digest', `${key} does not fit the digest in the manifest`);
  }
  const bytes = BigInt(item.end - item.headEnd);
  const sized = matches.find(
    ({ certain, payloads, sizes }) =>
      certain && payloads.length === 1 && sizes.length === 1 && sizes[0] !== bytes,
  );
  return sized && no('image-size', `${key} has ${bytes} bytes, the manifest says ${sized.sizes[0]}`);
}

function isGenuine(source: ByteSource, item: CborItem, key: string, genuine: readonly Genuine[]): boolean {
  const digest = contentDigest(source, item);
  return genuine.some((other) =>
    membersWith(other.image.members, key).some(({ value }) =>
      contentDigest(other.source, value).equals(digest),
    ),
  );
}

function contentDigest(source: ByteSource, { headEnd, end }: CborItem): Buffer {
  return digestOf(source, 'sha256', { start: headEnd, end });
}
