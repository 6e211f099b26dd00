/**
 * Flattened device trees with their offsets: where every tag, name, value and string lies, whatever the bytes say.
 * Everything big-endian. Values are not read, so that a tree with hundreds of megabytes of data costs little.
 *
 * Source: Devicetree Specification v0.4, chapter 5 (flattened devicetree format).
 */

import type { ByteSource } from '../byte-source.ts';
import type { Issue } from '../image.ts';

export const fdtMagic = 0xd00dfeed;
export const fdtHeaderBytes = 40;

/** Header fields in file order, four bytes each (5.2). */
export const fdtHeaderFields = [
  'magic',
  'totalsize',
  'off_dt_struct',
  'off_dt_strings',
  'off_mem_rsvmap',
  'version',
  'last_comp_version',
  'boot_cpuid_phys',
  'size_dt_strings',
  'size_dt_struct',
] as const;
export type FdtHeaderField = (typeof fdtHeaderFields)[number];

/** Tags of the structure block (5.4.1). */
export const fdtTags = { BEGIN_NODE: 1, END_NODE: 2, PROP: 3, NOP: 4, END: 9 } as const;

/** A property; `start` at its tag, `[valueStart, valueEnd)` its value, `end` behind the padding. File offsets. */
export interface FdtProp {
  name: string;
  node: FdtNode;
  start: number;
  valueStart: number;
  valueEnd: number;
  end: number;
}

/** A node; `start` at its tag, `contentStart` behind its name, `end` behind its end tag. File offsets. */
export interface FdtNode {
  /** Empty for the root. */
  name: string;
  /** `/`, `/images/kernel-1` */
  path: string;
  parent: FdtNode | undefined;
  start: number;
  contentStart: number;
  end: number;
  props: FdtProp[];
  children: FdtNode[];
}

export type FdtTag = { start: number; end: number } & (
  { type: 'begin' | 'end-node'; node: FdtNode } | { type: 'prop'; prop: FdtProp } | { type: 'nop' | 'end' }
);

export interface FdtTree {
  /** Undefined when the file is shorter than a header or begins with something else. */
  header: Readonly<Record<FdtHeaderField, number>> | undefined;
  /** Every root that there is; a correct tree has one, without a name. */
  roots: readonly FdtNode[];
  /** Tags of the structure block in file order. */
  tags: readonly FdtTag[];
  /** Memory reservations end here, with their empty last entry; 0 when there are none. */
  reserveEnd: number;
  /** Bytes of the strings block, clipped to the file and to 1 MiB. */
  strings: Buffer;
  issues: readonly Issue[];
}

/** Bounds of a reading: a hostile file must cost neither stack nor memory. */
const limits = { depth: 64, tags: 100_000, nameBytes: 255, stringsBytes: 1024 * 1024, reservations: 1000 };

/** @param most tags to read; enough for any tree by default. Never throws. */
export function readFdt(source: ByteSource, most = limits.tags): FdtTree {
  return new Reader(source, most).run();
}

class Reader {
  readonly #source: ByteSource;
  readonly #most: number;
  readonly #issues: Issue[] = [];
  readonly #tags: FdtTag[] = [];
  readonly #roots: FdtNode[] = [];
  readonly #open: FdtNode[] = [];
  #strings = Buffer.alloc(0);
  #reserveEnd = 0;

  constructor(source: ByteSource, most: number) {
    this.#source = source;
    this.#most = most;
  }

  run(): FdtTree {
    const header = this.#header();
    if (header !== undefined) {
      this.#blocks(header);
      const { off_dt_strings: from, size_dt_strings: bytes } = header;
      this.#strings = Buffer.from(this.#source.read(from, from + Math.min(bytes, limits.stringsBytes)));
      this.#reservations(header);
      this.#structure(header);
    }
    return {
      header,
      roots: this.#roots,
      tags: this.#tags,
      reserveEnd: this.#reserveEnd,
      strings: this.#strings,
      issues: this.#issues,
    };
  }

  #header(): FdtTree['header'] {
    const bytes = Buffer.from(this.#source.read(0, fdtHeaderBytes));
    if (bytes.length >= 4 && bytes.readUInt32BE(0) !== fdtMagic) {
      this.#issue('fdt-magic', 0, `magic is 0x${bytes.readUInt32BE(0).toString(16)}, not 0xd00dfeed`);
      return undefined;
    }
    if (bytes.length < fdtHeaderBytes) {
      this.#issue('truncated', bytes.length, `${bytes.length} bytes are less than a header of 40`);
      return undefined;
    }
    return Object.fromEntries(
      fdtHeaderFields.map((field, index) => [field, bytes.readUInt32BE(4 * index)]),
    ) as Record<FdtHeaderField, number>;
  }

  /** Blocks within the tree, the tree within the file, none over another. */
  #blocks(header: NonNullable<FdtTree['header']>): void {
    const { totalsize, version, last_comp_version: compatible } = header;
    if (version < 16 || compatible > 17 || version < compatible) {
      this.#issue('fdt-version', 20, `version ${version}, compatible with ${compatible}, not 16 or 17`);
    }
    // libfdt counts in signed 32-bit numbers.
    if (totalsize > 0x7fff_ffff || totalsize < fdtHeaderBytes) {
      this.#issue('fdt-block', 4, `a tree of ${totalsize} bytes`);
    } else if (totalsize > this.#source.size) {
      this.#issue('truncated', this.#source.size, `the tree ends at ${totalsize}, the file before`);
    }
    const blocks = [
      { name: 'reservations', at: 16, start: header.off_mem_rsvmap, bytes: 0 },
      { name: 'structure', at: 8, start: header.off_dt_struct, bytes: header.size_dt_struct },
      { name: 'strings', at: 12, start: header.off_dt_strings, bytes: header.size_dt_strings },
    ].sort((a, b) => a.start - b.start);
    let free = fdtHeaderBytes;
    for (const { name, at, start, bytes } of blocks) {
      if (start < free) this.#issue('fdt-overlap', at, `the ${name} begin at ${start}, before ${free}`);
      if (start + bytes > totalsize) {
        this.#issue('fdt-block', at, `the ${name} end at ${start + bytes}, the tree at ${totalsize}`);
      }
      free = start + bytes;
    }
    if (header.off_dt_struct % 4 !== 0) this.#issue('fdt-block', 8, 'the structure is not aligned');
  }

  #reservations(header: NonNullable<FdtTree['header']>): void {
    const start = header.off_mem_rsvmap;
    const bytes = Buffer.from(this.#source.read(start, start + 16 * limits.reservations));
    for (let at = 0; at + 16 <= bytes.length; at += 16) {
      if (bytes.readBigUInt64BE(at) !== 0n || bytes.readBigUInt64BE(at + 8) !== 0n) continue;
      this.#reserveEnd = start + at + 16;
      if (start < header.off_dt_struct && this.#reserveEnd > header.off_dt_struct) break;
      return;
    }
    this.#issue('fdt-reservations', start, 'the memory reservations never end');
  }

  #structure(header: NonNullable<FdtTree['header']>): void {
    const start = header.off_dt_struct;
    const claimed = start + header.size_dt_struct;
    const limit = Math.min(claimed, header.totalsize, this.#source.size);
    let at = start;
    while (at < limit) {
      if (this.#tags.length >= this.#most) {
        this.#issue('fdt-too-many', at, `more than ${this.#most} tags`);
        break;
      }
      const tag = this.#tag(at, limit);
      if (tag === undefined) break;
      this.#tags.push(tag);
      at = tag.end;
      if (tag.type === 'end') break;
    }
    for (const node of this.#open) node.end = at;
    if (this.#tags.at(-1)?.type !== 'end') {
      this.#issue('fdt-structure', at, 'the structure breaks off');
    } else if (at !== claimed) {
      this.#issue('fdt-structure', at, `the structure ends at ${at}, the header says ${claimed}`);
    }
    if (this.#roots.length === 0) this.#issue('fdt-root', start, 'there is no root node');
  }

  #tag(start: number, limit: number): FdtTag | undefined {
    const head = Buffer.from(this.#source.read(start, Math.min(start + 12, limit)));
    const type = head.length < 4 ? 0 : head.readUInt32BE(0);
    switch (type) {
      case fdtTags.BEGIN_NODE:
        return this.#begin(start, limit);
      case fdtTags.END_NODE: {
        const node = this.#open.pop();
        if (node === undefined) return this.#stop(start, 'an end of no node');
        node.end = start + 4;
        return { type: 'end-node', node, start, end: start + 4 };
      }
      case fdtTags.PROP:
        return this.#prop(start, limit, head);
      case fdtTags.NOP:
        return { type: 'nop', start, end: start + 4 };
      case fdtTags.END:
        if (this.#open.length > 0) this.#issue('fdt-structure', start, 'nodes are open at the end');
        return { type: 'end', start, end: start + 4 };
      default:
        return this.#stop(start, `a tag ${type} that is none`);
    }
  }

  #begin(start: number, limit: number): FdtTag | undefined {
    const name = this.#nodeName(start + 4, limit);
    if (name === undefined) return this.#stop(start, 'a node name that never ends, or is too long');
    const parent = this.#open.at(-1);
    if (this.#open.length >= limits.depth) {
      return this.#stop(start, `nodes more than ${limits.depth} deep`, 'fdt-depth');
    }
    if (parent === undefined) {
      if (this.#roots.length > 0) this.#issue('fdt-root', start, 'a second root node');
      if (name !== '') this.#issue('fdt-root', start, `a root node with the name ${name}`);
    }
    const path = parent === undefined || parent.path === '/' ? `/${name}` : `${parent.path}/${name}`;
    const contentStart = start + aligned(4 + Buffer.byteLength(name, 'latin1') + 1);
    const node: FdtNode = { name, path, parent, start, contentStart, end: limit, props: [], children: [] };
    if (contentStart > limit) return this.#stop(start, 'a node name that never ends');
    (parent?.children ?? this.#roots).push(node);
    this.#open.push(node);
    return { type: 'begin', node, start, end: contentStart };
  }

  #nodeName(start: number, limit: number): string | undefined {
    for (const most of [32, limits.nameBytes + 1]) {
      const bytes = Buffer.from(this.#source.read(start, Math.min(start + most, limit)));
      const end = bytes.indexOf(0);
      if (end >= 0) return bytes.toString('latin1', 0, end);
    }
    return undefined;
  }

  #prop(start: number, limit: number, head: Buffer): FdtTag | undefined {
    const node = this.#open.at(-1);
    if (node === undefined) return this.#stop(start, 'a property outside every node');
    if (head.length < 12) return this.#stop(start, 'a property that is cut off');
    const bytes = head.readUInt32BE(4);
    const valueEnd = start + 12 + bytes;
    const end = start + aligned(12 + bytes);
    if (end > limit)
      return this.#stop(start, `a property of ${bytes} bytes, where ${limit - start - 12} are`);
    if (node.children.length > 0) this.#issue('fdt-structure', start, 'a property behind a subnode');
    const name = this.#string(head.readUInt32BE(8), start + 8);
    const prop = { name, node, start, valueStart: start + 12, valueEnd, end };
    node.props.push(prop);
    return { type: 'prop', prop, start, end };
  }

  #string(offset: number, at: number): string {
    const bytes = this.#strings.subarray(offset, offset + limits.nameBytes + 1);
    const end = bytes.indexOf(0);
    if (end < 0) {
      this.#issue('fdt-string', at, `no name at ${offset} of ${this.#strings.length} bytes of strings`);
      return '';
    }
    return bytes.toString('latin1', 0, end);
  }

  #stop(at: number, message: string, code = 'fdt-structure'): undefined {
    this.#issue(code, at, message);
  }

  #issue(code: string, at: number, message: string): void {
    if (this.#issues.length < 100) this.#issues.push({ code, at, message });
  }
}

/** Up to the next multiple of 4. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

/** The subnode of that name, as libfdt finds it: the first whose name is equal up to a unit address. */
export function subnode(node: FdtNode | undefined, name: string): FdtNode | undefined {
  return node?.children.find(
    (child) => child.name === name || (!name.includes('@') && child.name.startsWith(`${name}@`)),
  );
}

/** The first property of that name. */
export function property(node: FdtNode | undefined, name: string): FdtProp | undefined {
  return node?.props.find((prop) => prop.name === name);
}

/** The value, at most `most` bytes of it. */
export function valueOf(source: ByteSource, prop: FdtProp | undefined, most = 4096): Buffer {
  if (prop === undefined) return Buffer.alloc(0);
  return Buffer.from(source.read(prop.valueStart, Math.min(prop.valueEnd, prop.valueStart + most)));
}

/** The strings of a value, each of which must end with a zero; undefined when one does not. */
export function stringsOf(source: ByteSource, prop: FdtProp | undefined): string[] | undefined {
  const bytes = valueOf(source, prop, 16_384);
  if (bytes.length === 0 || bytes.at(-1) !== 0) return undefined;
  return bytes.toString('latin1', 0, bytes.length - 1).split('\0');
}

/** The first string of a value; undefined when there is none. */
export function stringOf(source: ByteSource, prop: FdtProp | undefined): string | undefined {
  return stringsOf(source, prop)?.[0];
}

/** The first cell of a value; undefined when it is shorter. */
export function cellOf(source: ByteSource, prop: FdtProp | undefined, index = 0): number | undefined {
  const bytes = valueOf(source, prop);
  return bytes.length < 4 * index + 4 ? undefined : bytes.readUInt32BE(4 * index);
}
