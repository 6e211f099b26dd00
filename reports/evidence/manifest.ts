/** `manifest.json`: every file of a package with its size and digest, also of those that are withheld. */

import { createHash } from 'node:crypto';
import { EvidenceError, UsageError } from '../../harness/errors.ts';
import { canonicalize } from '../../harness/record/jcs.ts';
import type { PackagePart } from './part.ts';
import { piecesOf } from './tar.ts';

export const packageFormat = 'fieldproof-package/1';
export const manifestFile = 'manifest.json';
/** Public keys, `keys/<fingerprint>.pem`; stands beside the manifest, for more people may sign later. */
export const keysFolder = 'keys';
/** DSSE envelopes; beside the manifest as well, for one of them signs it. */
export const statementsFolder = 'statements';

export interface ManifestFile {
  path: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  mediaType: string;
  about: string;
  /** The file is not in this package: its digest stands for it. */
  withheld?: true;
}

export interface Manifest {
  format: typeof packageFormat;
  runId: string;
  /** Sorted by path, by UTF-16 code units. */
  files: readonly ManifestFile[];
}

/** Printable ASCII that every file system takes. */
const segmentForm = /^[\w !#$%&'()+,.;=@^~[\]{}-]+$/;

function isGoodPath(path: string): boolean {
  return path.split('/').every((part) => segmentForm.test(part) && part !== '.' && part !== '..');
}

/**
 * Digests all parts.
 *
 * @param redact paths or folders to withhold
 * @throws EvidenceError for two parts of one name, or a name that is no path inside a package
 * @throws UsageError when something to withhold is not there, or must not be withheld
 */
export function manifestOf(
  runId: string,
  parts: readonly PackagePart[],
  redact: readonly string[] = [],
): Manifest {
  const sorted = [...parts].sort((a, b) => (a.path < b.path ? -1 : 1));
  mustHaveGoodPaths(sorted.map(({ path }) => path));
  const hidden = withheldPaths(sorted, redact);
  const files = sorted.map((part): ManifestFile => {
    const { path, mediaType, about } = part;
    const withheld = hidden.has(path) ? { withheld: true as const } : {};
    return { path, ...digestOf(part), mediaType, about, ...withheld };
  });
  return { format: packageFormat, runId, files };
}

export function manifestText(manifest: Manifest): string {
  return `${canonicalize(manifest)}\n`;
}

function digestOf({ content }: PackagePart): { bytes: number; sha256: string } {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const piece of piecesOf(content)) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

function mustHaveGoodPaths(paths: readonly string[]): void {
  const seen = new Set<string>();
  const reserved = [manifestFile, keysFolder, statementsFolder];
  for (const path of paths) {
    // Some file systems do not tell `A` from `a`: unpacked there, one file would hide the other.
    const folded = path.toLowerCase();
    if (!isGoodPath(path) || reserved.includes(topOf(folded)))
      throw new EvidenceError('bad-part', `"${path}" is no path of a file in a package`);
    if (seen.has(folded)) throw new EvidenceError('bad-part', `two parts of the package are called ${path}`);
    seen.add(folded);
  }
}

function topOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function withheldPaths(parts: readonly PackagePart[], redact: readonly string[]): ReadonlySet<string> {
  const hidden = new Set<string>();
  for (const wanted of redact) {
    const name = wanted.replace(/\/+$/, '');
    const under = ({ path }: PackagePart) => path === name || path.startsWith(`${name}/`);
    const found = parts.filter((part) => under(part) || part.repeats?.includes(topOf(name)) === true);
    if (!found.some(under)) throw nothingThere(name, parts);
    for (const { path } of found) hidden.add(path);
  }
  return hidden;
}

function nothingThere(name: string, parts: readonly PackagePart[]): UsageError {
  const tops = [...new Set(parts.map(({ path }) => topOf(path)))].sort();
  return new UsageError('nothing-to-withhold', `the package has no file or folder ${name}`, {
    hint: `Withhold one of: ${tops.join(', ')}, or a path inside of one.`,
  });
}
