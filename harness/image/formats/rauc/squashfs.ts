/**
 * The superblock of squashfs 4.0: 96 bytes, little-endian.
 *
 * Source: Linux, fs/squashfs/squashfs_fs.h, struct squashfs_super_block.
 */

import type { ByteSource } from '../../byte-source.ts';

export const squashfsMagic = 0x73717368; // `hsqs`
export const superblockBytes = 96;

/** Fields in file order; `at` and `bytes` in bytes. */
export const superblockFields = [
  { name: 'magic', at: 0, bytes: 4 },
  { name: 'inodes', at: 4, bytes: 4 },
  { name: 'mkfs_time', at: 8, bytes: 4 },
  { name: 'block_size', at: 12, bytes: 4 },
  { name: 'fragments', at: 16, bytes: 4 },
  { name: 'compression', at: 20, bytes: 2 },
  { name: 'block_log', at: 22, bytes: 2 },
  { name: 'flags', at: 24, bytes: 2 },
  { name: 'no_ids', at: 26, bytes: 2 },
  { name: 's_major', at: 28, bytes: 2 },
  { name: 's_minor', at: 30, bytes: 2 },
  { name: 'root_inode', at: 32, bytes: 8 },
  { name: 'bytes_used', at: 40, bytes: 8 },
  { name: 'id_table_start', at: 48, bytes: 8 },
  { name: 'xattr_id_table_start', at: 56, bytes: 8 },
  { name: 'inode_table_start', at: 64, bytes: 8 },
  { name: 'directory_table_start', at: 72, bytes: 8 },
  { name: 'fragment_table_start', at: 80, bytes: 8 },
  { name: 'lookup_table_start', at: 88, bytes: 8 },
] as const;

export type SuperblockField = (typeof superblockFields)[number]['name'];

const compressions = new Map([
  [1, 'gzip'],
  [2, 'lzma'],
  [3, 'lzo'],
  [4, 'xz'],
  [5, 'lz4'],
  [6, 'zstd'],
]);

export interface Superblock {
  magic: number;
  /** Bytes of the file system without its padding; may lie beyond the file. */
  bytesUsed: bigint;
  /** `gzip`; the number where it has no name. */
  compression: string;
  blockSize: number;
  /** Seconds since 1970. */
  mkfsTime: number;
  /** `4.0` */
  version: string;
}

/** The superblock at the beginning of a file; undefined when less than it is there. */
export function readSuperblock(source: ByteSource, end: number): Superblock | undefined {
  const bytes = Buffer.from(source.read(0, Math.min(superblockBytes, end)));
  if (bytes.length < superblockBytes) return undefined;
  const compression = bytes.readUInt16LE(20);
  return {
    magic: bytes.readUInt32LE(0),
    mkfsTime: bytes.readUInt32LE(8),
    blockSize: bytes.readUInt32LE(12),
    compression: compressions.get(compression) ?? String(compression),
    version: `${bytes.readUInt16LE(28)}.${bytes.readUInt16LE(30)}`,
    bytesUsed: bytes.readBigUInt64LE(40),
  };
}
