/** Reads `record.jsonl` back and says what was done to it. */

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError } from '../errors.ts';
import { verdicts } from '../verdict.ts';
import { hashOf, noPrevious, recordFile, type Entry } from './entry.ts';
import { canonicalize } from './jcs.ts';

/** Something about a run's files that is not as it was written. */
export interface Problem {
  code:
    | 'line-altered'
    | 'line-unreadable'
    | 'entry-missing'
    | 'entry-out-of-order'
    | 'chain-broken'
    | 'foreign-entry'
    | 'after-close'
    | 'root-wrong'
    | 'count-wrong'
    | 'tail-cut'
    | 'seal-wrong'
    | 'seal-missing'
    | 'segment-missing'
    | 'segment-altered'
    | 'segment-foreign'
    | 'payload-missing'
    | 'payload-altered'
    | 'payload-foreign';
  /** File, and line or byte range where that is known. */
  where: string;
  message: string;
  /** The next step, where it is another one than to mistrust the record. */
  hint?: string;
}

/** A file that the chain does not know, as file managers leave them: it is in the way, and alters nothing. */
export function strayFile(code: 'segment-foreign' | 'payload-foreign', where: string): Problem {
  return {
    code,
    where,
    message: 'is in the folder and not in the chain; nothing in the record is altered',
    hint: `Remove ${where}: the run did not write it.`,
  };
}

/** An unfinished last line: what a power loss leaves. */
export interface TornLine {
  line: number;
  tornBytes: number;
  tornSha256: string;
}

export interface Chain {
  /** Every readable entry, in the order of the file. */
  entries: readonly Entry[];
  /** Leaf hashes recomputed from the text, in the order of the file. */
  leaves: readonly Uint8Array[];
  problems: readonly Problem[];
  torn?: TornLine;
  /** Length of the file up to the torn line. */
  soundBytes: number;
}

/** @throws EvidenceError when there is no record in the folder */
export function readChain(dir: string): Chain {
  const path = join(dir, recordFile);
  const { lines, torn, soundBytes } = splitLines(readRecord(path));
  const problems: Problem[] = [];
  const entries: Entry[] = [];
  const leaves: Uint8Array[] = [];
  lines.forEach((bytes, index) => {
    const read = readLine(bytes, `${recordFile}:${index + 1}`);
    if ('problem' in read) problems.push(read.problem);
    if (read.entry === undefined) return;
    entries.push(read.entry);
    leaves.push(read.leaf);
  });
  problems.push(...orderProblems(entries), ...linkProblems(entries));
  return { entries, leaves, problems, ...(torn === undefined ? {} : { torn }), soundBytes };
}

function readRecord(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EvidenceError('no-record', `cannot read ${path}`, {
      hint: 'Name the folder of a run: the one that holds record.jsonl.',
      cause,
    });
  }
}

/** Lines as bytes: a record may be longer than a string can be. */
function splitLines(bytes: Buffer): { lines: Buffer[]; torn?: TornLine; soundBytes: number } {
  const soundBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines: Buffer[] = [];
  for (let from = 0; from < soundBytes;) {
    const end = bytes.indexOf(0x0a, from);
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  if (soundBytes === bytes.length) return { lines, soundBytes };
  const rest = bytes.subarray(soundBytes);
  const tornSha256 = createHash('sha256').update(rest).digest('hex');
  return { lines, torn: { line: lines.length + 1, tornBytes: rest.length, tornSha256 }, soundBytes };
}

type LineReading =
  | { entry: undefined; problem: Problem }
  | { entry: Entry; leaf: Uint8Array; problem: Problem }
  | { entry: Entry; leaf: Uint8Array };

function readLine(bytes: Buffer, where: string): LineReading {
  const unreadable = (message: string): LineReading => ({
    entry: undefined,
    problem: { code: 'line-unreadable', where, message },
  });
  if (!isUtf8(bytes)) return unreadable('is not UTF-8');
  const text = bytes.toString('utf8');
  const value = parsed(text);
  if (!isEntry(value)) return unreadable('is not an entry of a record');
  if (value.kind === 'verdict' && !isVerdict(value.payload))
    return unreadable(
      `entry ${value.seq} is not a verdict: it must be one of ${verdicts.join(', ')}, with its reason`,
    );
  const leaf = hashOf({ ...value });
  const says = value.hash;
  if (Buffer.from(leaf).toString('hex') !== says) {
    const message = `entry ${value.seq} (${value.kind}) was altered: its text does not have the hash that it carries`;
    return { entry: value, leaf, problem: { code: 'line-altered', where, message } };
  }
  if (canonicalize(value) !== text) {
    const message = `entry ${value.seq} (${value.kind}) is not in canonical form: it was rewritten`;
    return { entry: value, leaf, problem: { code: 'line-altered', where, message } };
  }
  return { entry: value, leaf };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Partial<Record<keyof Entry, unknown>>;
  return (
    Number.isSafeInteger(entry.seq) &&
    [entry.runId, entry.kind, entry.prev, entry.hash, entry.tUtc].every((text) => typeof text === 'string') &&
    typeof entry.tMono === 'number' &&
    typeof entry.payload === 'object' &&
    entry.payload !== null
  );
}

function isVerdict({ verdict, reason, findings }: Partial<Record<string, unknown>>): boolean {
  const known: readonly unknown[] = verdicts;
  return (
    known.includes(verdict) &&
    typeof reason === 'string' &&
    (findings === undefined || Array.isArray(findings))
  );
}

/** Numbers that are missing, repeated or not in order. */
function orderProblems(entries: readonly Entry[]): Problem[] {
  const problems: Problem[] = [];
  const present = new Set(entries.map(({ seq }) => seq));
  const last = entries.reduce((highest, { seq }) => Math.max(highest, seq), -1);
  for (let seq = 0; seq <= last; seq += 1) {
    if (present.has(seq)) continue;
    problems.push({ code: 'entry-missing', where: recordFile, message: `entry ${seq} was removed` });
    if (problems.length >= 20) break;
  }
  entries.forEach(({ seq }, index) => {
    const before = entries[index - 1]?.seq ?? -1;
    if (seq > before) return;
    const message = `entry ${seq} stands after entry ${before}: moved or repeated`;
    problems.push({ code: 'entry-out-of-order', where: recordFile, message });
  });
  return problems;
}

/** Entries of another run, and links that do not hold although the numbers do. */
function linkProblems(entries: readonly Entry[]): Problem[] {
  const runId = entries[0]?.runId;
  return entries.flatMap((entry, index) => {
    const before = entries[index - 1];
    const problems: Problem[] = [];
    if (entry.runId !== runId) {
      const message = `entry ${entry.seq} belongs to run ${entry.runId}, not ${runId}`;
      problems.push({ code: 'foreign-entry', where: recordFile, message });
    }
    const follows = before === undefined ? entry.seq === 0 : entry.seq === before.seq + 1;
    if (follows && entry.prev !== (before?.hash ?? noPrevious)) {
      const message = `entry ${entry.seq} does not follow the entry before it: one of the two was replaced`;
      problems.push({ code: 'chain-broken', where: recordFile, message });
    }
    return problems;
  });
}
