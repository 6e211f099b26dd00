/**
 * The SWUpdate container: a cpio archive whose first entry describes it, whose second signs the description, and whose
 * others are the images, bound by their SHA-256 in the description.
 *
 * Source: SWUpdate, doc/source/swupdate.rst "Single image delivery", doc/source/signed_images.rst, doc/source/sw-description.rst.
 */

import { slice, type ByteSource } from '../../byte-source.ts';
import { scanCpio, type CpioEntry } from '../../codec/cpio.ts';
import { parseCms, tileCms, type CmsSignedData } from '../../crypto/cms.ts';
import { RegionTiler, type Coverage, type Issue, type ParsedImage } from '../../image.ts';
import {
  scanDescription,
  settingOf,
  textOf,
  type DescriptionSetting,
  type DescriptionValue,
} from './description.ts';

export const descriptionName = 'sw-description';
export const signatureName = 'sw-description.sig';

/** An image, file or script that the description names. */
export interface Artifact {
  filename: string;
  /** As it stands there. */
  sha256: string | undefined;
  version: string | undefined;
  /** Its group in the description, in the file's coordinates. */
  start: number;
  end: number;
  /** The value of its sha256, with quotes, in the file's coordinates. */
  sha256Value: DescriptionValue | undefined;
  filenameValue: DescriptionValue;
}

export interface Description {
  version: string | undefined;
  versionValue: DescriptionValue | undefined;
  /** Every one that is named, for any board. */
  hardware: readonly string[];
  hardwareValue: DescriptionValue | undefined;
  artifacts: readonly Artifact[];
  embeddedScript: boolean;
  json: boolean;
}

export interface SwupdateImage extends ParsedImage {
  format: 'swupdate';
  entries: readonly CpioEntry[];
  trailer: CpioEntry | undefined;
  /** The first entry, when it is the description. */
  descriptionEntry: CpioEntry | undefined;
  /** The second, when it is the signature. */
  signatureEntry: CpioEntry | undefined;
  /** Offsets in it are those of the file. */
  description: Description | undefined;
  /** Undefined when the signature is none; then it may be a bare RSA signature. */
  cms: CmsSignedData | undefined;
  /** Behind the trailer and at most 512 zeros. */
  imageEnd: number;
}

/** Longer descriptions are not looked into. */
const mostDescriptionBytes = 1024 * 1024;
/** GNU cpio fills its last block with zeros. */
const blockBytes = 512;

/** Reads an archive of whatever quality: what is wrong becomes an issue. Images are not read. */
export function parseSwupdate(source: ByteSource): SwupdateImage {
  const archive = scanCpio(source);
  const issues: Issue[] = [...archive.issues];
  const [first, second] = archive.entries;
  const descriptionEntry = first?.name === descriptionName ? first : undefined;
  const signatureEntry =
    descriptionEntry !== undefined && second?.name === signatureName ? second : undefined;
  if (descriptionEntry === undefined) {
    issues.push({ code: 'no-description', at: 0, message: `the first entry is ${first?.name ?? 'missing'}` });
  }
  const description = descriptionEntry && describe(source, descriptionEntry, issues);
  const cms = signatureEntry && cmsOf(source, signatureEntry);
  const imageEnd = zerosEnd(source, archive.end);
  const partial = { ...archive, issues, descriptionEntry, signatureEntry, description, cms, imageEnd };
  return { ...partial, format: 'swupdate', size: source.size, regions: tile(source, partial) };
}

function describe(source: ByteSource, entry: CpioEntry, issues: Issue[]): Description | undefined {
  const { dataStart, dataEnd } = entry;
  if (dataEnd - dataStart > mostDescriptionBytes) {
    issues.push({ code: 'description', at: dataStart, message: `${dataEnd - dataStart} bytes are too many` });
    return undefined;
  }
  const bytes = source.read(dataStart, dataEnd);
  const { settings, issues: found } = scanDescription(bytes);
  for (const issue of found) issues.push({ ...issue, at: issue.at + dataStart });
  const software = settingOf(settings, 'software');
  if (software?.kind !== 'group') {
    if (found.length === 0) {
      issues.push({ code: 'description', at: dataStart, message: 'there is no group "software"' });
    }
    return undefined;
  }
  const collected = new Collector(dataStart).collect(software.settings);
  const version = settingOf(software.settings, 'version');
  return {
    ...collected,
    version: textOf(version),
    versionValue: version && moved(version, dataStart),
    embeddedScript: settingOf(software.settings, 'embedded-script') !== undefined,
    json: bytes[0] === 0x7b,
  };
}

function moved(value: DescriptionValue, by: number): DescriptionValue {
  return { ...value, start: value.start + by, end: value.end + by };
}

/** Gathers artifacts and hardware from wherever they stand: selections and boards nest them at will. */
class Collector {
  readonly #base: number;
  readonly #artifacts: Artifact[] = [];
  readonly #hardware: string[] = [];
  #hardwareValue: DescriptionValue | undefined;

  constructor(base: number) {
    this.#base = base;
  }

  collect(
    settings: readonly DescriptionSetting[],
  ): Pick<Description, 'artifacts' | 'hardware' | 'hardwareValue'> {
    this.#group(settings);
    return { artifacts: this.#artifacts, hardware: this.#hardware, hardwareValue: this.#hardwareValue };
  }

  #group(settings: readonly DescriptionSetting[]): void {
    for (const { key, value } of settings) {
      if (key === 'hardware-compatibility' && value.kind === 'list') this.#compatible(value);
      else this.#value(value);
    }
  }

  #compatible(value: DescriptionValue & { kind: 'list' }): void {
    this.#hardware.push(...value.items.flatMap((item) => textOf(item) ?? []));
    this.#hardwareValue ??= moved(value, this.#base);
  }

  #value(value: DescriptionValue): void {
    if (value.kind === 'list') value.items.forEach((item) => this.#value(item));
    if (value.kind !== 'group') return;
    const filenameValue = settingOf(value.settings, 'filename');
    const filename = textOf(filenameValue);
    if (filename !== undefined && filenameValue !== undefined) {
      const sha256 = settingOf(value.settings, 'sha256');
      this.#artifacts.push({
        filename,
        sha256: textOf(sha256),
        version: textOf(settingOf(value.settings, 'version')),
        start: value.start + this.#base,
        end: value.end + this.#base,
        sha256Value: sha256 && moved(sha256, this.#base),
        filenameValue: moved(filenameValue, this.#base),
      });
    }
    this.#group(value.settings);
  }
}

/** A CMS begins with a SEQUENCE; a bare signature does so once in 256 times, and then is no SignedData. */
function cmsOf(source: ByteSource, { dataStart, dataEnd }: CpioEntry): CmsSignedData | undefined {
  if (source.read(dataStart, dataStart + 1)[0] !== 0x30) return undefined;
  const cms = parseCms(source, { start: dataStart, end: dataEnd });
  return cms.nodes === undefined ? undefined : cms;
}

/** The zeros of a last block that is filled up: at most a block. */
function zerosEnd(source: ByteSource, end: number): number {
  const other = source.read(end, end + blockBytes).findIndex((byte) => byte !== 0);
  return other < 0 ? Math.min(end + blockBytes, source.size) : end + other;
}

type Untiled = Omit<SwupdateImage, 'format' | 'size' | 'regions'>;

function tile(source: ByteSource, image: Untiled): SwupdateImage['regions'] {
  const tiler = new RegionTiler(source.size);
  const listed = new Set(image.description?.artifacts.map(({ filename }) => filename));
  for (const entry of image.entries) {
    const name = regionName(entry.name);
    tiler.upTo(entry.dataStart, `${name}.header`, 'unsigned');
    if (entry === image.signatureEntry) tileSignature(tiler, source, entry, image.cms);
    else {
      const signed = entry === image.descriptionEntry || listed.has(entry.name);
      const coverage: Coverage = signed ? 'signed' : 'unsigned';
      tiler.upTo(entry.dataEnd, `${name}.data`, coverage);
    }
    tiler.upTo(entry.end, `${name}.padding`, 'unsigned');
  }
  if (image.trailer !== undefined) tiler.upTo(image.trailer.end, 'trailer', 'unsigned');
  tiler.upTo(image.imageEnd, 'padding', 'trailing');
  tiler.rest('trailing', 'trailing');
  return tiler.regions;
}

function tileSignature(
  tiler: RegionTiler,
  source: ByteSource,
  entry: CpioEntry,
  cms: CmsSignedData | undefined,
): void {
  if (cms !== undefined) {
    tileCms(tiler, source, cms, 'cms', 'unsigned');
    tiler.upTo(entry.dataEnd, 'cms.behind', 'unsigned');
  } else tiler.upTo(entry.dataEnd, 'signature', 'signature');
}

/** Names come from the file: only what prints, and no `#`, by which repeated names are told apart. */
function regionName(name: string): string {
  const plain = name.replaceAll(/[^-A-Za-z0-9_.+]/g, '_').slice(0, 80);
  return plain === '' ? 'nameless' : plain;
}

/** The data of an entry as a source of its own. */
export function dataOf(source: ByteSource, { dataStart, dataEnd }: CpioEntry): ByteSource {
  return slice(source, dataStart, dataEnd);
}

/** Entries of that name, in the order of the archive. */
export function entriesNamed(image: SwupdateImage, name: string): CpioEntry[] {
  return image.entries.filter((entry) => entry.name === name);
}
