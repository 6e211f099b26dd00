/**
 * RAUC's manifest: groups of `key=value` lines, in the syntax of GLib's key files. Values keep their places, so that an
 * attack can change one.
 *
 * Source: RAUC documentation, Reference, "Manifest"; GLib, "Key-value file parser".
 */

import type { ByteSource } from '../../byte-source.ts';

/** One line `key=value`; `[start, end)` the value in the file. */
export interface ManifestEntry {
  group: string;
  key: string;
  value: string;
  start: number;
  end: number;
}

export interface Manifest {
  entries: readonly ManifestEntry[];
  /** Lines that are no comment, group or entry. */
  strange: number;
}

/** Longest manifest that is read, in bytes: RAUC limits the whole signature to 64 KiB. */
export const mostManifestBytes = 256 * 1024;

/** Reads `[start, end)`. Never throws; bytes that are no UTF-8 become question marks in values only. */
export function readManifest(source: ByteSource, start: number, end: number): Manifest {
  const text = Buffer.from(source.read(start, Math.min(end, start + mostManifestBytes))).toString('latin1');
  const entries: ManifestEntry[] = [];
  let group = '';
  let strange = 0;
  let at = start;
  for (const line of text.split('\n')) {
    const lineStart = at;
    at += line.length + 1;
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const header = /^\[([^[\]]+)\]$/.exec(content);
    const equals = line.indexOf('=');
    if (header?.[1] !== undefined) group = header[1];
    else if (equals > 0 && group !== '') entries.push(entryOf(group, line, equals, lineStart));
    else strange += 1;
  }
  return { entries, strange };
}

function entryOf(group: string, line: string, equals: number, lineStart: number): ManifestEntry {
  const value = line.slice(equals + 1).trim();
  const blanks = line.slice(equals + 1).search(/\S/);
  const start = lineStart + equals + 1 + Math.max(0, blanks);
  return {
    group,
    key: line.slice(0, equals).trim(),
    value: Buffer.from(value, 'latin1').toString('utf8'),
    start,
    end: start + value.length,
  };
}

/** The entry that counts: the last of its name, as GLib reads it. */
export function manifestEntry(
  manifest: Manifest | undefined,
  group: string,
  key: string,
): ManifestEntry | undefined {
  return manifest?.entries.findLast((entry) => entry.group === group && entry.key === key);
}

export function manifestValue(
  manifest: Manifest | undefined,
  group: string,
  key: string,
): string | undefined {
  return manifestEntry(manifest, group, key)?.value;
}

/** A hexadecimal number of 32 bytes; undefined for anything else. */
export function manifestHex32(
  manifest: Manifest | undefined,
  key: 'verity-hash' | 'verity-salt',
): Buffer | undefined {
  const value = manifestValue(manifest, 'bundle', key);
  return value !== undefined && /^[0-9a-fA-F]{64}$/.test(value) ? Buffer.from(value, 'hex') : undefined;
}

/** `verity-size` in bytes; undefined when it is missing or no number. */
export function manifestVeritySize(manifest: Manifest | undefined): number | undefined {
  const value = manifestValue(manifest, 'bundle', 'verity-size');
  const size = value !== undefined && /^[0-9]{1,20}$/.test(value) ? Number(value) : undefined;
  return Number.isSafeInteger(size) ? size : undefined;
}
