/** What it takes to go on with an interrupted record. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../clock.ts';
import { EvidenceError } from '../errors.ts';
import { readChain, type Chain, type Problem } from './chain.ts';
import { AppendFile, fileTrouble } from './durable-file.ts';
import {
  recordFile,
  type Entry,
  type FileDigest,
  type RecordEvents,
  type SecretCommitment,
  type SegmentDigest,
} from './entry.ts';
import { unnamedPayloads } from './payloads.ts';
import { checkRun } from './read.ts';
import { whyNotEnded } from './late-end.ts';
import { sealOf } from './seal.ts';
import { signedUpTo, unsigned } from './signed-checkpoint.ts';
import { isSealed, sealRecord } from './signed-seal.ts';
import type { Signer } from './signing.ts';
import { segmentsOf, wireFiles } from './segments.ts';

export interface ResumeState {
  runId: string;
  leaves: Uint8Array[];
  clockOffsetMs: number;
  resumed: RecordEvents['record-resumed'];
  /** False when the interruption came before the record could say which secrets it blanks. */
  secretsDeclared: boolean;
  /** Segments that the interruption left open, with the digests of what is on the disk. */
  unfinished: readonly { channel: string; segment: SegmentDigest }[];
  channels: ReadonlyMap<string, { nextNumber: number; base: number }>;
}

/**
 * Checks the record, cuts off a torn last line, and says where to go on.
 *
 * @param secrets of the run as they are now, with the salts of the record
 * @param signer whose key must have signed checkpoints of a run that was opened with one
 * @throws EvidenceError when the run is closed, never began, has other secrets, its files are not as they were written, or
 * the bench's key does not vouch for them
 */
export function prepareResume(
  dir: string,
  secrets: readonly SecretCommitment[],
  signer?: Signer,
): ResumeState {
  const chain = readChain(dir);
  const last = chain.entries.at(-1);
  if (last === undefined) throw refused(dir, 'it has no entries', 'Start a new run.');
  if (last.kind === 'record-closed') throw refused(dir, 'its run is complete', 'Start a new run.');
  const [problem] = checkRun(dir);
  if (problem !== undefined) throw refusedFor(dir, problem);
  const other = otherSecrets(chain.entries, secrets);
  if (other.length > 0)
    throw refused(
      dir,
      `another value: ${other.join(', ')}`,
      'Put the secrets of that run back, or start a new one.',
    );
  const checkpoint = signedUpTo(dir, chain.entries, signer);
  const notEnded = checkpoint === undefined ? undefined : whyNotEnded(chain.entries, checkpoint);
  if (notEnded !== undefined) throw unsigned(dir, notEnded);
  cutTorn(dir, chain.soundBytes);
  const unfinished = unfinishedSegments(dir, chain.entries);
  const payloads = unnamedPayloads(dir, chain.entries);
  return {
    runId: last.runId,
    leaves: [...chain.leaves],
    clockOffsetMs: last.tMono + Math.max(0, Date.now() - Date.parse(last.tUtc)) - monotonicMs(),
    resumed: {
      ...tornOf(chain),
      ...(payloads.length === 0 ? {} : { payloads }),
      ...(checkpoint === undefined ? {} : { checkpoint }),
    },
    secretsDeclared: chain.entries.some(({ kind }) => kind === 'secrets-declared'),
    unfinished,
    channels: continuations(chain.entries, unfinished),
  };
}

function tornOf({ torn }: Chain): RecordEvents['record-resumed'] {
  return torn === undefined ? { tornBytes: 0 } : { tornBytes: torn.tornBytes, tornSha256: torn.tornSha256 };
}

/**
 * Names of secrets that are not those which the record speaks of. An interruption may have come before the record
 * declared any; there is nothing to compare then.
 */
function otherSecrets(entries: readonly Entry[], now: readonly SecretCommitment[]): string[] {
  const declared = entries.find((entry) => entry.kind === 'secrets-declared')?.payload.secrets;
  if (declared === undefined) return [];
  const differs = (one: SecretCommitment, others: readonly SecretCommitment[]): boolean =>
    !others.some(({ name, commitment }) => name === one.name && commitment === one.commitment);
  const names = [
    ...declared.filter((one) => differs(one, now)),
    ...now.filter((one) => differs(one, declared)),
  ];
  return [...new Set(names.map(({ name }) => name))];
}

/**
 * Writes the seal of a record that was closed and lost its process before it was sealed.
 *
 * @returns false when there is nothing to do: it is not closed, or is sealed already
 * @throws EvidenceError when its files are not as they were written, or the bench's key does not vouch for them
 */
export function sealIfMissing(dir: string, signer?: Signer): boolean {
  const { entries } = readChain(dir);
  const closed = entries.at(-1);
  if (closed?.kind !== 'record-closed' || isSealed(dir, entries)) return false;
  const problem = checkRun(dir).find(({ code }) => code !== 'seal-missing');
  if (problem !== undefined) throw refusedFor(dir, problem);
  const signedTo = signedUpTo(dir, entries, signer);
  if (signedTo !== undefined && signedTo !== closed.seq - 1) {
    const why = `the last signed checkpoint is entry ${signedTo}; to be sealed, all up to the close, entry ${closed.seq}, must be covered`;
    throw unsigned(dir, why);
  }
  sealRecord(dir, sealOf(closed), signedTo === undefined ? undefined : signer);
  return true;
}

function refusedFor(dir: string, { where, message, hint }: Problem): EvidenceError {
  return refused(dir, `${where}: ${message}`, hint ?? 'Start a new run.');
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

/** Segments with a mark but no end, and those that no checkpoint had reached, in the order of each channel. */
function unfinishedSegments(
  dir: string,
  entries: readonly Entry[],
): { channel: string; segment: SegmentDigest }[] {
  const known = segmentsOf(entries);
  const named = new Map(known.map((segment) => [segment.file, segment]));
  const ends = new Map<string, number>();
  const reaches = (stem: string, end: number) => ends.set(stem, Math.max(ends.get(stem) ?? 0, end));
  for (const { file, base, bytes, finished } of known) if (finished) reaches(stemOf(file), base + bytes);
  return segmentFiles(dir)
    .filter((file) => named.get(file)?.finished !== true)
    .map((file) => {
      const stem = stemOf(file);
      const sibling = known.find((other) => stemOf(other.file) === stem);
      const channel = sibling?.channel ?? stem.replace(/^wire\//, '');
      const base = named.get(file)?.base ?? ends.get(stem) ?? 0;
      const index = digestOf(dir, file.replace(/\.bin$/, '.index.jsonl'));
      const bytes = digestOf(dir, file);
      reaches(stem, base + bytes.bytes);
      return { channel, segment: { ...bytes, base, index } };
    });
}

const stemOf = (file: string): string => file.replace(/-\d+\.bin$/, '');
const numberOf = (file: string): number => Number(/-(\d+)\.bin$/.exec(file)?.[1] ?? 0);

/** Segments of which at least one of the two files is there, the oldest first. */
function segmentFiles(dir: string): string[] {
  const files = wireFiles(dir).map((file) => file.replace(/\.index\.jsonl$/, '.bin'));
  return [...new Set(files)].sort((a, b) => numberOf(a) - numberOf(b));
}

/** A file that a power loss took with it is there again, empty. */
function digestOf(dir: string, file: string): FileDigest {
  const path = join(dir, file);
  if (!existsSync(path)) new AppendFile(path, 'ax').close();
  const bytes = readFileSync(path);
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
    const number = numberOf(file);
    const known = channels.get(channel) ?? { nextNumber: 1, base: 0 };
    channels.set(channel, {
      nextNumber: Math.max(known.nextNumber, number + 1),
      base: Math.max(known.base, base + bytes),
    });
  }
  return channels;
}
