/**
 * One small file out of the root folder of a squashfs 4.0: the manifest of a plain bundle, which tells what a device that
 * installed it should run.
 *
 * Source: Linux, fs/squashfs/squashfs_fs.h (struct squashfs_super_block, squashfs_dir_inode, squashfs_reg_inode,
 * squashfs_dir_entry, squashfs_fragment_entry); fs/squashfs/block.c.
 */

import { inflateSync } from 'node:zlib';
import type { ByteSource } from '../../byte-source.ts';
import { readSuperblock, superblockBytes } from './squashfs.ts';

/** Uncompressed bytes of a block of inodes, folders or fragment places. */
const metadataBytes = 8192;
const mostDataBlockBytes = 1024 * 1024;
const notInFragment = 0xffffffff;
const placesPerBlock = metadataBytes / 16;
const [basicFolder, basicFile, extendedFolder, extendedFile] = [1, 2, 8, 9];

/**
 * Never throws. Reading is bounded, whatever a length says.
 *
 * @param end of the squashfs in the file
 * @param mostBytes a longer file is not read
 * @returns undefined when there is no such file, it is too long, or it is compressed by other means than zlib
 */
export function readRootFile(
  source: ByteSource,
  end: number,
  name: string,
  mostBytes: number,
): Buffer | undefined {
  try {
    return new Squashfs(source, end).rootFile(name, mostBytes);
  } catch (error) {
    // What does not hold together: a place outside (RangeError), or bytes that zlib refuses (Error with a code).
    if (error instanceof RangeError || (error instanceof Error && 'code' in error)) return undefined;
    throw error;
  }
}

/** A stretch of metadata: blocks of their own length, read one behind the other. */
class Metadata {
  readonly #fs: Squashfs;
  #next: number;
  #bytes: Buffer;

  constructor(fs: Squashfs, blockAt: number, offset: number) {
    this.#fs = fs;
    const { bytes, next } = fs.metadata(blockAt);
    this.#next = next;
    this.#bytes = bytes.subarray(offset);
  }

  /** @throws RangeError when there are not so many */
  take(length: number): Buffer {
    while (this.#bytes.length < length) {
      const { bytes, next } = this.#fs.metadata(this.#next);
      if (bytes.length === 0) throw new RangeError('an empty metadata block');
      this.#next = next;
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
    }
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

interface FileInode {
  start: number;
  size: number;
  fragment: number;
  offset: number;
  blocks: readonly number[];
}

class Squashfs {
  readonly #source: ByteSource;
  readonly #end: number;
  readonly #super: Buffer;
  readonly #blockSize: number;

  /** @throws RangeError when it is none */
  constructor(source: ByteSource, end: number) {
    this.#source = source;
    this.#end = Math.min(end, source.size);
    const superblock = readSuperblock(source, this.#end);
    if (superblock === undefined) throw new RangeError('no superblock');
    if (superblock.blockSize < 4096 || superblock.blockSize > mostDataBlockBytes)
      throw new RangeError('block size');
    this.#blockSize = superblock.blockSize;
    this.#super = this.#read(0, superblockBytes);
  }

  rootFile(name: string, mostBytes: number): Buffer | undefined {
    const root = this.#super.readBigUInt64LE(32);
    const place = this.#find(name, this.#inode(Number(root >> 16n), Number(root & 0xffffn)));
    const file = place === undefined ? undefined : this.#file(this.#inode(place.block, place.offset));
    return file === undefined || file.size > mostBytes ? undefined : this.#contents(file);
  }

  /** The block of metadata that starts at a place in the file, and where the next one does. */
  metadata(at: number): { bytes: Buffer; next: number } {
    const header = this.#read(at, 2).readUInt16LE();
    const length = header & 0x7fff || 0x8000;
    const stored = this.#read(at + 2, length);
    const bytes = (header & 0x8000) === 0 ? inflated(stored, metadataBytes) : stored;
    return { bytes, next: at + 2 + length };
  }

  #inode(block: number, offset: number): Metadata {
    return new Metadata(this, this.#table('inodes') + block, offset);
  }

  #table(which: 'inodes' | 'folders' | 'fragments'): number {
    return Number(this.#super.readBigUInt64LE({ inodes: 64, folders: 72, fragments: 80 }[which]));
  }

  /** Where the inode of an entry of a folder lies. */
  #find(name: string, inode: Metadata): { block: number; offset: number } | undefined {
    const type = inode.take(16).readUInt16LE();
    if (type !== basicFolder && type !== extendedFolder) return undefined;
    const fields = inode.take(type === basicFolder ? 16 : 24);
    const isBasic = type === basicFolder;
    const start = fields.readUInt32LE(isBasic ? 0 : 8);
    const offset = fields.readUInt16LE(isBasic ? 10 : 18);
    // Three more than there are: for `.` and `..`, which are not stored.
    let left = (isBasic ? fields.readUInt16LE(8) : fields.readUInt32LE(4)) - 3;
    const folder = new Metadata(this, this.#table('folders') + start, offset);
    while (left > 0) {
      const header = folder.take(12);
      left -= 12;
      for (let entries = header.readUInt32LE() + 1; entries > 0 && left > 0; entries -= 1) {
        const entry = folder.take(8);
        const length = entry.readUInt16LE(6) + 1;
        left -= 8 + length;
        if (folder.take(length).toString('latin1') === name)
          return { block: header.readUInt32LE(4), offset: entry.readUInt16LE() };
      }
    }
    return undefined;
  }

  #file(inode: Metadata): FileInode | undefined {
    const type = inode.take(16).readUInt16LE();
    if (type !== basicFile && type !== extendedFile) return undefined;
    const isBasic = type === basicFile;
    const fields = inode.take(isBasic ? 16 : 40);
    const size = isBasic ? fields.readUInt32LE(12) : Number(fields.readBigUInt64LE(8));
    const fragment = fields.readUInt32LE(isBasic ? 4 : 28);
    const whole = size / this.#blockSize;
    const count = fragment === notInFragment ? Math.ceil(whole) : Math.floor(whole);
    if (count > 64) throw new RangeError('too many blocks for a small file');
    const list = inode.take(4 * count);
    return {
      start: isBasic ? fields.readUInt32LE() : Number(fields.readBigUInt64LE()),
      size,
      fragment,
      offset: fields.readUInt32LE(isBasic ? 8 : 32),
      blocks: Array.from({ length: count }, (_, index) => list.readUInt32LE(4 * index)),
    };
  }

  #contents({ start, size, fragment, offset, blocks }: FileInode): Buffer {
    const parts: Buffer[] = [];
    let at = start;
    for (const block of blocks) {
      parts.push(block === 0 ? Buffer.alloc(this.#blockSize) : this.#data(at, block)); // 0: a hole
      at += block & 0xffffff;
    }
    if (fragment !== notInFragment) parts.push(this.#fragment(fragment).subarray(offset));
    const whole = Buffer.concat(parts);
    if (whole.length < size) throw new RangeError('the file ends early');
    return whole.subarray(0, size);
  }

  #fragment(index: number): Buffer {
    const table = this.#read(this.#table('fragments') + 8 * Math.floor(index / placesPerBlock), 8);
    const offset = 16 * (index % placesPerBlock);
    const place = new Metadata(this, Number(table.readBigUInt64LE()), offset).take(16);
    return this.#data(Number(place.readBigUInt64LE()), place.readUInt32LE(8));
  }

  /** A data block; bit 24 of its size says that it is stored as it is. */
  #data(at: number, size: number): Buffer {
    const stored = this.#read(at, size & 0xffffff);
    return (size & 0x1000000) === 0 ? inflated(stored, this.#blockSize) : stored;
  }

  /** @throws RangeError when it reaches beyond the file system */
  #read(at: number, length: number): Buffer {
    if (!Number.isSafeInteger(at) || at < 0 || length > mostDataBlockBytes || at + length > this.#end) {
      throw new RangeError(`${length} bytes at ${at} lie outside`);
    }
    return Buffer.from(this.#source.read(at, at + length));
  }
}

function inflated(bytes: Buffer, mostBytes: number): Buffer {
  return inflateSync(bytes, { maxOutputLength: mostBytes });
}
