/**
 * A scanner of DER and BER that keeps offsets: where every tag, length and value lies, whatever the bytes say. Libraries
 * decode; attacks need to know which byte to change.
 *
 * Source: ITU-T X.690 (02/2021), 8.1 (identifier and length octets), 10 (DER).
 */

import type { ByteSource } from '../byte-source.ts';
import type { Issue } from '../image.ts';

/** One element: `[start, end)` the whole, `[valueStart, end)` its contents; clipped to what contains it. */
export interface DerNode {
  /** Tag number, without class and form. */
  tag: number;
  class: 'universal' | 'application' | 'context' | 'private';
  constructed: boolean;
  start: number;
  valueStart: number;
  end: number;
  /** Length that the element claims, in bytes; −1 for the indefinite form. */
  claimedBytes: number;
  /** Elements inside, for constructed ones. */
  children: readonly DerNode[];
}

/** Bounds of a scan: a hostile file must cost neither stack nor memory. */
export interface DerLimits {
  /** Nesting; 32 by default. */
  depth?: number;
  /** Elements in all; 20 000 by default. */
  nodes?: number;
}

export interface DerScan {
  /** Elements at the top, in order. */
  nodes: readonly DerNode[];
  issues: readonly Issue[];
  /** Behind the last element. */
  end: number;
}

/** Universal tags by the names of X.680. */
export const derTags = {
  BOOLEAN: 1,
  INTEGER: 2,
  BIT_STRING: 3,
  OCTET_STRING: 4,
  NULL: 5,
  OBJECT_IDENTIFIER: 6,
  ENUMERATED: 10,
  UTF8_STRING: 12,
  SEQUENCE: 16,
  SET: 17,
  PRINTABLE_STRING: 19,
  IA5_STRING: 22,
  UTC_TIME: 23,
  GENERALIZED_TIME: 24,
} as const;

const classes = ['universal', 'application', 'context', 'private'] as const;

/** Scans every element in `[start, end)`. Never throws. */
export function scanDer(
  source: ByteSource,
  range: { start?: number; end?: number } = {},
  limits: DerLimits = {},
): DerScan {
  const start = range.start ?? 0;
  const end = Math.min(range.end ?? source.size, source.size);
  const scanner = new Scanner(source, limits);
  const nodes = scanner.elements(start, end, 0);
  return { nodes, issues: scanner.issues, end: nodes.at(-1)?.end ?? start };
}

/** Scans exactly one element at an offset; undefined when there is none. */
export function scanDerElement(source: ByteSource, start: number, end = source.size): DerNode | undefined {
  return new Scanner(source, {}).element(start, Math.min(end, source.size), 0);
}

class Scanner {
  readonly issues: Issue[] = [];
  readonly #source: ByteSource;
  readonly #depth: number;
  #nodesLeft: number;

  constructor(source: ByteSource, limits: DerLimits) {
    this.#source = source;
    this.#depth = limits.depth ?? 32;
    this.#nodesLeft = limits.nodes ?? 20_000;
  }

  elements(start: number, end: number, depth: number): DerNode[] {
    const nodes: DerNode[] = [];
    for (let at = start; at < end;) {
      const node = this.element(at, end, depth);
      if (node === undefined) break;
      nodes.push(node);
      if (isEndOfContents(node)) break;
      at = node.end;
    }
    return nodes;
  }

  element(start: number, limit: number, depth: number): DerNode | undefined {
    if (this.#nodesLeft === 0) {
      this.#issue('der-too-many', start, 'more elements than are scanned');
      this.#nodesLeft = -1;
    }
    if (this.#nodesLeft < 0) return undefined;
    this.#nodesLeft -= 1;
    const head = this.#source.read(start, Math.min(start + 16, limit));
    const identifier = head[0];
    if (identifier === undefined) return undefined;
    const tag = tagNumber(head);
    if (tag === undefined) {
      this.#issue('der-tag', start, 'a tag that is cut off or too large');
      return undefined;
    }
    const length = lengthOf(head, tag.bytes);
    if (length === undefined) {
      this.#issue('der-length', start + tag.bytes, 'a length that is cut off or too large');
      return undefined;
    }
    this.#judgeLength(start + tag.bytes, head, tag.bytes, length);
    const valueStart = start + tag.bytes + length.bytes;
    const constructed = (identifier & 0x20) !== 0;
    const shared = {
      tag: tag.number,
      class: classes[identifier >> 6] ?? 'universal',
      constructed,
      start,
      valueStart,
      claimedBytes: length.value,
    };
    if (length.value < 0) return this.#indefinite(shared, limit, depth);
    const end = Math.min(valueStart + length.value, limit);
    if (valueStart + length.value > limit) {
      this.#issue(
        'der-length',
        start,
        `an element of ${length.value} bytes where ${limit - valueStart} are left`,
      );
    }
    return { ...shared, end, children: constructed ? this.#inside(valueStart, end, depth) : [] };
  }

  #inside(start: number, end: number, depth: number): DerNode[] {
    if (depth < this.#depth) return this.elements(start, end, depth + 1);
    this.#issue('der-depth', start, `nested more than ${this.#depth} deep`);
    return [];
  }

  #indefinite(shared: Omit<DerNode, 'end' | 'children'>, limit: number, depth: number): DerNode {
    const children = shared.constructed ? this.#inside(shared.valueStart, limit, depth) : [];
    const last = children.at(-1);
    const closed = last !== undefined && isEndOfContents(last);
    if (!closed) this.#issue('der-length', shared.start, 'an indefinite length that never ends');
    return { ...shared, end: closed ? last.end : limit, children };
  }

  #judgeLength(
    at: number,
    head: Uint8Array,
    tagBytes: number,
    length: { value: number; bytes: number },
  ): void {
    if (length.value < 0) {
      this.#issue('der-indefinite', at, 'an indefinite length, which BER allows and DER does not');
    } else if (length.bytes > 1 && (length.value < 0x80 || head[tagBytes + 1] === 0)) {
      this.#issue('der-long-length', at, 'a length in more bytes than it needs');
    }
  }

  #issue(code: string, at: number, message: string): void {
    if (this.issues.length < 100) this.issues.push({ code, at, message });
  }
}

function isEndOfContents(node: DerNode): boolean {
  return node.tag === 0 && node.class === 'universal' && node.claimedBytes === 0;
}

function tagNumber(head: Uint8Array): { number: number; bytes: number } | undefined {
  const low = (head[0] ?? 0) & 0x1f;
  if (low !== 0x1f) return { number: low, bytes: 1 };
  let number = 0;
  for (let index = 1; index <= 4; index += 1) {
    const byte = head[index];
    if (byte === undefined) return undefined;
    number = number * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) return { number, bytes: index + 1 };
  }
  return undefined;
}

function lengthOf(head: Uint8Array, at: number): { value: number; bytes: number } | undefined {
  const first = head[at];
  if (first === undefined) return undefined;
  if (first < 0x80) return { value: first, bytes: 1 };
  if (first === 0x80) return { value: -1, bytes: 1 };
  const count = first & 0x7f;
  if (count > 8 || head.length < at + 1 + count) return undefined;
  let value = 0;
  for (const byte of head.subarray(at + 1, at + 1 + count)) value = value * 256 + byte;
  return Number.isSafeInteger(value) ? { value, bytes: count + 1 } : undefined;
}

/** Contents of an element. */
export function derValue(source: ByteSource, node: DerNode): Buffer {
  return Buffer.from(source.read(node.valueStart, node.end));
}

/** The whole element, with tag and length. */
export function derBytes(source: ByteSource, node: DerNode): Buffer {
  return Buffer.from(source.read(node.start, node.end));
}

/** Dotted form of an OBJECT IDENTIFIER: `1.2.840.113549.1.7.2`; empty when it is none. */
export function derOid(source: ByteSource, node: DerNode | undefined): string {
  if (node === undefined || node.tag !== derTags.OBJECT_IDENTIFIER || node.class !== 'universal') return '';
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of derValue(source, node).subarray(0, 64)) {
    arc = arc * 128n + BigInt(byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    // The first two arcs share one number (X.690 8.19.4).
    if (arcs.length === 0) {
      const first = arc < 80n ? arc / 40n : 2n;
      arcs.push(first, arc - first * 40n);
    } else arcs.push(arc);
    arc = 0n;
  }
  return arcs.join('.');
}

/** An element with the shortest definite length. */
export function encodeDer(identifier: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(identifier), encodeDerLength(body.length), body]);
}

export function encodeDerLength(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  const digits = bytes.toString(16);
  const value = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(0x80 | value.length), value]);
}

/** A non-negative INTEGER. */
export function encodeDerInteger(value: bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return encodeDer(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.alloc(0), bytes);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function encodeDerOid(dotted: string): Buffer {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  return encodeDer(0x06, ...[first * 40n + second, ...rest].map(base128));
}

function base128(arc: bigint): Buffer {
  const bytes = [Number(arc & 0x7fn)];
  for (let left = arc >> 7n; left > 0n; left >>= 7n) bytes.unshift(Number(left & 0x7fn) | 0x80);
  return Buffer.from(bytes);
}
