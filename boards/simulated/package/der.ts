/**
 * DER, as much of it as certificates and signatures need: elements with one-byte tags and definite, shortest lengths.
 *
 * Source: ITU-T X.690 (02/2021), 8.1 and 10.1.
 */

import { ImageRefused } from '../mcuboot-image.ts';

export interface DerElement {
  tag: number;
  value: Buffer;
  /** Tag, length and value. */
  whole: Buffer;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The one element that fills the bytes. @throws ImageRefused `format` */
export function readDer(bytes: Buffer): DerElement {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) fail('bytes behind the element');
  return element;
}

/** The elements inside one. @throws ImageRefused `format` */
export function partsOf(element: DerElement): DerElement[] {
  const parts: DerElement[] = [];
  for (let at = 0; at < element.value.length;) {
    const part = elementAt(element.value, at);
    parts.push(part);
    at += part.whole.length;
  }
  return parts;
}

/** The element, if it has the tag. @throws ImageRefused `format` */
export function expectTag(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag === tag) return element;
  return fail(`tag ${element?.tag.toString(16) ?? 'none'} where ${tag.toString(16)} is due`);
}

/** `1.2.840.10045.4.3.2` */
export function oidOf(element: DerElement | undefined): string {
  const { value } = expectTag(element, TAG.oid);
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of value) {
    arc = arc * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join('.');
}

/** A number that fits four bytes. */
export function smallInteger(element: DerElement | undefined): number {
  const { value } = expectTag(element, TAG.integer);
  if (value.length === 0 || value.length > 4) fail(`integer of ${value.length} bytes`);
  return value.readIntBE(0, value.length);
}

function elementAt(bytes: Buffer, start: number): DerElement {
  const [tag, first] = bytes.subarray(start);
  if (tag === undefined || first === undefined) return fail('an element that is cut short');
  if ((tag & 0x1f) === 0x1f) fail('a tag of more than one byte');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const valueStart = start + 2 + lengthBytes;
  const length = first < 0x80 ? first : longLength(bytes.subarray(start + 2, valueStart), lengthBytes);
  const end = valueStart + length;
  if (end > bytes.length) fail('an element that is cut short');
  return { tag, value: bytes.subarray(valueStart, end), whole: bytes.subarray(start, end) };
}

function longLength(digits: Buffer, lengthBytes: number): number {
  if (lengthBytes === 0 || lengthBytes > 3 || digits.length < lengthBytes) fail('a length that is none');
  const length = digits.readUIntBE(0, lengthBytes);
  if (length < 0x80 || digits[0] === 0) fail('a length in more bytes than it needs');
  return length;
}

function fail(what: string): never {
  throw new ImageRefused('format', `DER: ${what}`);
}
