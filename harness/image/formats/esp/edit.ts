/** Edits of a parsed ESP image, as patches; and its unkeyed sums made to fit what they make of it. */

import type { ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import { overwrite, patched, PatchSet, type Patch } from '../../patch-set.ts';
import { withCrc, withField } from './block.ts';
import { headerFields, sectorBytes, type HeaderField } from './layout.ts';
import { blockField, parseEsp, type EspBlock, type EspImage } from './parse.ts';
import { checksumOf, signedDigest } from './verify.ts';

/** Overwrites one header field, little-endian. */
export function setHeader(field: HeaderField, value: number): Patch {
  const row = headerFields.find(({ name }) => name === field);
  if (row === undefined) throw new RangeError(`no header field ${field}`);
  const bytes = Buffer.alloc(row.bytes);
  bytes.writeUIntLE(value, 0, row.bytes);
  return overwrite(row.at, bytes);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** Which sums are made to fit: those inside the signed bytes, or the copy of the digest and the CRC of blocks too. */
export type Fresh = 'content' | 'all';

/**
 * The patches and those for the sums. None of them may change a length.
 *
 * @param skip a sum that is itself attacked, and stays as the patches made it
 */
export function withFreshSums(
  base: ByteSource,
  image: EspImage,
  patches: readonly Patch[],
  fresh: Fresh,
  skip?: 'checksum' | 'sha256',
): Patch[] {
  const all = [...patches];
  const altered = (): ByteSource => patched(base, new PatchSet(base.size, all));
  const shape = parseEsp(altered());
  if (shape.checksumAt !== undefined && skip !== 'checksum') {
    addChange(base, all, overwrite(shape.checksumAt, Buffer.of(checksumOf(altered(), shape))));
  }
  if (shape.sha256At !== undefined && skip !== 'sha256') {
    const digest = digestOf(altered(), 'sha256', { end: shape.sha256At });
    addChange(base, all, overwrite(shape.sha256At, digest));
  }
  if (fresh === 'all' && shape.signedEnd === image.signedEnd) {
    const source = altered();
    for (const block of image.blocks) {
      const digest = signedDigest(source, shape, block.layout?.hash ?? 'sha256');
      all.push(...blockPatches(block, withCrc(withField(block.bytes, 4, digest))));
    }
  }
  return all;
}

function addChange(base: ByteSource, all: Patch[], patch: Patch): void {
  const same = Buffer.from(base.read(patch.at, patch.at + patch.remove));
  const [insert] = patch.insert;
  if (insert?.kind === 'bytes' && same.equals(insert.bytes)) return;
  all.push(patch);
}

/** Patches for the fields in which the new bytes of a block differ, so that no other field counts as changed. */
export function blockPatches(block: EspBlock, bytes: Uint8Array): Patch[] {
  return (block.layout?.fields ?? []).flatMap(({ name, at, bytes: width }) => {
    const wanted = Buffer.from(bytes.subarray(at, at + width));
    return wanted.equals(blockField(block, name)) ? [] : [overwrite(block.start + at, wanted)];
  });
}

/** The whole signature sector anew: blocks from the first slot on, erased flash behind them. */
export function sectorPatch(base: ByteSource, image: EspImage, blocks: readonly Uint8Array[]): Patch {
  const sector = Buffer.alloc(sectorBytes, 0xff);
  Buffer.concat(blocks).copy(sector);
  return {
    at: image.signedEnd,
    remove: Math.min(base.size, image.sectorEnd) - image.signedEnd,
    insert: [{ kind: 'bytes', bytes: sector }],
  };
}
