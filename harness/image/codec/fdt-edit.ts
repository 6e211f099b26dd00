/**
 * Edits of a device tree as patches: inserts may copy ranges of the base, so that a node with hundreds of megabytes of
 * data is cloned without reading it. What lies behind an edit moves, and the header follows.
 */

import type { ByteSource } from '../byte-source.ts';
import { insertedBytes, overwrite, type Insert, type Patch } from '../patch-set.ts';
import {
  aligned,
  fdtHeaderFields,
  fdtTags,
  type FdtHeaderField,
  type FdtNode,
  type FdtProp,
  type FdtTree,
} from './fdt.ts';

/** A value, as bytes or as inserts. */
export type FdtValue = Uint8Array | readonly Insert[];

export function cells(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value, 4 * index));
  return bytes;
}

/** Strings as a value, each with its zero. */
export function strings(...values: string[]): Buffer {
  return Buffer.from(values.map((value) => `${value}\0`).join(''), 'latin1');
}

/** What is put in comes before what replaces at the same place. */
const byPlace = (a: Patch, b: Patch): number => a.at - b.at || a.remove - b.remove;

const bytesInsert = (bytes: Uint8Array): Insert => ({ kind: 'bytes', bytes });
const insertsOf = (value: FdtValue): readonly Insert[] =>
  value instanceof Uint8Array ? [bytesInsert(value)] : value;

/** `[start, end)` of the base with patches applied to it. */
export function copyWith(start: number, end: number, patches: readonly Patch[]): Insert[] {
  const inserts: Insert[] = [];
  let at = start;
  for (const patch of [...patches].sort(byPlace)) {
    if (patch.at > at) inserts.push({ kind: 'copy', start: at, end: patch.at });
    inserts.push(...patch.insert);
    at = patch.at + patch.remove;
  }
  if (end > at) inserts.push({ kind: 'copy', start: at, end });
  return inserts;
}

/** Collects edits of one tree. Each method that only makes a patch leaves it to the caller to {@link apply} it. */
export class FdtEditor {
  readonly #source: ByteSource;
  readonly #header: NonNullable<FdtTree['header']>;
  readonly #tree: FdtTree;
  readonly #edits: Patch[] = [];
  readonly #fields = new Map<FdtHeaderField, number>();
  #newStrings = Buffer.alloc(0);

  constructor(source: ByteSource, tree: FdtTree) {
    if (tree.header === undefined) throw new RangeError('no device tree');
    this.#source = source;
    this.#tree = tree;
    this.#header = tree.header;
  }

  apply(...patches: readonly Patch[]): void {
    this.#edits.push(...patches);
  }

  /** Whether an edit reaches into the property. */
  edits(prop: FdtProp): boolean {
    return this.#edits.some(({ at, remove }) => at < prop.end && at + remove > prop.start);
  }

  /** Writes a header field, whatever the edits make of it. */
  setField(field: FdtHeaderField, value: number): void {
    this.#fields.set(field, value);
  }

  /** Offset of a name in the strings block, where it is appended if need be. */
  nameOffset(name: string): number {
    const known = Buffer.concat([this.#tree.strings, this.#newStrings]);
    const wanted = strings(name);
    for (let at = known.indexOf(wanted); at >= 0; at = known.indexOf(wanted, at + 1)) {
      if (at === 0 || known[at - 1] === 0) return at;
    }
    this.#newStrings = Buffer.concat([this.#newStrings, wanted]);
    return known.length;
  }

  /** A property with tag, length, name offset, value and padding. */
  prop(name: string, value: FdtValue): Insert[] {
    const inserts = insertsOf(value);
    const bytes = insertedBytes(inserts);
    return [
      bytesInsert(cells(fdtTags.PROP, bytes, this.nameOffset(name))),
      ...inserts,
      bytesInsert(Buffer.alloc(aligned(bytes) - bytes)),
    ];
  }

  /** A node with its properties and what lies in it. */
  node(
    name: string,
    props: readonly (readonly [string, FdtValue])[],
    inside: readonly Insert[] = [],
  ): Insert[] {
    return [
      bytesInsert(Buffer.concat([cells(fdtTags.BEGIN_NODE), paddedName(name)])),
      ...props.flatMap(([prop, value]) => this.prop(prop, value)),
      ...inside,
      bytesInsert(cells(fdtTags.END_NODE)),
    ];
  }

  /** Gives a property another value: in place when the length stays. */
  withValue(prop: FdtProp, value: FdtValue): Patch {
    const inserts = insertsOf(value);
    if (insertedBytes(inserts) === prop.valueEnd - prop.valueStart) {
      return { at: prop.valueStart, remove: prop.valueEnd - prop.valueStart, insert: inserts };
    }
    return { at: prop.start, remove: prop.end - prop.start, insert: this.prop(prop.name, value) };
  }

  withoutProp(prop: FdtProp): Patch {
    return { at: prop.start, remove: prop.end - prop.start, insert: [] };
  }

  /** Puts a property before all others of the node. */
  withProp(node: FdtNode, name: string, value: FdtValue): Patch {
    return { at: node.contentStart, remove: 0, insert: this.prop(name, value) };
  }

  /** Sets the property, or adds it. */
  withSet(node: FdtNode, name: string, value: FdtValue): Patch {
    const prop = node.props.find((candidate) => candidate.name === name);
    return prop === undefined ? this.withProp(node, name, value) : this.withValue(prop, value);
  }

  renamed(node: FdtNode, name: string): Patch {
    const at = node.start + 4;
    return { at, remove: node.contentStart - at, insert: [bytesInsert(paddedName(name))] };
  }

  /** A copy of a node, with patches to what is in it. */
  copy(node: FdtNode, patches: readonly Patch[] = []): Insert[] {
    return copyWith(node.start, node.end, patches);
  }

  withoutNode(node: FdtNode): Patch {
    return { at: node.start, remove: node.end - node.start, insert: [] };
  }

  /** Puts something before a node. */
  before(node: FdtNode, ...inserts: readonly Insert[]): Patch {
    return { at: node.start, remove: 0, insert: inserts };
  }

  /** Puts something at the end of a node, behind its last subnode. */
  atEndOf(node: FdtNode, ...inserts: readonly Insert[]): Patch {
    return { at: node.end - 4, remove: 0, insert: inserts };
  }

  /** By how many bytes everything behind the tree moves; a multiple of 4. */
  get growth(): number {
    return this.#structureGrowth + aligned(this.#newStrings.length);
  }

  get #structureGrowth(): number {
    return this.#edits.reduce((sum, { insert, remove }) => sum + insertedBytes(insert) - remove, 0);
  }

  /** True when edits that change lengths can be made: the strings lie behind the structure, as all tools write it. */
  get usual(): boolean {
    const { off_mem_rsvmap, off_dt_struct, off_dt_strings } = this.#header;
    return off_mem_rsvmap < off_dt_struct && off_dt_struct < off_dt_strings;
  }

  /** All edits, with the header that fits them. */
  patches(): Patch[] {
    const header = this.#header;
    const grown = this.#structureGrowth;
    const added = this.#newStrings;
    const fields = new Map<FdtHeaderField, number>();
    if (grown !== 0) {
      fields.set('off_dt_strings', header.off_dt_strings + grown);
      fields.set('size_dt_struct', header.size_dt_struct + grown);
    }
    if (added.length > 0) fields.set('size_dt_strings', header.size_dt_strings + added.length);
    if (this.growth !== 0) fields.set('totalsize', header.totalsize + this.growth);
    for (const [field, value] of this.#fields) fields.set(field, value);
    const edits = [...this.#edits];
    if (added.length > 0) {
      const padding = Buffer.alloc(aligned(added.length) - added.length);
      const end = header.off_dt_strings + header.size_dt_strings;
      edits.push({ at: end, remove: 0, insert: [bytesInsert(Buffer.concat([added, padding]))] });
    }
    for (const [field, value] of fields) {
      if (value !== header[field]) edits.push(overwrite(4 * fdtHeaderFields.indexOf(field), cells(value)));
    }
    return merged(edits).filter((patch) => this.#changes(patch));
  }

  /** A patch that writes what is there already would be no change that was meant. */
  #changes({ at, remove, insert }: Patch): boolean {
    const [only] = insert;
    if (insert.length !== 1 || only?.kind !== 'bytes' || only.bytes.length !== remove) return true;
    return Buffer.compare(only.bytes, this.#source.read(at, at + remove)) !== 0;
  }
}

function paddedName(name: string): Buffer {
  const bytes = Buffer.alloc(aligned(Buffer.byteLength(name, 'latin1') + 1));
  bytes.write(name, 'latin1');
  return bytes;
}

/** Patches at one place as one, what is put in before what replaces. */
function merged(patches: readonly Patch[]): Patch[] {
  const places = new Map<number, Patch>();
  for (const patch of [...patches].sort(byPlace)) {
    const before = places.get(patch.at);
    places.set(
      patch.at,
      before === undefined
        ? patch
        : { at: patch.at, remove: before.remove + patch.remove, insert: [...before.insert, ...patch.insert] },
    );
  }
  return [...places.values()];
}
