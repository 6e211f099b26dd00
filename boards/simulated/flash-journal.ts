/**
 * Small records that replace each other, in a ring of two or more erase blocks: the newest whole one counts.
 *
 * A record slot is one flash page: `u16 magic · u16 length · u32 sequence · JSON · … · u32 CRC-32` (big-endian).
 * A cut while a record is written leaves a page whose CRC is wrong, and the record before it stays in force.
 */

import { crc32 } from 'node:zlib';
import { BLOCK_BYTES, PAGE_BYTES, type Flash } from './flash.ts';

const MAGIC = 0x5347;
const HEADER_BYTES = 8;
const CRC_BYTES = 4;
const PAGES_PER_BLOCK = BLOCK_BYTES / PAGE_BYTES;

export class FlashJournal<T> {
  readonly #flash: Flash;
  readonly #region: { start: number; bytes: number };
  #sequence = 0;
  /** Page on which the newest record stands; -1 for none. */
  #page = -1;
  #newest: T | undefined;

  constructor(flash: Flash, region: { start: number; bytes: number }) {
    this.#flash = flash;
    this.#region = region;
    for (let page = 0; page < this.#pages; page += 1) this.#look(page);
  }

  get newest(): T | undefined {
    return this.#newest;
  }

  /** Appends a record; it is in force when this returns. @throws RangeError when it does not fit a page */
  append(record: T): void {
    const bytes = encode(record, this.#sequence + 1);
    const page = this.#nextFreePage();
    this.#flash.program(this.#address(page), bytes);
    this.#page = page;
    this.#sequence += 1;
    this.#newest = record;
  }

  get #pages(): number {
    return this.#region.bytes / PAGE_BYTES;
  }

  #address(page: number): number {
    return this.#region.start + page * PAGE_BYTES;
  }

  #look(page: number): void {
    const found = decode<T>(this.#flash.read(this.#address(page), PAGE_BYTES));
    if (found === undefined || found.sequence <= this.#sequence) return;
    this.#sequence = found.sequence;
    this.#page = page;
    this.#newest = found.record;
  }

  /** The next page of the block if it is blank, else the first of the next block, freshly erased. */
  #nextFreePage(): number {
    for (let page = this.#page + 1; page % PAGES_PER_BLOCK !== 0 || page === 0; page += 1) {
      const cells = this.#flash.read(this.#address(page), PAGE_BYTES);
      if (cells.every((byte) => byte === 0xff)) return page;
    }
    const block = Math.floor(Math.max(this.#page, 0) / PAGES_PER_BLOCK);
    const next = ((block + 1) * PAGES_PER_BLOCK) % this.#pages;
    this.#flash.erase(this.#address(next), BLOCK_BYTES);
    return next;
  }
}

function encode(record: unknown, sequence: number): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  const bytes = Buffer.alloc(HEADER_BYTES + json.length + CRC_BYTES);
  if (bytes.length > PAGE_BYTES)
    throw new RangeError(`flash record of ${bytes.length} bytes exceeds ${PAGE_BYTES}`);
  bytes.writeUInt16BE(MAGIC, 0);
  bytes.writeUInt16BE(json.length, 2);
  bytes.writeUInt32BE(sequence, 4);
  json.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -CRC_BYTES)), bytes.length - CRC_BYTES);
  return bytes;
}

function decode<T>(page: Buffer): { sequence: number; record: T } | undefined {
  if (page.readUInt16BE(0) !== MAGIC) return undefined;
  const end = HEADER_BYTES + page.readUInt16BE(2);
  if (end + CRC_BYTES > PAGE_BYTES || crc32(page.subarray(0, end)) !== page.readUInt32BE(end))
    return undefined;
  return {
    sequence: page.readUInt32BE(4),
    record: JSON.parse(page.toString('utf8', HEADER_BYTES, end)) as T,
  };
}
