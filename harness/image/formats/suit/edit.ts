/** Edits of a parsed envelope as patches: lengths around them stay right, and digests and signature follow if wanted. */

import type { ByteSource } from '../../byte-source.ts';
import { cborHead, cborInt, cborMajors, cborRaw, encodeCborInt, type CborItem } from '../../codec/cbor.ts';
import { digestOf } from '../../digest.ts';
import type { Region } from '../../image.ts';
import { patched, PatchSet, type Patch } from '../../patch-set.ts';
import type { SuitDigest } from './auth.ts';
import { digestAlgorithms, parameters } from './labels.ts';
import { membersWith, parseSuit, severedItem, type SuitImage } from './parse.ts';
import { payloadItem } from './payloads.ts';
import { allParameters } from './program.ts';
import { signedBlock, type SignedBlock, type Signer } from './sign.ts';

/** Puts bytes in place of `[start, end)` of the base. */
export interface Edit {
  start: number;
  end: number;
  bytes: Uint8Array;
}

/** What is made to fit again, from the inside to the outside. */
export interface Fresh {
  /** Image digests and sizes of integrated payloads. */
  images?: boolean;
  /** Digests of severed elements. */
  severed?: boolean;
  /** Digest of the manifest. */
  digest?: boolean;
  /** One new signature in place of all others. */
  signer?: Signer | undefined;
  /** Headers of the new signature; the algorithm alone when absent. */
  headers?: SignedBlock;
}

export function replaced(item: CborItem, bytes: Uint8Array): Edit {
  return { start: item.start, end: item.end, bytes };
}

/** Replaces what a string holds; its head follows when the length changes. */
export function withContent(item: CborItem, bytes: Uint8Array): Edit[] {
  const same = bytes.length === item.end - item.headEnd;
  const content = { start: item.headEnd, end: item.end, bytes };
  return same
    ? [content]
    : [{ ...content, start: item.start, bytes: Buffer.concat([cborHead(item.major, bytes.length), bytes]) }];
}

/** Another count of items, with new items before the first one. */
export function withMore(container: CborItem, more: number, first: Uint8Array = Buffer.alloc(0)): Edit {
  const head = container.indefinite
    ? Buffer.of((container.major << 5) | 31)
    : cborHead(container.major, container.argument + BigInt(more));
  return { start: container.start, end: container.headEnd, bytes: Buffer.concat([head, first]) };
}

/** The edits, those that make digests and signature follow, and the heads of what became longer or shorter. */
export function patchesOf(
  base: ByteSource,
  image: SuitImage,
  edits: readonly Edit[],
  fresh: Fresh = {},
): Patch[] {
  let all = [...edits];
  const add = (of: (altered: ByteSource, after: SuitImage) => Edit[]): void => {
    const altered = apply(base, image, all);
    const taken = (edit: Edit): boolean => all.some((one) => one.start < edit.end && edit.start < one.end);
    all = [...all, ...of(altered, parseSuit(altered)).filter((edit) => !taken(edit))];
  };
  if (fresh.images === true) add((altered, after) => imageEdits(base, image, altered, after));
  if (fresh.severed === true) add((altered, after) => severedEdits(image, altered, after));
  if (fresh.digest === true) add((altered, after) => digestEdits(image, altered, after));
  const { signer } = fresh;
  if (signer !== undefined)
    add((altered, after) => signatureEdits(image, altered, after, signer, fresh.headers));
  return toPatches(base, image, all);
}

function apply(base: ByteSource, image: SuitImage, edits: readonly Edit[]): ByteSource {
  return patched(base, new PatchSet(base.size, toPatches(base, image, edits)));
}

function toPatches(base: ByteSource, image: SuitImage, edits: readonly Edit[]): Patch[] {
  return withHeads(image, edits)
    .filter(({ start, end, bytes }) => !Buffer.from(base.read(start, end)).equals(bytes))
    .map(({ start, end, bytes }) => ({
      at: start,
      remove: end - start,
      insert: bytes.length === 0 ? [] : [{ kind: 'bytes', bytes }],
    }));
}

/** From the innermost byte string outwards: each head says what its contents became. */
function withHeads(image: SuitImage, edits: readonly Edit[]): Edit[] {
  const all = [...edits];
  const inward = [...image.wraps].sort((a, b) => a.end - a.start - (b.end - b.start));
  for (const { start, headEnd, end } of inward) {
    const growth = all
      .filter((edit) => isInside(edit, headEnd, end))
      .reduce((sum, edit) => sum + edit.bytes.length - (edit.end - edit.start), 0);
    if (growth === 0 || all.some((edit) => edit.start < headEnd && edit.end > start)) continue;
    all.push({ start, end: headEnd, bytes: cborHead(cborMajors.bytes, end - headEnd + growth) });
  }
  return all;
}

/** What is put in just behind the end belongs to what comes next. */
function isInside(edit: Edit, start: number, end: number): boolean {
  return edit.start >= start && edit.end <= end && (edit.start < end || edit.end > edit.start);
}

function newDigest(source: ByteSource, old: SuitDigest, range: { start: number; end: number }): Edit[] {
  const algorithm = digestAlgorithms.get(old.algorithm);
  if (algorithm === undefined) return [];
  return withContent(old.bytesItem, digestOf(source, algorithm, range));
}

function imageEdits(base: ByteSource, image: SuitImage, altered: ByteSource, after: SuitImage): Edit[] {
  return [...image.program.fetched].flatMap((key) => {
    const before = payloadItem(base, image, key);
    const item = membersWith(after.members, key)[0]?.value;
    if (before === undefined || item === undefined) return [];
    const range = { start: item.headEnd, end: item.end };
    return allParameters(image).flatMap(({ label, digest, number, item: value }) => {
      const algorithm = digest && digestAlgorithms.get(digest.algorithm);
      if (digest !== undefined && algorithm !== undefined) {
        const old = digestOf(base, algorithm, { start: before.headEnd, end: before.end });
        return old.equals(digest.bytes) ? newDigest(altered, digest, range) : [];
      }
      const isSize = label === parameters.size && number === BigInt(before.end - before.headEnd);
      return isSize ? [replaced(value, encodeCborInt(range.end - range.start))] : [];
    });
  });
}

function severedEdits(image: SuitImage, altered: ByteSource, after: SuitImage): Edit[] {
  return (image.manifest?.severed ?? []).flatMap((declared) => {
    const item = severedItem(altered, after.members, declared);
    return item === undefined ? [] : newDigest(altered, declared.digest, item);
  });
}

function digestEdits(image: SuitImage, altered: ByteSource, after: SuitImage): Edit[] {
  const digest = image.auth?.digest;
  const item = after.manifest?.wrapper;
  return digest === undefined || item === undefined ? [] : newDigest(altered, digest, item);
}

function signatureEdits(
  image: SuitImage,
  altered: ByteSource,
  after: SuitImage,
  signer: Signer,
  headers: SignedBlock | undefined,
): Edit[] {
  const wrapper = after.auth?.digestWrapper;
  if (wrapper === undefined) return [];
  const digest = altered.read(wrapper.headEnd, wrapper.end);
  return withBlocks(image, [signedBlock(signer, digest, headers)]);
}

/** Other authentication blocks in place of those that are there. */
export function withBlocks({ auth }: SuitImage, blocks: readonly Uint8Array[]): Edit[] {
  const first = auth?.array.children[0];
  const last = auth?.array.children.at(-1);
  if (auth === undefined || first === undefined || last === undefined) return [];
  const more = blocks.length + 1 - auth.array.children.length;
  return [withMore(auth.array, more), { start: first.end, end: last.end, bytes: Buffer.concat(blocks) }];
}

/** Only signatures are left: a code beside them may satisfy a device that has its key. */
export function withoutCodes({ auth }: SuitImage): Edit[] {
  const codes = (auth?.blocks ?? []).filter(({ kind }) => kind === 'mac0' || kind === 'mac');
  if (auth === undefined || codes.length === 0) return [];
  const removed = codes.map(({ wrapper: { start, end } }) => ({ start, end, bytes: Buffer.alloc(0) }));
  return [withMore(auth.array, -codes.length), ...removed];
}

/** Raw bytes of a member: key and value. */
export function rawMember(
  source: ByteSource,
  { keyItem, value }: { keyItem: CborItem; value: CborItem },
): Buffer {
  return Buffer.concat([cborRaw(source, keyItem), cborRaw(source, value)]);
}

/** Names of the regions that patches reach into. */
export function touchedBy(image: SuitImage, patches: readonly Patch[]): string[] {
  const reaches = ({ at, remove }: Patch, { start, end }: Region): boolean =>
    remove === 0 ? at > start && at < end : at < end && at + remove > start;
  return image.regions
    .filter((region) => patches.some((patch) => reaches(patch, region)))
    .map(({ name }) => name);
}

/** Unsigned number of an item as the base has it. */
export function numberIn(item: CborItem | undefined): bigint | undefined {
  const value = cborInt(item);
  return value !== undefined && value >= 0n ? value : undefined;
}
