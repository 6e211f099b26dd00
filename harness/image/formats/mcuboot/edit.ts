/** Edits of a parsed MCUboot image, as patches that keep the lengths of its TLV areas right. */

import { patched, PatchSet, cut, overwrite, type Patch } from '../../patch-set.ts';
import type { ByteSource } from '../../byte-source.ts';
import {
  encodeTlvHeader,
  encodeUint,
  headerFields,
  tlvHeaderBytes,
  tlvMagic,
  type HeaderField,
} from './layout.ts';
import { digestEntries, signedDigest } from './signatures.ts';
import { parseMcuboot, valueOf, type McubootImage, type Tlv, type TlvArea } from './parse.ts';

/** Overwrites one header field, in the image's byte order. */
export function setHeader(image: Pick<McubootImage, 'endian'>, field: HeaderField, value: number): Patch {
  const row = headerFields.find(({ name }) => name === field);
  if (row === undefined) throw new RangeError(`no header field ${field}`);
  return overwrite(row.at, encodeUint(value, row.bytes, image.endian));
}

/** What becomes of an entry: removed, or given another value (and type). */
export interface TlvEdit {
  tlv: Tlv;
  to: 'removed' | { type?: number; value: Uint8Array };
}

/** Patches for entries of the unprotected area; its total length is corrected when it changes. */
export function editUnprotected(image: McubootImage, edits: readonly TlvEdit[]): Patch[] {
  const area = image.unprotectedArea;
  if (area === undefined) return [];
  const patches = edits.map((edit) => editPatch(image, edit));
  const grownBytes = patches.reduce(
    (sum, { insert, remove }) =>
      sum +
      insert.reduce((bytes, part) => bytes + (part.kind === 'bytes' ? part.bytes.length : 0), 0) -
      remove,
    0,
  );
  if (grownBytes === 0) return patches;
  const total = encodeUint(area.end - area.start + grownBytes, 2, image.endian);
  return [overwrite(area.start + 2, total), ...patches];
}

function editPatch({ endian }: McubootImage, { tlv, to }: TlvEdit): Patch {
  if (to === 'removed') return cut(tlv.start, tlv.end - tlv.start);
  const type = to.type ?? tlv.type;
  // The same type and length: only the value changes.
  if (type === tlv.type && to.value.length === tlv.end - tlv.valueStart) {
    return overwrite(tlv.valueStart, to.value);
  }
  const bytes = encodeEntry({ type, value: to.value }, endian);
  return { at: tlv.start, remove: tlv.end - tlv.start, insert: [{ kind: 'bytes', bytes }] };
}

/** The patches, and one for each digest TLV so that it fits what they make of the image. */
export function withFreshDigests(
  base: ByteSource,
  image: McubootImage,
  patches: readonly Patch[],
): { patches: Patch[]; digests: Tlv[] } {
  const altered = patched(base, new PatchSet(base.size, patches));
  const alteredImage = parseMcuboot(altered);
  const digests = digestEntries(image);
  const fresh = digests.map((tlv) =>
    overwrite(tlv.valueStart, signedDigest(altered, { ...alteredImage, tlvs: [tlv], encrypted: false })),
  );
  return { patches: [...patches, ...fresh], digests };
}

/** Names of the regions of an entry: its header and its value. */
export function regionsOf(image: McubootImage, tlv: Tlv): string[] {
  return image.regions
    .filter(({ start, end }) => start >= tlv.start && end <= Math.max(tlv.end, tlv.start + tlvHeaderBytes))
    .map(({ name }) => name);
}

/** An entry as it is to be. */
export interface Entry {
  type: number;
  value: Uint8Array;
  /** Length that it claims, when that is not the value's. */
  claimedBytes?: number;
}

export function encodeEntry({ type, value, claimedBytes }: Entry, endian: McubootImage['endian']): Buffer {
  return Buffer.concat([encodeTlvHeader(type, claimedBytes ?? value.length, endian), value]);
}

/** The entries of an area as they are. */
export function entriesOf(source: ByteSource, image: McubootImage, area: TlvArea['kind']): Entry[] {
  return image.tlvs
    .filter((tlv) => tlv.area === area)
    .map((tlv) => ({ type: tlv.type, value: valueOf(source, tlv) }));
}

/**
 * An area with other entries: patches for its total and for the bytes that differ. A protected area's size stands in the
 * header too; one without entries is left out. Undefined when the area does not exist or would be too large.
 */
export function rewriteArea(
  source: ByteSource,
  image: McubootImage,
  kind: TlvArea['kind'],
  entries: readonly Entry[],
): Patch[] | undefined {
  const area = kind === 'protected' ? image.protectedArea : image.unprotectedArea;
  if (area === undefined) return undefined;
  const body = Buffer.concat(entries.map((entry) => encodeEntry(entry, image.endian)));
  const leftOut = kind === 'protected' && entries.length === 0;
  const total = leftOut ? 0 : body.length + 4;
  if (total > 0xffff) return undefined;
  const old = Buffer.from(source.read(area.start, area.end));
  const fresh = leftOut
    ? Buffer.alloc(0)
    : Buffer.concat([encodeUint(tlvMagic[kind], 2, image.endian), encodeUint(total, 2, image.endian), body]);
  const header =
    kind === 'protected' && total !== area.claimedBytes ? [setHeader(image, 'protect_tlv_size', total)] : [];
  if (leftOut) return [...header, cut(area.start, old.length)];
  const info = fresh.subarray(2, 4).equals(old.subarray(2, 4))
    ? []
    : [overwrite(area.start + 2, fresh.subarray(2, 4))];
  return [...header, ...info, ...difference(old.subarray(4), fresh.subarray(4), area.start + 4)];
}

/** One patch for what differs between two runs of bytes. */
function difference(old: Buffer, fresh: Buffer, at: number): Patch[] {
  const shortest = Math.min(old.length, fresh.length);
  let same = 0;
  while (same < shortest && old[same] === fresh[same]) same += 1;
  let back = 0;
  while (back < shortest - same && old[old.length - 1 - back] === fresh[fresh.length - 1 - back]) back += 1;
  const remove = old.length - same - back;
  const bytes = fresh.subarray(same, fresh.length - back);
  if (remove === 0 && bytes.length === 0) return [];
  return [{ at: at + same, remove, insert: bytes.length === 0 ? [] : [{ kind: 'bytes', bytes }] }];
}

/** Names of the regions out of which the patches take bytes, or into which they put some. */
export function touchedRegions(image: McubootImage, patches: readonly Patch[]): string[] {
  const touches = image.regions.filter(({ start, end }) =>
    patches.some(({ at, remove }) =>
      remove === 0 ? at > start && at < end : at < end && at + remove > start,
    ),
  );
  return touches.map(({ name }) => name);
}
