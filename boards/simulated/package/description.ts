/** What sw-description says of a package: its release, what it is for, and the files that belong to it. */

import { ImageRefused } from '../mcuboot-image.ts';
import { readLibconfig, type Group, type Setting } from './libconfig.ts';

export interface PackageDescription {
  /** Undefined when it has none; whether that may be is for the rules to say. */
  version: string | undefined;
  hardware: readonly string[];
  sequence: number;
  expires: Date;
  files: readonly DescribedFile[];
}

export interface DescribedFile {
  filename: string;
  /** `firmware`, `parameters`, or anything else for a file that is kept under its name. */
  device: string;
  version: string | undefined;
  /** As it stands there. */
  sha256: string | undefined;
  compressed: boolean;
}

const MOST_BYTES = 4096;
const LARGEST_SEQUENCE = 0xffff_ffff;

/** @throws ImageRefused `format` */
export function readDescription(bytes: Buffer): PackageDescription {
  if (bytes.length > MOST_BYTES) refuse(`sw-description of ${bytes.length} bytes`);
  const software = group(readLibconfig(bytes.toString('latin1')).get('software'), 'software');
  const files = list(software.get('images'), 'images').map((item) => describedFile(group(item, 'an image')));
  const names = files.map(({ filename }) => filename);
  if (new Set(names).size !== names.length) refuse('names a file twice');
  for (const device of ['firmware', 'parameters']) {
    if (files.filter((file) => file.device === device).length !== 1)
      refuse(`not exactly one image for ${device}`);
  }
  return {
    version: optionalText(software.get('version'), 'version'),
    hardware: list(software.get('hardware-compatibility'), 'hardware-compatibility').map((item) =>
      text(item, 'hardware-compatibility'),
    ),
    sequence: sequence(software.get('sequence')),
    expires: time(text(software.get('expires'), 'expires')),
    files,
  };
}

function describedFile(image: Group): DescribedFile {
  const compressed = optionalText(image.get('compressed'), 'compressed');
  if (compressed !== undefined && compressed !== 'zlib') refuse(`compressed with ${compressed}`);
  return {
    filename: text(image.get('filename'), 'filename'),
    device: text(image.get('device'), 'device'),
    version: optionalText(image.get('version'), 'version'),
    sha256: optionalText(image.get('sha256'), 'sha256'),
    compressed: compressed !== undefined,
  };
}

function sequence(value: Setting | undefined): number {
  if (typeof value === 'number' && value <= LARGEST_SEQUENCE) return value;
  return refuse('sequence is no number of 32 bits');
}

/** `2120-01-01T00:00:00Z` */
function time(value: string): Date {
  const at = new Date(value);
  const seconds = Number.isNaN(at.getTime()) ? '' : `${at.toISOString().slice(0, 19)}Z`;
  return seconds === value ? at : refuse(`"${value}" is no time`);
}

function group(value: Setting | undefined, name: string): Group {
  return value instanceof Map ? value : refuse(`${name} is no group`);
}

function list(value: Setting | undefined, name: string): readonly Setting[] {
  return Array.isArray(value) ? (value as readonly Setting[]) : refuse(`${name} is no list`);
}

function text(value: Setting | undefined, name: string): string {
  return typeof value === 'string' ? value : refuse(`${name} is no text`);
}

function optionalText(value: Setting | undefined, name: string): string | undefined {
  return value === undefined ? undefined : text(value, name);
}

function refuse(what: string): never {
  throw new ImageRefused('format', `sw-description: ${what}`);
}
