/** Edits of a parsed MCUboot image, as patches that keep the lengths of its TLV area right. */

import type { ByteSource } from '../../byte-source.ts';
import { cut, overwrite, patched, PatchSet, type Patch } from '../../patch-set.ts';
import { signedDigest } from './verify.ts';
import { parseMcuboot, type McubootImage, type Tlv } from './parse.ts';
import { digestTypes, headerFields, tlvHeaderBytes, type HeaderField } from './layout.ts';

/** Overwrites one header field, little-endian. */
export function setHeader(field: HeaderField, value: number): Patch {
  const row = headerFields.find(({ name }) => name === field);
  if (row === undefined) throw new RangeError(`no header field ${field}`);
  const bytes = Buffer.alloc(row.bytes);
  bytes.writeUIntLE(value, 0, row.bytes);
  return overwrite(row.at, bytes);
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
  const patches = edits.map(editPatch);
  const grownBytes = patches.reduce(
    (sum, { insert, remove }) =>
      sum +
      insert.reduce((bytes, part) => bytes + (part.kind === 'bytes' ? part.bytes.length : 0), 0) -
      remove,
    0,
  );
  if (grownBytes === 0) return patches;
  return [overwrite(area.start + 2, u16(area.end - area.start + grownBytes)), ...patches];
}

function editPatch({ tlv, to }: TlvEdit): Patch {
  if (to === 'removed') return cut(tlv.start, tlv.end - tlv.start);
  const type = to.type ?? tlv.type;
  // The same type and length: only the value changes.
  if (type === tlv.type && to.value.length === tlv.end - tlv.valueStart) {
    return overwrite(tlv.valueStart, to.value);
  }
  const bytes = Buffer.concat([u16(type), u16(to.value.length), to.value]);
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
  const digests = image.tlvs.filter(({ type, area }) => area === 'unprotected' && digestTypes.has(type));
  const fresh = digests.map((tlv) =>
    overwrite(tlv.valueStart, signedDigest(altered, { ...alteredImage, tlvs: [tlv] })),
  );
  return { patches: [...patches, ...fresh], digests };
}

/** Names of the regions of an entry: its header and its value. */
export function regionsOf(image: McubootImage, tlv: Tlv): string[] {
  return image.regions
    .filter(({ start, end }) => start >= tlv.start && end <= Math.max(tlv.end, tlv.start + tlvHeaderBytes))
    .map(({ name }) => name);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
