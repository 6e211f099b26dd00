/** Edits of a parsed PE image, as patches; and its unsigned digests made to fit what they make of it. */

import { createHash } from 'node:crypto';
import type { ByteSource } from '../../byte-source.ts';
import { overwrite, patched, PatchSet, type Patch } from '../../patch-set.ts';
import type { PeCertificate } from './certificates.ts';
import { align8, certificateHeaderBytes, certificateRevision, certificateType } from './layout.ts';
import { parsePe, type PeImage } from './parse.ts';
import { imageDigest } from './verify.ts';

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value & 0xffff);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** A WIN_CERTIFICATE, padded with zeros to 8 bytes, which its length counts. */
export function winCertificate(
  cms: Uint8Array,
  { revision = certificateRevision, type = certificateType }: { revision?: number; type?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(align8(certificateHeaderBytes + cms.length));
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(revision, 4);
  bytes.writeUInt16LE(type, 6);
  bytes.set(cms, certificateHeaderBytes);
  return bytes;
}

/** Patches that put another certificate table in place of the one that is there; without entries there is none. */
export function tablePatches(image: PeImage, entries: readonly Uint8Array[]): Patch[] {
  const { headers, tableEnd } = image;
  if (headers?.table === undefined || headers.securityAt === undefined || tableEnd === undefined) return [];
  const bytes = Buffer.concat(entries);
  const { start } = headers.table;
  const entry = Buffer.concat([u32(bytes.length === 0 ? 0 : start), u32(bytes.length)]);
  return [
    overwrite(headers.securityAt, entry),
    { at: start, remove: tableEnd - start, insert: [{ kind: 'bytes', bytes }] },
  ];
}

/** The bytes of the CMS of an entry. */
export function cmsBytes(base: ByteSource, { cms }: PeCertificate): Buffer {
  return cms === undefined ? Buffer.alloc(0) : Buffer.from(base.read(cms.span.start, cms.span.end));
}

export type Fresh = 'image-digest' | 'message-digest';

/** The bytes of a CMS with another digest of the image; with `message-digest` also the digest of what then is signed. */
export function refitted(cms: Buffer, certificate: PeCertificate, digest: Uint8Array, fresh: Fresh): Buffer {
  const { cms: shape, indirect } = certificate;
  const copy = Buffer.from(cms);
  if (shape?.content === undefined || indirect === undefined) return copy;
  const { start } = shape.span;
  copy.set(digest, indirect.digest.start - start);
  if (fresh === 'image-digest') return copy;
  const content = copy.subarray(shape.content.start - start, shape.content.end - start);
  for (const { messageDigest, digestAlgorithm } of shape.signers) {
    if (messageDigest === undefined || digestAlgorithm === undefined) continue;
    copy.set(createHash(digestAlgorithm).update(content).digest(), messageDigest.start - start);
  }
  return copy;
}

/** What a CMS signs: the contents of its SpcIndirectDataContent. */
export function signedContent(cms: Buffer, { cms: shape }: PeCertificate): Buffer {
  const { start = 0 } = shape?.span ?? {};
  return cms.subarray((shape?.content?.start ?? 0) - start, (shape?.content?.end ?? 0) - start);
}

/**
 * The patches, and those that make the digest of the image fit in every entry; with `message-digest` also the digest of
 * that digest among the signed attributes, so that only the signature is left to tell.
 *
 * @param patches in the base's coordinates; they may add bytes before the table
 */
export function withFreshDigests(
  base: ByteSource,
  image: PeImage,
  patches: readonly Patch[],
  fresh: Fresh,
): Patch[] {
  const altered = patched(base, new PatchSet(base.size, patches));
  const shape = parsePe(altered);
  const fitting = image.certificates.flatMap((certificate) => {
    const { cms, indirect } = certificate;
    if (cms === undefined || indirect?.algorithm === undefined) return [];
    const digest = imageDigest(altered, shape, indirect.algorithm);
    const bytes = refitted(cmsBytes(base, certificate), certificate, digest, fresh);
    const spans = [indirect.digest, ...cms.signers.flatMap(({ messageDigest }) => messageDigest ?? [])];
    return spans.map(({ start, end }) =>
      overwrite(start, bytes.subarray(start - cms.span.start, end - cms.span.start)),
    );
  });
  return [...patches, ...fitting];
}
