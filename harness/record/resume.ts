/** What it takes to go on with an interrupted record. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../clock.ts';
import { EvidenceError } from '../errors.ts';
import { readChain } from './chain.ts';
import { fileTrouble } from './durable-file.ts';
import {
  recordFile,
  saltFile,
  type Entry,
  type FileDigest,
  type RecordEvents,
  type SegmentDigest,
} from './entry.ts';
import { checkRun } from './read.ts';
import { segmentsOf, wireFiles } from './segments.ts';

export interface ResumeState {
  runId: string;
  leaves: Uint8Array[];
  clockOffsetMs: number;
  torn: RecordEvents['record-resumed'];
  /** Segments that the interruption left open, with the digests of what is on the disk. */
  unfinished: readonly { channel: string; segment: SegmentDigest }[];
  channels: ReadonlyMap<string, { nextNumber: number; base: number }>;
}

/**
 * Checks the record, cuts off a torn last line, and says where to go on.
 *
 * @throws EvidenceError when the run is closed, never began, or its files are not as they were written
 */
export function prepareResume(dir: string): ResumeState {
  const chain = readChain(dir);
  const last = chain.entries.at(-1);
  if (last === undefined) throw refused(dir, 'it has no entries', 'Start a new run.');
  if (last.kind === 'record-closed') throw refused(dir, 'its run is complete', 'Start a new run.');
  const [problem] = checkRun(dir);
  if (problem !== undefined) throw refused(dir, `${problem.where}: ${problem.message}`, 'Start a new run.');
  cutTorn(dir, chain.soundBytes);
  const unfinished = unfinishedSegments(dir, chain.entries);
  return {
    runId: last.runId,
    leaves: [...chain.leaves],
    clockOffsetMs: last.tMono + Math.max(0, Date.now() - Date.parse(last.tUtc)) - monotonicMs(),
    torn:
      chain.torn === undefined
        ? { tornBytes: 0 }
        : { tornBytes: chain.torn.tornBytes, tornSha256: chain.torn.tornSha256 },
    unfinished,
    channels: continuations(chain.entries, unfinished),
  };
}

/** Salts of the commitments made so far, so that the same secret keeps the same one. */
export function readSalts(dir: string): Readonly<Record<string, string>> {
  const path = join(dir, saltFile);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>) : {};
}

function refused(dir: string, why: string, hint: string): EvidenceError {
  return new EvidenceError('cannot-resume', `the record in ${dir} cannot go on: ${why}`, { hint });
}

function cutTorn(dir: string, soundBytes: number): void {
  const path = join(dir, recordFile);
  try {
    truncateSync(path, soundBytes);
  } catch (cause) {
    throw fileTrouble('cut the unfinished line off', path, cause);
  }
}

/** Segments with a mark but no end, and those that no checkpoint had reached. */
function unfinishedSegments(
  dir: string,
  entries: readonly Entry[],
): { channel: string; segment: SegmentDigest }[] {
  const known = segmentsOf(entries);
  const named = new Map(known.map((segment) => [segment.file, segment]));
  return wireFiles(dir)
    .filter((file) => file.endsWith('.bin') && named.get(file)?.finished !== true)
    .flatMap((file) => {
      const stem = file.replace(/-\d+\.bin$/, '');
      const siblings = known.filter((other) => other.file.replace(/-\d+\.bin$/, '') === stem);
      const channel = named.get(file)?.channel ?? siblings[0]?.channel ?? stem.replace(/^wire\//, '');
      const before = siblings
        .filter((other) => other.finished)
        .reduce((end, s) => Math.max(end, s.base + s.bytes), 0);
      const index = digestOf(dir, file.replace(/\.bin$/, '.index.jsonl'));
      return [{ channel, segment: { ...digestOf(dir, file), base: named.get(file)?.base ?? before, index } }];
    });
}

function digestOf(dir: string, file: string): FileDigest {
  const path = join(dir, file);
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  return { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function continuations(
  entries: readonly Entry[],
  unfinished: readonly { channel: string; segment: SegmentDigest }[],
): Map<string, { nextNumber: number; base: number }> {
  const all = [
    ...segmentsOf(entries),
    ...unfinished.map(({ channel, segment }) => ({ channel, ...segment })),
  ];
  const channels = new Map<string, { nextNumber: number; base: number }>();
  for (const { channel, file, base, bytes } of all) {
    const number = Number(/-(\d+)\.bin$/.exec(file)?.[1] ?? 0);
    const known = channels.get(channel) ?? { nextNumber: 1, base: 0 };
    channels.set(channel, {
      nextNumber: Math.max(known.nextNumber, number + 1),
      base: Math.max(known.base, base + bytes),
    });
  }
  return channels;
}
