/** Puts right what an alteration of a bundle breaks, step by step, up to what only the signer could put right. */

import { updateVerity } from '../../codec/verity.ts';
import { createHash } from 'node:crypto';
import type { ByteSource } from '../../byte-source.ts';
import { digestOf, type DigestAlgorithm } from '../../digest.ts';
import { overwrite, patched, PatchSet, type Patch } from '../../patch-set.ts';
import { manifestEntry, manifestHex32 } from './manifest.ts';
import type { RaucImage } from './parse.ts';

/** The patches, and those that make the hash tree fit the data; undefined where there is no tree. */
export function withFreshTree(
  base: ByteSource,
  image: RaucImage,
  patches: readonly Patch[],
): { patches: Patch[]; root: Buffer } | undefined {
  const salt = manifestHex32(image.manifest, 'verity-salt');
  const range = rangeOf(patches);
  if (image.tree === undefined || salt === undefined || range === undefined) return undefined;
  const altered = patched(base, new PatchSet(base.size, patches));
  const { digests, root } = updateVerity(altered, image.tree, salt, range);
  return { patches: [...patches, ...digests.map(({ at, digest }) => overwrite(at, digest))], root };
}

/** From the first changed byte to the last. */
function rangeOf(patches: readonly Patch[]): { start: number; end: number } | undefined {
  if (patches.length === 0) return undefined;
  return {
    start: Math.min(...patches.map(({ at }) => at)),
    end: Math.max(...patches.map(({ at, remove }) => at + remove)),
  };
}

/** Like {@link withFreshTree}, with the root hash in the manifest. */
export function withFreshManifest(
  base: ByteSource,
  image: RaucImage,
  patches: readonly Patch[],
): Patch[] | undefined {
  const fresh = withFreshTree(base, image, patches);
  const entry = manifestEntry(image.manifest, 'bundle', 'verity-hash');
  if (fresh === undefined || entry === undefined) return undefined;
  return [...fresh.patches, overwrite(entry.start, Buffer.from(fresh.root.toString('hex')))];
}

/**
 * The patches, and those that make the digests in the signed attributes fit: now nothing but the signatures can tell.
 * Lengths must be unchanged. Undefined where a signer has no such attribute.
 */
export function withFreshDigest(
  base: ByteSource,
  image: RaucImage,
  patches: readonly Patch[],
): Patch[] | undefined {
  const altered = patched(base, new PatchSet(base.size, patches));
  const fresh: Patch[] = [];
  for (const { messageDigest, digestAlgorithm } of image.cms?.signers ?? []) {
    if (messageDigest === undefined || digestAlgorithm === undefined) return undefined;
    fresh.push(overwrite(messageDigest.start, contentDigest(altered, image, digestAlgorithm)));
  }
  return fresh.length === 0 ? undefined : [...patches, ...fresh];
}

/** Of what the CMS signs: the payload, or the manifest inside it. */
export function contentDigest(source: ByteSource, image: RaucImage, algorithm: DigestAlgorithm): Buffer {
  const content = image.cms?.content;
  if (content === undefined) return digestOf(source, algorithm, { end: image.payloadEnd });
  return createHash(algorithm).update(source.read(content.start, content.end)).digest();
}
