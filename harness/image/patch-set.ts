/**
 * An alteration of an image, as patches in the base's coordinates. Nothing is copied until bytes are asked for, so
 * a patched 512 MB image costs no memory and an image beyond 2 GiB needs no disk.
 */

import { BenchError } from '../errors.ts';
import { clip, type ByteSource } from './byte-source.ts';

/**
 * What a patch puts in. `copy` takes `[start, end)` of the *base*, `second` of another genuine image; `fill` repeats one
 * byte.
 */
export type Insert =
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'copy'; start: number; end: number }
  | { kind: 'second'; source: ByteSource; start: number; end: number }
  | { kind: 'fill'; byte: number; count: number };

/** Removes `remove` bytes of the base at `at`, and puts the inserts there, in order. */
export interface Patch {
  at: number;
  remove: number;
  insert: readonly Insert[];
}

/** A patch that overwrites bytes in place. */
export function overwrite(at: number, bytes: Uint8Array): Patch {
  return { at, remove: bytes.length, insert: [{ kind: 'bytes', bytes }] };
}

/** Bytes `[start, end)` of another genuine image; all of them by default. */
export function ofSecond(source: ByteSource, start = 0, end = source.size): Insert {
  return { kind: 'second', source, start, end };
}

export function insertBytes(at: number, bytes: Uint8Array): Patch {
  return { at, remove: 0, insert: [{ kind: 'bytes', bytes }] };
}

export function cut(at: number, remove: number): Patch {
  return { at, remove, insert: [] };
}

/** Patches in ascending order that do not overlap, checked against the size of their base. */
export class PatchSet {
  readonly patches: readonly Patch[];
  readonly baseBytes: number;

  /**
   * @param patches in any order
   * @throws BenchError `bad-patch` when two overlap or share a position, or when one lies outside the base
   */
  constructor(baseBytes: number, patches: readonly Patch[]) {
    this.baseBytes = baseBytes;
    this.patches = [...patches].sort((a, b) => a.at - b.at);
    let free = 0;
    let last = -1;
    for (const patch of this.patches) {
      checkPatch(patch, baseBytes);
      if (patch.at < free || patch.at === last) {
        throw bad(`patches meet at ${patch.at}: the one before ends at ${free}`, patch);
      }
      last = patch.at;
      free = patch.at + patch.remove;
    }
  }

  /** True when it changes no length and no byte could differ: there is nothing in it. */
  get empty(): boolean {
    return this.patches.every(({ remove, insert }) => remove === 0 && insertedBytes(insert) === 0);
  }
}

function checkPatch(patch: Patch, baseBytes: number): void {
  if (!isCount(patch.at) || !isCount(patch.remove) || patch.at + patch.remove > baseBytes) {
    throw bad(
      `[${patch.at}, ${patch.at + patch.remove}) does not lie in a base of ${baseBytes} bytes`,
      patch,
    );
  }
  for (const insert of patch.insert) {
    if (insert.kind === 'copy') {
      const { start, end } = insert;
      if (!isCount(start) || !isCount(end) || start > end || end > baseBytes) {
        throw bad(`copy of [${start}, ${end}) does not lie in a base of ${baseBytes} bytes`, patch);
      }
    } else if (insert.kind === 'second') {
      const { start, end, source } = insert;
      if (!isCount(start) || !isCount(end) || start > end || end > source.size) {
        throw bad(`[${start}, ${end}) does not lie in a second image of ${source.size} bytes`, patch);
      }
    } else if (insert.kind === 'fill') {
      if (!isCount(insert.count) || !isCount(insert.byte) || insert.byte > 255) {
        throw bad(`fill of ${insert.count} times ${insert.byte}`, patch);
      }
    }
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function bad(what: string, patch: Patch): BenchError {
  return new BenchError('bad-patch', `patch at ${patch.at}: ${what}`, {
    data: { at: patch.at, remove: patch.remove },
  });
}

function bytesOf(insert: Insert): number {
  switch (insert.kind) {
    case 'bytes':
      return insert.bytes.length;
    case 'copy':
    case 'second':
      return insert.end - insert.start;
    case 'fill':
      return insert.count;
  }
}

export function insertedBytes(inserts: readonly Insert[]): number {
  return inserts.reduce((sum, insert) => sum + bytesOf(insert), 0);
}

/** One run of the output. */
interface Piece {
  start: number;
  end: number;
  from: Insert;
}

/** The altered image, read lazily. */
export function patched(base: ByteSource, set: PatchSet): ByteSource {
  if (set.baseBytes !== base.size) {
    throw new BenchError(
      'wrong-base',
      `patches for a base of ${set.baseBytes} bytes, used on ${base.size} bytes`,
    );
  }
  const pieces = layOut(base.size, set.patches);
  const size = pieces.at(-1)?.end ?? 0;
  const readInto = (target: Uint8Array, start: number): number => {
    const range = clip(start, start + target.length, size);
    for (let index = pieceAt(pieces, range.start); index < pieces.length; index += 1) {
      const piece = pieces[index];
      if (piece === undefined || piece.start >= range.end) break;
      const from = Math.max(piece.start, range.start);
      const to = Math.min(piece.end, range.end);
      fill(target.subarray(from - range.start, to - range.start), base, piece, from - piece.start);
    }
    return range.end - range.start;
  };
  return {
    size,
    readInto,
    read(start, end) {
      const range = clip(start, end, size);
      const out = new Uint8Array(range.end - range.start);
      readInto(out, range.start);
      return out;
    },
    origin(at) {
      const piece = pieces[pieceAt(pieces, at)];
      if (piece === undefined) return undefined;
      const { from, start, end } = piece;
      if (from.kind === 'copy') return { kind: 'copy', source: base, from: from.start + (at - start), end };
      if (from.kind === 'second') {
        return { kind: 'copy', source: from.source, from: from.start + (at - start), end };
      }
      return from.kind === 'fill'
        ? { kind: 'fill', byte: from.byte, end }
        : { kind: 'bytes', bytes: from.bytes.subarray(at - start), end };
    },
  };
}

function layOut(baseBytes: number, patches: readonly Patch[]): Piece[] {
  const pieces: Piece[] = [];
  const add = (from: Insert): void => {
    const start = pieces.at(-1)?.end ?? 0;
    if (bytesOf(from) > 0) pieces.push({ start, end: start + bytesOf(from), from });
  };
  let at = 0;
  for (const patch of patches) {
    add({ kind: 'copy', start: at, end: patch.at });
    for (const insert of patch.insert) add(insert);
    at = patch.at + patch.remove;
  }
  add({ kind: 'copy', start: at, end: baseBytes });
  return pieces;
}

/** Index of the piece that holds an output offset. */
function pieceAt(pieces: readonly Piece[], offset: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pieces[middle]?.end ?? Infinity) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Writes the bytes of a piece, from an offset inside it on, into the target. */
function fill(target: Uint8Array, base: ByteSource, { from }: Piece, offset: number): void {
  switch (from.kind) {
    case 'bytes':
      target.set(from.bytes.subarray(offset, offset + target.length));
      return;
    case 'copy':
      base.readInto(target, from.start + offset);
      return;
    case 'second':
      from.source.readInto(target, from.start + offset);
      return;
    case 'fill':
      target.fill(from.byte);
      return;
  }
}

/**
 * Where a place in the base is found in the output. What is put in at the place itself, without removing anything, comes
 * before it.
 */
export function mapped(set: PatchSet, at: number): number {
  let shift = 0;
  for (const patch of set.patches) {
    const inserted = insertedBytes(patch.insert);
    if (patch.at > at || (patch.at === at && patch.remove > 0)) break;
    if (patch.at + patch.remove > at) return patch.at + shift + Math.min(at - patch.at, inserted);
    shift += inserted - patch.remove;
  }
  return at + shift;
}

/** Patches as plain data, for the record; bytes in lower-case hex. */
export type PatchRecord = {
  at: number;
  remove: number;
  insert: (
    | { bytes: string }
    | { copy: [start: number, end: number] }
    | { second: [start: number, end: number] }
    | { fill: number; count: number }
  )[];
};

export function patchesToRecord(set: PatchSet): PatchRecord[] {
  return set.patches.map(({ at, remove, insert }) => ({
    at,
    remove,
    insert: insert.map((part) => {
      if (part.kind === 'bytes') return { bytes: Buffer.from(part.bytes).toString('hex') };
      if (part.kind === 'copy') return { copy: [part.start, part.end] };
      if (part.kind === 'second') return { second: [part.start, part.end] };
      return { fill: part.byte, count: part.count };
    }),
  }));
}

function noSecond(): BenchError {
  return new BenchError(
    'no-second-image',
    'the image was made with bytes of a second one, which is not given',
  );
}

/**
 * The way back: any attack image can be rebuilt from its base and its record, and the second image where it took from it.
 *
 * @throws BenchError `no-second-image`
 */
export function patchesFromRecord(
  baseBytes: number,
  record: readonly PatchRecord[],
  second?: ByteSource,
): PatchSet {
  return new PatchSet(
    baseBytes,
    record.map(({ at, remove, insert }) => ({
      at,
      remove,
      insert: insert.map((part): Insert => {
        if ('bytes' in part) return { kind: 'bytes', bytes: Buffer.from(part.bytes, 'hex') };
        if ('copy' in part) return { kind: 'copy', start: part.copy[0], end: part.copy[1] };
        if ('second' in part) {
          const [start, end] = part.second;
          if (second === undefined) throw noSecond();
          return { kind: 'second', source: second, start, end };
        }
        return { kind: 'fill', byte: part.fill, count: part.count };
      }),
    })),
  );
}
