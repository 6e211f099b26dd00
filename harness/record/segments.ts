/** The wire segments of a run on the disk, against what the chain says of them. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { strayFile, type Problem } from './chain.ts';
import { wireFolder, type Entry, type FileDigest, type SegmentDigest } from './entry.ts';

/** A segment by what the chain says last of it. */
export interface KnownSegment extends SegmentDigest {
  channel: string;
  /** True when the segment was finished, so that its files end where the chain says. */
  finished: boolean;
}

/** Segments in the order in which the chain names them. */
export function segmentsOf(entries: readonly Entry[]): KnownSegment[] {
  const known = new Map<string, KnownSegment>();
  for (const entry of entries) {
    if (entry.kind !== 'wire-mark' && entry.kind !== 'wire-segment') continue;
    const { file, base, bytes, sha256, index } = entry.payload;
    const finished = entry.kind === 'wire-segment';
    known.set(file, { channel: entry.channel ?? '', file, base, bytes, sha256, index, finished });
  }
  return [...known.values()];
}

/** What is missing, altered, or was never in the chain. Marks are checked too: each covers a beginning of a file. */
export function segmentProblems(dir: string, entries: readonly Entry[]): Problem[] {
  const problems: Problem[] = [];
  const finished = new Set(segmentsOf(entries).flatMap((s) => (s.finished ? [s.file, s.index.file] : [])));
  const covered = new Set<string>();
  for (const entry of entries) {
    if (entry.kind !== 'wire-mark' && entry.kind !== 'wire-segment') continue;
    for (const part of [entry.payload, entry.payload.index]) {
      covered.add(part.file);
      const whole = entry.kind === 'wire-segment';
      // A mark of a finished segment adds nothing to the digest of the whole.
      if (whole || !finished.has(part.file)) problems.push(...partProblems(dir, part, whole));
    }
  }
  return [...problems, ...strangers(dir, entries, covered)];
}

function partProblems(dir: string, part: FileDigest, whole: boolean): Problem[] {
  const path = inside(dir, part.file);
  if (path === undefined || !existsSync(path)) {
    return [
      {
        code: 'segment-missing',
        where: part.file,
        message: `has ${part.bytes} bytes in the chain and is gone`,
      },
    ];
  }
  const bytes = readFileSync(path);
  if (bytes.length < part.bytes || (whole && bytes.length !== part.bytes)) {
    const message = `has ${bytes.length} bytes, the chain says ${part.bytes}`;
    return [{ code: 'segment-altered', where: part.file, message }];
  }
  const sha256 = createHash('sha256').update(bytes.subarray(0, part.bytes)).digest('hex');
  if (sha256 === part.sha256) return [];
  const message = `was altered: SHA-256 over its first ${part.bytes} bytes is ${sha256}, the chain says ${part.sha256}`;
  return [{ code: 'segment-altered', where: part.file, message }];
}

/** The path, unless it leads out of the run folder: a chain that was made up must not make us read elsewhere. */
function inside(dir: string, file: string): string | undefined {
  return /^wire\/[A-Za-z0-9._~-]+$/.test(file) ? join(dir, file) : undefined;
}

function strangers(dir: string, entries: readonly Entry[], covered: ReadonlySet<string>): Problem[] {
  // While a run is not closed, a power loss leaves segments that no checkpoint has reached.
  const closed = entries.some(({ kind }) => kind === 'record-closed');
  return wireFiles(dir)
    .filter((file) => !covered.has(file) && (closed || !/-\d+\.(bin|index\.jsonl)$/.test(file)))
    .map((file) => strayFile('segment-foreign', file));
}

/** Files of the wire folder as paths inside the run folder, sorted. */
export function wireFiles(dir: string): string[] {
  const folder = join(dir, wireFolder);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => `${wireFolder}/${name}`);
}
