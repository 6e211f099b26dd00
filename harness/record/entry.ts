/**
 * The form of `record.jsonl`: what a line holds and how lines are chained.
 *
 * A line is the RFC 8785 text of an {@link Entry} followed by LF. `hash` is SHA-256(0x00 ‖ RFC 8785 text of the entry
 * without `hash`), which is at the same time the entry's leaf hash in the tree of RFC 9162; `prev` is the `hash` of the
 * line before, or 64 zeros. The first entry of a run is `run-opened`.
 */

import type { NamedDigest, RunEvents } from './events.ts';
import { canonicalize } from './jcs.ts';
import { leafHash } from './digest.ts';

/** Digest of the part of a file that had been written at some moment. */
export interface FileDigest {
  /** Path inside the run folder, with forward slashes. */
  file: string;
  bytes: number;
  /** Lower-case hex SHA-256 of those first bytes. */
  sha256: string;
}

/** One piece of a channel's wire bytes and the index that says which burst is where. */
export interface SegmentDigest extends FileDigest {
  /** Position of the segment's first byte in the channel's whole traffic of this run. */
  base: number;
  index: FileDigest;
}

/** A secret as the record speaks of it. The salt stays outside the record, or short secrets could be guessed. */
export interface SecretCommitment {
  name: string;
  lengthBytes: number;
  /** Lower-case hex SHA-256(salt ‖ secret), with a salt of 32 bytes. */
  commitment: string;
}

/** What the record writes about itself, beside {@link RunEvents}. */
export interface RecordEvents extends RunEvents {
  /** Second entry, when the run has secrets: what was replaced wherever it occurred. */
  'secrets-declared': { secrets: readonly SecretCommitment[] };
  /** A segment still being written, as far as it had come at a checkpoint. */
  'wire-mark': SegmentDigest;
  /** A finished segment. `recovered` when it was finished after an interruption. */
  'wire-segment': SegmentDigest & { recovered?: boolean };
  /** The run went on after an interruption. */
  'record-resumed': {
    tornBytes: number;
    tornSha256?: string;
    /** Payloads that were stored, though no entry had come to name them; absent: none. */
    payloads?: readonly NamedDigest[];
    /**
     * Last entry before the interruption that the bench's key had signed: verdicts and findings between it and this entry
     * do not count. Absent where the run was opened without a key.
     */
    checkpoint?: number;
  };
  /** Last entry: how many entries came before it, and the root of the tree over them. */
  'record-closed': { count: number; root: string; digestedBy: readonly string[] };
}
export type RecordEventKind = keyof RecordEvents;

/** What every line carries beside its payload. */
export interface EntryFrame {
  seq: number;
  runId: string;
  caseId?: string;
  step?: string;
  attempt?: number;
  /** Milliseconds on the run's monotonic clock. */
  tMono: number;
  /** ISO 8601, UTC, milliseconds. */
  tUtc: string;
  /** The wire's name, in entries about wire bytes. */
  channel?: string;
  direction?: 'sent' | 'received';
  /** Lower-case hex hash of the entry before; 64 zeros in the first. */
  prev: string;
  hash: string;
}

export type EntryOf<Kind extends RecordEventKind> = EntryFrame & { kind: Kind; payload: RecordEvents[Kind] };
/** One line of the record. */
export type Entry = { [Kind in RecordEventKind]: EntryOf<Kind> }[RecordEventKind];

/** `seal.json`: written after the close, so that a tail cut off later is noticed. Also what the package signs. */
export interface Seal {
  runId: string;
  /** Entries before `record-closed`. */
  count: number;
  /** Lower-case hex Merkle root over those entries. */
  root: string;
  /** Hash of the `record-closed` entry. */
  head: string;
  tUtc: string;
}

export const recordFile = 'record.jsonl';
export const sealFile = 'seal.json';
export const wireFolder = 'wire';
/** Images and inputs, each under the lower-case hex SHA-256 of its bytes. */
export const payloadFolder = 'payloads';
/** Salts of the secrets' commitments; readable by the owner only, and no part of any package. */
export const saltFile = 'private/secret-salts.json';
export const noPrevious = '0'.repeat(64);

/** The hash that belongs to an entry, from everything but its `hash`. 32 bytes. */
export function hashOf(entry: Readonly<Record<string, unknown>>): Uint8Array {
  const { hash: _hash, ...rest } = entry;
  return leafHash(Buffer.from(canonicalize(rest), 'utf8'));
}
