/** The files of a package: each described, each bound by its SHA-256, none larger than a slot, none outside its place. */

import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { type Defects } from '../defects.ts';
import { SLOT_BYTES } from '../flash.ts';
import { ImageRefused } from '../mcuboot-image.ts';
import { type ArchivedFile } from './cpio.ts';
import { type DescribedFile } from './description.ts';

export interface Contents {
  firmware: Buffer;
  /** What is kept under its own name. */
  kept: readonly ArchivedFile[];
  /** Set only by a defect: what nobody described, and goes where the firmware belongs. */
  unlisted: Buffer | undefined;
}

export interface ContentsParts {
  defects: Defects;
  /** Stops everything for good; only a defect calls it. */
  hang(): void;
}

/**
 * @param archived all files but the description and its signature
 * @throws ImageRefused `path` `digest` `size` `format`
 */
export function readContents(
  archived: readonly ArchivedFile[],
  described: readonly DescribedFile[],
  parts: ContentsParts,
): Contents {
  const { defects } = parts;
  if (!defects.has('follows-paths')) described.forEach(({ filename }) => checkName(filename));
  const firsts = described.map((file) => checkedFile(archived, file, defects));
  const unlisted = archived.filter((file) => !firsts.includes(file));
  if (unlisted.length > 0 && !defects.has('takes-unlisted-files')) {
    throw new ImageRefused('digest', `"${unlisted[0]?.name}" is not described, or there twice`);
  }
  const unpacked = described.map((file, index) =>
    unpack(firsts[index]?.data ?? Buffer.alloc(0), file, parts),
  );
  const firmware = unpacked[described.findIndex(({ device }) => device === 'firmware')];
  const kept = described.flatMap(({ device, filename: name }, index) => {
    const data = unpacked[index];
    return device === 'file' && data !== undefined ? [{ name, data }] : [];
  });
  return { firmware: firmware ?? Buffer.alloc(0), kept, unlisted: unlisted.at(-1)?.data };
}

/** A bare name: no folders, nothing that moves a cursor. */
function checkName(filename: string): void {
  if (/^[^/\\\p{Cc}]+$/u.test(filename) && !filename.includes('..')) return;
  throw new ImageRefused('path', `"${filename}" is no bare file name`);
}

/** The first file of that name, its digest compared. */
function checkedFile(archived: readonly ArchivedFile[], file: DescribedFile, defects: Defects): ArchivedFile {
  const { filename, sha256 } = file;
  const found = archived.find(({ name }) => name === filename);
  if (found === undefined) throw new ImageRefused('digest', `"${filename}" is not there`);
  const none = sha256 === undefined || /^0*$/.test(sha256);
  if (none && defects.has('installs-without-digest')) return found;
  if (none || !/^[0-9a-fA-F]{64}$/.test(sha256))
    throw new ImageRefused('digest', `"${filename}" has no SHA-256`);
  const actual = createHash('sha256').update(found.data).digest('hex');
  if (actual !== sha256.toLowerCase()) throw new ImageRefused('digest', `"${filename}" has another SHA-256`);
  return found;
}

/** Never makes more than a slot holds, however small the packed bytes are. */
function unpack(data: Buffer, { filename, compressed }: DescribedFile, parts: ContentsParts): Buffer {
  if (!compressed) return data;
  try {
    return inflateSync(data, { maxOutputLength: SLOT_BYTES });
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    if (tooLarge && parts.defects.has('unpacks-without-limit')) parts.hang();
    throw new ImageRefused(tooLarge ? 'size' : 'format', `"${filename}" cannot be unpacked`);
  }
}
