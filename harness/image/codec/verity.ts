/**
 * The hash tree of dm-verity, format version 1, without superblock: SHA-256 over salt ‖ block, blocks of 4096 bytes,
 * 128 digests to a hash block, the rest of each hash block zero.
 *
 * The tree follows the data. Its highest level comes first, the digests of the data last.
 *
 * Source: Linux, Documentation/admin-guide/device-mapper/verity.rst, "Hash Tree"; RAUC, src/verity_hash.c.
 */

import { createHash, type Hash } from 'node:crypto';
import { pieces, rootOf, type ByteSource } from '../byte-source.ts';
import { overwrite, patched, PatchSet } from '../patch-set.ts';

export const verityBlockBytes = 4096;
export const verityDigestBytes = 32;
const digestsPerBlock = verityBlockBytes / verityDigestBytes;
/** Data below one hash block of the lowest level: 512 KiB. */
const groupBytes = digestsPerBlock * verityBlockBytes;

/** One level of the tree. */
export interface VerityLevel {
  /** Offset in the file, bytes. */
  start: number;
  /** Hash blocks. */
  blocks: number;
  /** Digests in all of its blocks. */
  digests: number;
}

/** Where data and tree lie. */
export interface VerityLayout {
  dataBlocks: number;
  /** From the data upwards: `levels[0]` holds the digests of the data blocks. Empty for a single data block. */
  levels: readonly VerityLevel[];
  treeBytes: number;
}

/** The layout of the tree of so many blocks of data, which begin at offset 0, with the tree right behind them. */
export function verityLayout(dataBlocks: number): VerityLayout {
  const sizes: { blocks: number; digests: number }[] = [];
  for (let below = dataBlocks; below > 1; below = Math.ceil(below / digestsPerBlock)) {
    sizes.push({ blocks: Math.ceil(below / digestsPerBlock), digests: below });
  }
  let at = dataBlocks * verityBlockBytes;
  const levels = sizes
    .reverse()
    .map(({ blocks, digests }): VerityLevel => {
      const start = at;
      at += blocks * verityBlockBytes;
      return { start, blocks, digests };
    })
    .reverse();
  return { dataBlocks, levels, treeBytes: at - dataBlocks * verityBlockBytes };
}

/** The layout of data and tree that are so many blocks together; undefined when no tree comes out at that. */
export function verityLayoutOfWhole(blocks: number): VerityLayout | undefined {
  let low = 1;
  let high = blocks;
  while (low <= high) {
    const dataBlocks = Math.floor((low + high) / 2);
    const layout = verityLayout(dataBlocks);
    const whole = dataBlocks + layout.treeBytes / verityBlockBytes;
    if (whole === blocks) return layout;
    if (whole < blocks) low = dataBlocks + 1;
    else high = dataBlocks - 1;
  }
  return undefined;
}

/** What does not fit, and where. */
export interface VerityFault {
  kind:
    /** A block of data and its digest in the tree. */
    | 'data'
    /** A hash block and its digest in the level above, or its unused rest is not zero. */
    | 'tree'
    /** The tree and the root hash. */
    | 'root';
  detail: string;
}

/**
 * The first fault of data and tree; undefined when all fits. Hashes every block of data once, in memory that does not
 * depend on the size.
 */
export function checkVerity(
  source: ByteSource,
  layout: VerityLayout,
  salt: Uint8Array,
  root: Uint8Array,
): VerityFault | undefined {
  const salted = createHash('sha256').update(salt);
  return (
    checkData(source, layout, salt, salted) ??
    checkLevels(source, layout, salted) ??
    checkRoot(source, layout, salted, root)
  );
}

function checkData(
  source: ByteSource,
  { dataBlocks, levels }: VerityLayout,
  salt: Uint8Array,
  salted: Hash,
): VerityFault | undefined {
  const [lowest] = levels;
  if (lowest === undefined) return undefined;
  const saltHex = Buffer.from(salt).toString('hex');
  for (let group = 0; group < lowest.blocks; group += 1) {
    const at = group * groupBytes;
    const bytes = Math.min(groupBytes, dataBlocks * verityBlockBytes - at);
    const computed = groupDigests(source, at, bytes, saltHex, salted);
    const stored = source.read(
      lowest.start + group * verityBlockBytes,
      lowest.start + (group + 1) * verityBlockBytes,
    );
    const different = firstDifference(computed, stored);
    if (different !== undefined) {
      const block = group * digestsPerBlock + Math.floor(different / verityDigestBytes);
      return block < dataBlocks
        ? {
            kind: 'data',
            detail: `block ${block} of ${dataBlocks} does not have the digest that the tree says`,
          }
        : { kind: 'tree', detail: `the unused rest of hash block ${group} of the lowest level is not zero` };
    }
  }
  return undefined;
}

function checkLevels(source: ByteSource, { levels }: VerityLayout, salted: Hash): VerityFault | undefined {
  for (const [index, level] of levels.entries()) {
    const above = levels[index + 1];
    if (above === undefined) break;
    for (let group = 0; group < above.blocks; group += 1) {
      const from = level.start + group * groupBytes;
      const bytes = Math.min(groupBytes, level.start + level.blocks * verityBlockBytes - from);
      const computed = hashGroup(source, from, bytes, salted);
      const stored = source.read(
        above.start + group * verityBlockBytes,
        above.start + (group + 1) * verityBlockBytes,
      );
      const different = firstDifference(computed, stored);
      if (different !== undefined) {
        return {
          kind: 'tree',
          detail: `level ${index + 1} does not fit level ${index} at its byte ${group * verityBlockBytes + different}`,
        };
      }
    }
  }
  return undefined;
}

function checkRoot(
  source: ByteSource,
  layout: VerityLayout,
  salted: Hash,
  root: Uint8Array,
): VerityFault | undefined {
  const actual = topDigest(source, layout, salted);
  if (actual.equals(root)) return undefined;
  const said = Buffer.from(root).toString('hex');
  return {
    kind: 'root',
    detail: `the root hash is said to be ${said}, the tree has ${actual.toString('hex')}`,
  };
}

function topDigest(source: ByteSource, { levels }: VerityLayout, salted: Hash): Buffer {
  const at = levels.at(-1)?.start ?? 0;
  return salted
    .copy()
    .update(source.read(at, at + verityBlockBytes))
    .digest();
}

/** Digests of a group, zero-padded to a hash block, by the source that the bytes come from: hashed once. */
const remembered = new WeakMap<ByteSource, Map<string, Buffer>>();
/** Groups remembered of one source: 64 MiB of digests, of 8 GiB of data. */
const mostGroups = 16 * 1024;

function groupDigests(source: ByteSource, at: number, bytes: number, salt: string, salted: Hash): Buffer {
  const origin = rootOf(source, at);
  if (origin.kind !== 'copy' || origin.end < at + bytes) return hashGroup(source, at, bytes, salted);
  const known = remembered.get(origin.source) ?? new Map<string, Buffer>();
  remembered.set(origin.source, known);
  const key = `${origin.from} ${bytes} ${salt}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const digests = hashGroup(source, at, bytes, salted);
  if (known.size < mostGroups) known.set(key, digests);
  return digests;
}

function hashGroup(source: ByteSource, at: number, bytes: number, salted: Hash): Buffer {
  const digests = Buffer.alloc(verityBlockBytes);
  let filled = 0;
  const buffer = new Uint8Array(Math.min(groupBytes, bytes));
  for (const piece of pieces(source, { start: at, end: at + bytes }, buffer)) {
    for (let block = 0; block < piece.length; block += verityBlockBytes) {
      const digest = salted
        .copy()
        .update(piece.subarray(block, block + verityBlockBytes))
        .digest();
      filled += digest.copy(digests, filled);
    }
  }
  return digests;
}

function firstDifference(computed: Uint8Array, stored: Uint8Array): number | undefined {
  if (Buffer.compare(computed, stored) === 0) return undefined;
  return Math.max(
    0,
    computed.findIndex((byte, index) => byte !== stored[index]),
  );
}

/** What a change of data makes of the tree above it. */
export interface VerityUpdate {
  /** Digests to be written into the file, 32 bytes each. */
  digests: readonly { at: number; digest: Buffer }[];
  root: Buffer;
}

/**
 * The digests that change when data changes: one in each level for each block.
 *
 * @param altered the file with its data changed, its tree still the old one; lengths unchanged
 * @param range the bytes of data that may differ
 */
export function updateVerity(
  altered: ByteSource,
  layout: VerityLayout,
  salt: Uint8Array,
  range: { start: number; end: number },
): VerityUpdate {
  const salted = createHash('sha256').update(salt);
  const digests: { at: number; digest: Buffer }[] = [];
  let first = Math.floor(range.start / verityBlockBytes);
  let last = Math.floor((range.end - 1) / verityBlockBytes);
  let below = 0;
  let current = altered;
  for (const level of layout.levels) {
    for (let block = first; block <= last; block += 1) {
      const from = below + block * verityBlockBytes;
      const digest = salted
        .copy()
        .update(current.read(from, from + verityBlockBytes))
        .digest();
      const at = level.start + block * verityDigestBytes;
      if (!digest.equals(altered.read(at, at + verityDigestBytes))) digests.push({ at, digest });
    }
    const patches = digests.map(({ at, digest }) => overwrite(at, digest));
    current = patched(altered, new PatchSet(altered.size, patches));
    below = level.start;
    first = Math.floor(first / digestsPerBlock);
    last = Math.floor(last / digestsPerBlock);
  }
  return { digests, root: topDigest(current, layout, salted) };
}
