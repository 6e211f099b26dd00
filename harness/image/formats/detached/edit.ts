/** Signatures replaced in a parsed image, as patches that keep lengths and the split between two files right. */

import type { ByteSource } from '../../byte-source.ts';
import type { DoesNotApply, Plan } from '../../mutation.ts';
import { overwrite, type Patch } from '../../patch-set.ts';
import { isRemainder, governing, writeInteger, type DetachedLayout } from './layout.ts';
import type { DetachedImage, PlacedField } from './parse.ts';
import { splitRecord } from './split.ts';
import { signatureOf } from './verify.ts';

export interface Replaced {
  patches: Patch[];
  touches: string[];
}

/**
 * The patches that put other values where signatures are. A value of another length changes the length fields and the
 * split record; where the layout fixes the length, it does not apply.
 */
export function replaceSignatures(
  base: ByteSource,
  image: DetachedImage,
  layout: DetachedLayout,
  values: ReadonlyMap<number, Uint8Array>,
): Replaced | DoesNotApply {
  const patches: Patch[] = [];
  const touches: string[] = [];
  for (const [index, value] of values) {
    const place = image.signatures[index];
    if (place === undefined) continue;
    const old = signatureOf(base, image, index);
    if (old.equals(value)) continue;
    if (old.length !== value.length && governing(layout, index) === undefined && !isRemainder(layout))
      return {
        doesNotApply: `the layout fixes the length of the signature; ${value.length} bytes do not fit`,
      };
    patches.push({ at: place.start, remove: old.length, insert: [{ kind: 'bytes', bytes: value }] });
    touches.push(place.region);
  }
  const grown = (index: number): number => {
    const value = values.get(index);
    return value === undefined ? 0 : value.length - signatureOf(base, image, index).length;
  };
  const lengths = adjustLengths(image, grown);
  if (lengths === undefined) return { doesNotApply: 'the length field cannot hold the new length' };
  patches.push(...lengths.patches);
  touches.push(...lengths.touches);
  return patches.length === 0
    ? { doesNotApply: 'the signature has that value already' }
    : { patches, touches };
}

/** Length fields and the split record for signatures that grow or shrink by so many bytes. */
function adjustLengths(image: DetachedImage, grown: (index: number) => number): Replaced | undefined {
  const total = image.signatures.reduce((sum, _, index) => sum + grown(index), 0);
  const patches: Patch[] = [];
  const touches: string[] = [];
  for (const { field, region, start, end } of image.fields) {
    if (field.field !== 'length') continue;
    const by = field.of === 'frame' ? total : grown(field.of);
    if (by === 0) continue;
    const bytes = writeInteger(measured(image, field.of) + by, field.type, field.order);
    if (bytes === undefined || bytes.length !== end - start) return undefined;
    patches.push(overwrite(start, bytes));
    touches.push(region);
  }
  if (total !== 0) {
    const split = editSplit(image, image.frame.end - image.frame.start + total);
    patches.push(...split.patches);
    touches.push(...split.touches);
  }
  return { patches, touches };
}

function measured(image: DetachedImage, of: number | 'frame'): number {
  const { start, end } = of === 'frame' ? image.frame : (image.signatures[of] ?? { start: 0, end: 0 });
  return end - start;
}

/** The split record of a signature file of so many bytes; nothing for one file. */
export function editSplit(image: DetachedImage, signatureFileBytes: number): Replaced {
  if (image.parts === undefined) return { patches: [], touches: [] };
  const unchanged = signatureFileBytes === image.frame.end - image.frame.start;
  if (unchanged) return { patches: [], touches: [] };
  return { patches: [overwrite(image.frame.end, splitRecord(signatureFileBytes))], touches: ['split'] };
}

/** Overwrites a field of the frame. */
export function editField({ region, start }: PlacedField, bytes: Uint8Array): Plan {
  return { patches: [overwrite(start, bytes)], touches: [region] };
}
