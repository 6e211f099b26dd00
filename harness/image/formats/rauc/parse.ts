/**
 * RAUC bundles: squashfs [‖ hash tree of dm-verity] ‖ CMS ‖ size of the CMS (u64, big-endian).
 *
 * What kind of bundle it is, the CMS says: detached over everything before it (*plain*), around a manifest that holds
 * the root hash (*verity*), or encrypted (*crypt*).
 *
 * Source: RAUC documentation, Reference, "Bundle Formats"; src/bundle.c.
 */

import type { ByteSource } from '../../byte-source.ts';
import {
  verityBlockBytes,
  verityLayout,
  verityLayoutOfWhole,
  type VerityLayout,
} from '../../codec/verity.ts';
import { derOid, scanDerElement } from '../../codec/der.ts';
import { parseCms, tileCms, type CmsSignedData, type CmsSpan } from '../../crypto/cms.ts';
import { envelopedDataOid, readEnvelope, tileEnvelope, type Envelope } from './envelope.ts';
import { RegionTiler, type Issue, type ParsedImage } from '../../image.ts';
import { manifestVeritySize, readManifest, type Manifest } from './manifest.ts';
import { readSuperblock, squashfsMagic, superblockFields, type Superblock } from './squashfs.ts';

export const trailerBytes = 8;
/** Largest CMS that is read, in bytes. RAUC itself takes 64 KiB, or as much as it is configured to. */
const mostCmsBytes = 4 * 1024 * 1024;

export type BundleFormat = 'plain' | 'verity' | 'crypt';

export interface RaucImage extends ParsedImage {
  format: 'rauc';
  /** Undefined where the CMS cannot be read. */
  bundleFormat: BundleFormat | undefined;
  superblock: Superblock | undefined;
  /** End of what is installed: squashfs with its padding. */
  dataEnd: number;
  /** End of data and tree, where the CMS begins. */
  payloadEnd: number;
  /** The hash tree, of verity and crypt bundles; its size in crypt bundles follows from that of the whole. */
  tree: VerityLayout | undefined;
  /** What the trailer says; undefined when the file is shorter than it. */
  claimedCmsBytes: bigint | undefined;
  /** The CMS element itself, without what may follow it in its area. */
  cmsSpan: CmsSpan | undefined;
  /** Signed data, of plain and verity bundles. */
  cms: CmsSignedData | undefined;
  /** Encrypted data, of crypt bundles: the signed data lies in it. */
  envelope: Envelope | undefined;
  /** Of verity bundles. That of a plain one lies compressed in its squashfs, and is not read. */
  manifest: Manifest | undefined;
}

/** Reads a bundle of whatever quality: what is wrong becomes an issue. */
export function parseRauc(source: ByteSource): RaucImage {
  return new Parser(source).run();
}

class Parser {
  readonly #source: ByteSource;
  readonly #tiler: RegionTiler;
  readonly #issues: Issue[] = [];

  constructor(source: ByteSource) {
    this.#source = source;
    this.#tiler = new RegionTiler(source.size);
  }

  run(): RaucImage {
    const { claimed, payloadEnd, areaEnd } = this.#trailer();
    const area = this.#cmsArea(payloadEnd, areaEnd);
    const { bundleFormat, cms, cmsSpan, envelope } = area;
    const content = bundleFormat === 'verity' ? cms?.content : undefined;
    const manifest = content && readManifest(this.#source, content.start, content.end);
    const tree = this.#tree(bundleFormat, payloadEnd, manifest);
    const dataEnd = tree === undefined ? payloadEnd : tree.dataBlocks * verityBlockBytes;
    const encrypted = bundleFormat === 'crypt';
    const superblock = encrypted ? undefined : this.#superblock(dataEnd);
    this.#data(superblock, dataEnd, encrypted);
    if (tree !== undefined) this.#levels(tree);
    this.#tiler.upTo(payloadEnd, 'payload.rest', 'signed');
    this.#cms(area, areaEnd);
    this.#tiler.rest('trailer.size', 'unsigned');
    return {
      format: 'rauc',
      size: this.#source.size,
      regions: this.#tiler.regions,
      issues: this.#issues,
      bundleFormat,
      superblock,
      dataEnd,
      payloadEnd,
      tree,
      claimedCmsBytes: claimed,
      cmsSpan,
      cms,
      envelope,
      manifest,
    };
  }

  /** Where the CMS area begins and ends; both at the end of the file when the trailer is of no use. */
  #trailer(): { claimed: bigint | undefined; payloadEnd: number; areaEnd: number } {
    const { size } = this.#source;
    const areaEnd = size - trailerBytes;
    if (areaEnd < 0) {
      this.#issue('truncated', size, `${size} bytes are less than a trailer of ${trailerBytes}`);
      return { claimed: undefined, payloadEnd: size, areaEnd: size };
    }
    const claimed = Buffer.from(this.#source.read(areaEnd, size)).readBigUInt64BE(0);
    if (claimed === 0n) this.#issue('cms-size', areaEnd, 'the trailer says that there is no CMS');
    else if (claimed > BigInt(areaEnd)) {
      this.#issue('cms-size', areaEnd, `the trailer says ${claimed} bytes of CMS, the file has ${areaEnd}`);
    } else return { claimed, payloadEnd: areaEnd - Number(claimed), areaEnd };
    return { claimed, payloadEnd: areaEnd, areaEnd };
  }

  #cmsArea(start: number, end: number): CmsArea {
    if (start >= end) return {};
    if (end - start > mostCmsBytes) {
      this.#issue(
        'cms-size',
        end,
        `a CMS of ${end - start} bytes is more than the ${mostCmsBytes} that are read`,
      );
      return {};
    }
    const element = scanDerElement(this.#source, start, end);
    const whole = element !== undefined && element.valueStart + element.claimedBytes <= end;
    if (element === undefined || !whole) {
      this.#issue(
        'cms',
        start,
        'where the trailer says that the CMS begins, there is no whole element of DER',
      );
      return {};
    }
    const cmsSpan = { start, end: element.end };
    if (cmsSpan.end < end) {
      this.#issue('cms-junk', cmsSpan.end, `${end - cmsSpan.end} bytes lie between the CMS and the trailer`);
    }
    if (derOid(this.#source, element.children[0]) === envelopedDataOid) return this.#envelope(cmsSpan);
    const cms = parseCms(this.#source, cmsSpan);
    this.#issues.push(...cms.issues);
    if (cms.nodes === undefined) return { cmsSpan, cms };
    if (cms.contentParts.length > 1) {
      this.#issue('manifest', start, `the manifest lies in ${cms.contentParts.length} pieces`);
    }
    return { cmsSpan, cms, bundleFormat: cms.contentParts.length === 0 ? 'plain' : 'verity' };
  }

  #envelope(cmsSpan: CmsSpan): CmsArea {
    const envelope = readEnvelope(this.#source, cmsSpan);
    if (envelope === undefined) {
      this.#issue('cms', cmsSpan.start, 'the CMS is enveloped data that cannot be read');
      return { cmsSpan };
    }
    return { cmsSpan, envelope, bundleFormat: 'crypt' };
  }

  #tree(
    bundleFormat: BundleFormat | undefined,
    payloadEnd: number,
    manifest: Manifest | undefined,
  ): VerityLayout | undefined {
    if (bundleFormat !== 'verity' && bundleFormat !== 'crypt') return undefined;
    if (payloadEnd % verityBlockBytes !== 0 || payloadEnd === 0) {
      this.#issue(
        'misaligned',
        payloadEnd,
        `data and tree have ${payloadEnd} bytes, which are no blocks of 4096`,
      );
      return undefined;
    }
    if (bundleFormat === 'crypt') return verityLayoutOfWhole(payloadEnd / verityBlockBytes);
    const size = manifestVeritySize(manifest);
    if (size === undefined || size % verityBlockBytes !== 0 || size >= payloadEnd) {
      const said = size === undefined ? 'no size' : `${size} bytes`;
      this.#issue(
        'verity-size',
        payloadEnd,
        `the manifest says ${said} of tree, of ${payloadEnd} bytes in all`,
      );
      return undefined;
    }
    const layout = verityLayout((payloadEnd - size) / verityBlockBytes);
    if (layout.treeBytes === size) return layout;
    this.#issue(
      'verity-size',
      payloadEnd,
      `the manifest says ${size} bytes of tree, its ${layout.dataBlocks} blocks of data need ${layout.treeBytes}`,
    );
    return undefined;
  }

  #superblock(dataEnd: number): Superblock | undefined {
    const superblock = readSuperblock(this.#source, dataEnd);
    if (superblock === undefined) {
      this.#issue('squashfs', 0, `${dataEnd} bytes are less than a superblock of squashfs`);
    } else if (superblock.magic !== squashfsMagic) {
      this.#issue('squashfs', 0, `magic is 0x${superblock.magic.toString(16)}, not 0x73717368`);
    } else if (superblock.bytesUsed > BigInt(dataEnd)) {
      this.#issue('squashfs', 40, `the squashfs says ${superblock.bytesUsed} bytes, there are ${dataEnd}`);
    }
    return superblock;
  }

  #data(superblock: Superblock | undefined, dataEnd: number, encrypted: boolean): void {
    if (!encrypted) {
      for (const { name, at, bytes } of superblockFields) {
        this.#tiler.upTo(Math.min(at + bytes, dataEnd), `squashfs.${name}`, 'signed');
      }
      const used = superblock?.bytesUsed ?? 0n;
      const usedEnd = used <= BigInt(dataEnd) ? Number(used) : dataEnd;
      this.#tiler.upTo(usedEnd, 'payload', 'signed');
      this.#tiler.upTo(dataEnd, 'squashfs.padding', 'signed');
    } else this.#tiler.upTo(dataEnd, 'payload', 'signed');
  }

  #levels({ levels }: VerityLayout): void {
    for (const [index, level] of [...levels.entries()].reverse()) {
      this.#tiler.upTo(level.start + level.digests * 32, `tree.level${index}`, 'signed');
      this.#tiler.upTo(level.start + level.blocks * verityBlockBytes, `tree.level${index}.padding`, 'signed');
    }
  }

  #cms({ cms, cmsSpan, envelope }: CmsArea, areaEnd: number): void {
    if (envelope !== undefined) tileEnvelope(this.#tiler, envelope);
    else if (cms !== undefined) tileCms(this.#tiler, this.#source, cms, 'cms', 'unsigned');
    else if (cmsSpan !== undefined) this.#tiler.upTo(cmsSpan.end, 'cms.unknown', 'unsigned');
    this.#tiler.upTo(areaEnd, 'cms.junk', 'unsigned');
  }

  #issue(code: string, at: number, message: string): void {
    this.#issues.push({ code, at, message });
  }
}

interface CmsArea {
  cmsSpan?: CmsSpan;
  cms?: CmsSignedData;
  envelope?: Envelope;
  bundleFormat?: BundleFormat;
}
