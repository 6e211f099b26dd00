/**
 * A scanner of CBOR that keeps offsets: where every head and value lies, whatever the bytes say, and which heads are
 * longer than they need be. Libraries decode; attacks need to know which byte to change.
 *
 * Source: RFC 8949, 3 (encoding), 4.2.1 (core deterministic encoding), appendix F (well-formedness).
 */

import type { ByteSource } from '../byte-source.ts';
import type { Issue } from '../image.ts';
import { cborHead, cborMajors } from './cbor-encode.ts';

export * from './cbor-encode.ts';

/** One item: `[start, headEnd)` its head, `[headEnd, end)` what belongs to it; clipped to what contains it. */
export interface CborItem {
  /** 0 unsigned, 1 negative, 2 bytes, 3 text, 4 array, 5 map, 6 tag, 7 simple or float. */
  major: number;
  start: number;
  headEnd: number;
  end: number;
  /** Value, length in bytes, count, or tag number, as the head says it; −1 for an indefinite length. */
  argument: bigint;
  indefinite: boolean;
  /** Items inside: of an array; keys and values in turn of a map; the one of a tag; chunks of an indefinite string. */
  children: readonly CborItem[];
  /** False when something of it is cut off or was not scanned. */
  complete: boolean;
}

/** Bounds of a scan: a hostile file must cost neither stack nor memory. */
export interface CborLimits {
  /** Nesting; 32 by default. */
  depth?: number;
  /** Items in all; 20 000 by default. */
  items?: number;
}

export interface CborScan {
  item: CborItem | undefined;
  /** Codes that begin with `cbor-`; see {@link harmlessCbor}. */
  issues: readonly Issue[];
}

/** Issues of items that are well-formed and can be read, but are not in deterministic encoding. */
export const harmlessCbor: ReadonlySet<string> = new Set([
  'cbor-long-head',
  'cbor-indefinite',
  'cbor-key-order',
  'cbor-duplicate-key',
]);

/** Scans the one item that begins the range. Never throws. */
export function scanCbor(
  source: ByteSource,
  range: { start?: number; end?: number } = {},
  limits: CborLimits = {},
): CborScan {
  const scanner = new Scanner(source, limits);
  const end = Math.min(range.end ?? source.size, source.size);
  return { item: scanner.item(range.start ?? 0, end, 0), issues: scanner.issues };
}

interface Head {
  major: number;
  argument: bigint;
  /** Low five bits of the first byte. */
  info: number;
  end: number;
}

const windowBytes = 128;

class Scanner {
  readonly issues: Issue[] = [];
  readonly #source: ByteSource;
  readonly #depth: number;
  #itemsLeft: number;
  #window = { start: 0, bytes: Buffer.alloc(0) };

  constructor(source: ByteSource, limits: CborLimits) {
    this.#source = source;
    this.#depth = limits.depth ?? 32;
    this.#itemsLeft = limits.items ?? 20_000;
  }

  item(start: number, limit: number, depth: number): CborItem | undefined {
    if (this.#itemsLeft <= 0) {
      if (this.#itemsLeft === 0) this.#issue('cbor-too-many', start, 'more items than are scanned');
      this.#itemsLeft = -1;
      return undefined;
    }
    this.#itemsLeft -= 1;
    const head = this.#head(start, limit);
    if (head === undefined) return undefined;
    const indefinite = head.info === 31;
    const shared = { major: head.major, start, headEnd: head.end, argument: head.argument, indefinite };
    if (head.major === cborMajors.bytes || head.major === cborMajors.text) {
      if (!indefinite) return this.#string(shared, limit);
    } else if (head.major < cborMajors.bytes || head.major === cborMajors.simple) {
      return { ...shared, end: head.end, children: [], complete: true };
    }
    if (depth >= this.#depth) {
      this.#issue('cbor-depth', start, `nested more than ${this.#depth} deep`);
      return { ...shared, end: head.end, children: [], complete: false };
    }
    return this.#container(shared, limit, depth);
  }

  /** A few bytes, through a window: items are small and many. */
  #peek(start: number, end: number): Buffer {
    if (start < this.#window.start || end > this.#window.start + this.#window.bytes.length) {
      this.#window = { start, bytes: Buffer.from(this.#source.read(start, start + windowBytes)) };
    }
    const from = start - this.#window.start;
    return this.#window.bytes.subarray(from, Math.max(from, end - this.#window.start));
  }

  #head(start: number, limit: number): Head | undefined {
    const bytes = this.#peek(start, Math.min(start + 9, limit));
    const first = bytes[0];
    if (first === undefined) {
      this.#issue('cbor-truncated', start, 'an item is missing');
      return undefined;
    }
    const major = first >> 5;
    const info = first & 0x1f;
    const extra = info < 24 || info === 31 ? 0 : 2 ** (info - 24);
    if ((info > 27 && info < 31) || (info === 31 && (major < 2 || major === 6))) {
      this.#issue('cbor-head', start, `a head 0x${first.toString(16)}, which means nothing`);
      return undefined;
    }
    if (first === 0xff) {
      this.#issue('cbor-break', start, 'a break where an item belongs');
      return undefined;
    }
    if (bytes.length < 1 + extra) {
      this.#issue('cbor-truncated', start, 'a head that is cut off');
      return undefined;
    }
    const argument =
      info === 31 ? -1n : extra === 0 ? BigInt(info) : BigInt(`0x${bytes.toString('hex', 1, 1 + extra)}`);
    if (major === cborMajors.simple && info === 24 && argument < 32n) {
      this.#issue('cbor-head', start, `simple value ${argument} in two bytes`);
    } else if (info === 31) {
      this.#issue('cbor-indefinite', start, 'an indefinite length');
    } else if (major !== cborMajors.simple && 1 + extra > cborHead(0, argument).length) {
      this.#issue('cbor-long-head', start, `${argument} in ${1 + extra} bytes`);
    }
    return { major, argument, info, end: start + 1 + extra };
  }

  #string(shared: Omit<CborItem, 'end' | 'children' | 'complete'>, limit: number): CborItem {
    const left = limit - shared.headEnd;
    const complete = shared.argument <= BigInt(left);
    if (!complete) {
      this.#issue(
        'cbor-truncated',
        shared.start,
        `a string of ${shared.argument} bytes where ${left} are left`,
      );
    }
    const end = complete ? shared.headEnd + Number(shared.argument) : limit;
    return { ...shared, end, children: [], complete };
  }

  #container(
    shared: Omit<CborItem, 'end' | 'children' | 'complete'>,
    limit: number,
    depth: number,
  ): CborItem {
    const children: CborItem[] = [];
    const wanted = wantedChildren(shared);
    let at = shared.headEnd;
    let complete = true;
    while (wanted < 0n || BigInt(children.length) < wanted) {
      if (shared.indefinite && this.#peek(at, Math.min(at + 1, limit))[0] === 0xff) {
        at += 1;
        break;
      }
      const child = this.item(at, limit, depth + 1);
      complete &&= child?.complete === true;
      if (child === undefined) break;
      children.push(child);
      at = child.end;
      if (!complete) break;
    }
    const item = { ...shared, end: at, children, complete };
    this.#judge(item);
    return item;
  }

  #judge(item: CborItem): void {
    if (item.major === cborMajors.map) {
      if (item.complete && item.children.length % 2 === 1) {
        this.#issue('cbor-map', item.start, 'a map with a key that has no value');
      }
      this.#judgeKeys(item);
    } else if (item.major === cborMajors.bytes || item.major === cborMajors.text) {
      const strange = item.children.find(({ major, indefinite }) => major !== item.major || indefinite);
      if (strange !== undefined) this.#issue('cbor-chunk', strange.start, 'a chunk that is no string');
    }
  }

  #judgeKeys(map: CborItem): void {
    const seen = new Set<string>();
    let before = '';
    for (const { key } of cborEntries(map)) {
      if (key.end - key.start > 256) continue;
      const encoded = cborRaw(this.#source, key).toString('hex');
      if (seen.has(encoded)) this.#issue('cbor-duplicate-key', key.start, `key ${encoded} once more`);
      // Bytewise lexicographic order (RFC 8949 4.2.1), which that of hex digits is too.
      else if (encoded < before) this.#issue('cbor-key-order', key.start, `key ${encoded} after ${before}`);
      seen.add(encoded);
      before = encoded;
    }
  }

  #issue(code: string, at: number, message: string): void {
    if (this.issues.length < 100) this.issues.push({ code, at, message });
  }
}

/** −1 for an indefinite number. */
function wantedChildren({
  major,
  argument,
  indefinite,
}: {
  major: number;
  argument: bigint;
  indefinite: boolean;
}): bigint {
  if (indefinite) return -1n;
  if (major === cborMajors.tag) return 1n;
  return major === cborMajors.map ? argument * 2n : argument;
}

/** Keys and values of a map, in order; a key without a value is left out. */
export function cborEntries(map: CborItem | undefined): { key: CborItem; value: CborItem }[] {
  const entries: { key: CborItem; value: CborItem }[] = [];
  if (map?.major !== cborMajors.map) return entries;
  for (let index = 0; index + 1 < map.children.length; index += 2) {
    const [key, value] = map.children.slice(index, index + 2);
    if (key !== undefined && value !== undefined) entries.push({ key, value });
  }
  return entries;
}

/** The whole item with its head. */
export function cborRaw(source: ByteSource, item: CborItem): Buffer {
  return Buffer.from(source.read(item.start, item.end));
}

/** An integer of either sign; undefined for anything else. */
export function cborInt(item: CborItem | undefined): bigint | undefined {
  if (item?.major === cborMajors.uint) return item.argument;
  return item?.major === cborMajors.nint ? -1n - item.argument : undefined;
}

/** Contents of a byte string, chunks joined, at most `most` bytes of each; undefined for anything else. */
export function cborBytes(source: ByteSource, item: CborItem | undefined, most = 65_536): Buffer | undefined {
  return item?.major === cborMajors.bytes ? contents(source, item, most) : undefined;
}

/** A text string; undefined for anything else. */
export function cborText(source: ByteSource, item: CborItem | undefined, most = 4096): string | undefined {
  return item?.major === cborMajors.text ? contents(source, item, most).toString('utf8') : undefined;
}

function contents(source: ByteSource, item: CborItem, most: number): Buffer {
  const parts = item.indefinite ? item.children : [item];
  return Buffer.concat(parts.map(({ headEnd, end }) => source.read(headEnd, Math.min(end, headEnd + most))));
}
