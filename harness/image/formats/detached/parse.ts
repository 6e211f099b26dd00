/** A payload with its signatures, read from the end by a layout. */

import type { ByteSource } from '../../byte-source.ts';
import { RegionTiler, type Issue, type ParsedImage } from '../../image.ts';
import {
  fixedBytes,
  frameOf,
  governing,
  integerBytes,
  isRemainder,
  readInteger,
  signatureNames,
  type DetachedLayout,
  type FrameField,
} from './layout.ts';
import { readSplit, splitBytes } from './split.ts';

/** A field of the frame where it lies. */
export interface PlacedField {
  field: FrameField;
  /** Name of its region; of an empty one too, which then is not among the regions. */
  region: string;
  start: number;
  end: number;
}

export interface DetachedImage extends ParsedImage {
  format: 'detached';
  /** What the signatures cover. */
  covered: { start: number; end: number };
  payload: { start: number; end: number };
  /** In file order. */
  fields: readonly PlacedField[];
  /** The signatures by index. */
  signatures: readonly PlacedField[];
  frame: { start: number; end: number };
}

/** Never throws, whatever the bytes. */
export function parseDetached(source: ByteSource, layout: DetachedLayout): DetachedImage {
  const issues: Issue[] = [];
  const header = Math.min(layout.header?.bytes ?? 0, source.size);
  const limits = frameLimits(source, layout, header, issues);
  const fields = placeFields(source, layout, limits, issues);
  const frameStart = fields[0]?.start ?? limits.end;
  const payloadEnd = limits.start ?? frameStart;
  if (layout.header !== undefined && payloadEnd < layout.header.bytes)
    issues.push({
      code: 'truncated',
      at: 0,
      message: `the header has ${payloadEnd} of ${layout.header.bytes} bytes`,
    });
  if (limits.start !== undefined && frameStart > limits.start)
    issues.push({
      code: 'frame-size',
      at: limits.start,
      message: `the signature file has ${frameStart - limits.start} bytes too many`,
    });
  const { regions, names } = tile(source.size, layout, { header, payloadEnd, fields, frameEnd: limits.end });
  const placed = fields.map((field, index) => ({ ...field, region: names[index] ?? field.region }));
  checkFields(source, placed, issues);
  const signatures = layout.signatures.map((_, index) => signatureAt(placed, index, limits.end));
  return {
    format: 'detached',
    size: source.size,
    regions,
    issues,
    covered: { start: layout.covers === 'payload' ? Math.min(header, payloadEnd) : 0, end: payloadEnd },
    payload: { start: Math.min(header, payloadEnd), end: payloadEnd },
    fields: placed,
    signatures,
    frame: { start: payloadEnd, end: limits.end },
    ...(layout.placement === 'detached'
      ? {
          parts: [
            { name: 'payload' as const, start: 0, end: payloadEnd },
            { name: 'signature' as const, start: payloadEnd, end: limits.end },
          ],
        }
      : {}),
  };
}

/** Where the frame ends, and where it must start when it is a file of its own. */
interface Limits {
  floor: number;
  start: number | undefined;
  end: number;
}

function frameLimits(source: ByteSource, layout: DetachedLayout, header: number, issues: Issue[]): Limits {
  if (layout.placement === 'appended') return { floor: header, start: undefined, end: source.size };
  const split = readSplit(source);
  if (split !== undefined) return { floor: split.start, ...split };
  const end = Math.max(0, source.size - splitBytes);
  issues.push({
    code: 'split',
    at: end,
    message: 'nothing says where the payload ends and the signature starts',
  });
  return { floor: end, start: end, end };
}

/** From the last field to the first: lengths are read before what they measure. */
function placeFields(
  source: ByteSource,
  layout: DetachedLayout,
  limits: Limits,
  issues: Issue[],
): PlacedField[] {
  const frame = frameOf(layout);
  const placed: PlacedField[] = [];
  let at = limits.end;
  for (let index = frame.length - 1; index >= 0; index -= 1) {
    const field = frame[index];
    if (field === undefined) continue;
    const before = sizes(frame.slice(0, index));
    const wanted = sizeOf(source, layout, field, placed, { start: limits.start, at, before });
    const bytes = Math.min(wanted, at - limits.floor);
    if (wanted > bytes) {
      const message = `${regionName(layout, field)} has ${bytes} of ${wanted} bytes`;
      issues.push({ code: 'truncated', at: at - bytes, message });
    }
    placed.unshift({ field, region: regionName(layout, field), start: at - bytes, end: at });
    at -= bytes;
  }
  return placed;
}

function sizeOf(
  source: ByteSource,
  layout: DetachedLayout,
  field: FrameField,
  behind: readonly PlacedField[],
  place: { start: number | undefined; at: number; before: number },
): number {
  if (field.field !== 'signature') return fixedSize(field);
  const length = governing(layout, field.of);
  if (length !== undefined) {
    const said = behind.at(length - frameOf(layout).length);
    return said === undefined ? 0 : Math.max(0, statedLength(source, layout, said));
  }
  const own = place.start === undefined ? undefined : Math.max(0, place.at - place.start - place.before);
  return (isRemainder(layout) ? own : fixedBytes(layout, field.of)) ?? 0;
}

/** What a length field says of the signature that it governs: of the whole frame, less the other fields. */
function statedLength(
  source: ByteSource,
  layout: DetachedLayout,
  { field, start, end }: PlacedField,
): number {
  if (field.field !== 'length') return 0;
  const value = readInteger(source.read(start, end), field.order);
  return field.of === 'frame' ? value - sizes(frameOf(layout)) : value;
}

/** Bytes of all fields but the signatures. */
function sizes(fields: readonly FrameField[]): number {
  return fields.reduce((sum, field) => sum + fixedSize(field), 0);
}

function fixedSize(field: FrameField): number {
  switch (field.field) {
    case 'signature':
      return 0;
    case 'magic':
      return field.hex.length / 2;
    case 'reserved':
      return field.bytes;
    case 'length':
    case 'scheme':
      return integerBytes[field.type];
  }
}

function regionName(layout: DetachedLayout, field: FrameField): string {
  if (field.field !== 'signature') return `frame.${field.field}`;
  return `signature.${signatureNames(layout)[field.of] ?? field.of}`;
}

function tile(
  size: number,
  layout: DetachedLayout,
  at: { header: number; payloadEnd: number; fields: readonly PlacedField[]; frameEnd: number },
): { regions: RegionTiler['regions']; names: string[] } {
  const tiler = new RegionTiler(size);
  const coverage = layout.covers === 'header+payload' ? 'signed' : 'unsigned';
  const header = Math.min(at.header, at.payloadEnd);
  for (const { name, at: start, type } of [...(layout.header?.fields ?? [])].sort((a, b) => a.at - b.at)) {
    tiler.upTo(Math.min(start, header), 'header.other', coverage);
    tiler.upTo(Math.min(start + integerBytes[type], header), `header.${name}`, coverage);
  }
  tiler.upTo(header, 'header.other', coverage);
  tiler.upTo(at.payloadEnd, 'payload', 'signed');
  tiler.upTo(at.fields[0]?.start ?? at.payloadEnd, 'frame.extra', 'unsigned');
  const names = at.fields.map(({ field, region, end }) =>
    tiler.upTo(end, region, field.field === 'signature' ? 'signature' : 'unsigned'),
  );
  tiler.upTo(at.frameEnd, 'frame.extra', 'unsigned');
  tiler.rest('split', 'unsigned');
  return { regions: tiler.regions, names };
}

function checkFields(source: ByteSource, fields: readonly PlacedField[], issues: Issue[]): void {
  for (const { field, start, end } of fields) {
    const bytes = Buffer.from(source.read(start, end));
    if (bytes.length < fixedSize(field)) continue; // truncated: said already
    if (field.field === 'magic' && bytes.toString('hex') !== field.hex) {
      issues.push({ code: 'magic', at: start, message: `the magic number is ${bytes.toString('hex')}` });
    } else if (field.field === 'scheme' && readInteger(bytes, field.order) !== field.value) {
      const message = `the scheme is ${readInteger(bytes, field.order)}, not ${field.value}`;
      issues.push({ code: 'scheme', at: start, message });
    } else if (field.field === 'length') {
      const value = readInteger(bytes, field.order);
      const actual = actualLength(fields, field.of);
      if (value !== actual)
        issues.push({
          code: 'length',
          at: start,
          message: `a length of ${value}, where there are ${actual}`,
        });
    }
  }
}

function actualLength(fields: readonly PlacedField[], of: number | 'frame'): number {
  if (of === 'frame') return (fields.at(-1)?.end ?? 0) - (fields[0]?.start ?? 0);
  const found = fields.find(({ field }) => field.field === 'signature' && field.of === of);
  return found === undefined ? 0 : found.end - found.start;
}

function signatureAt(fields: readonly PlacedField[], index: number, end: number): PlacedField {
  const found = fields.find(({ field }) => field.field === 'signature' && field.of === index);
  return found ?? { field: { field: 'signature', of: index }, region: '', start: end, end };
}
