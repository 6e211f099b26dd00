/**
 * How far the bench stands behind a record that is not closed yet: the hash of an entry, signed, beside the record.
 *
 * A chain alone can be computed anew by anybody. What a run that goes on takes over from before its interruption is
 * what the checkpoint covers, or the bench would in the end sign what others wrote.
 */

import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError } from '../errors.ts';
import type { Entry } from './entry.ts';
import { canonicalize } from './jcs.ts';
import { benchKeyOf } from './signed-seal.ts';
import { readSigned, writeSigned } from './signed-file.ts';
import type { Signer } from './signing.ts';

export const checkpointFile = 'checkpoint.dsse.json';
export const checkpointPayloadType = 'application/vnd.fieldproof.checkpoint+json';

export interface Checkpoint {
  runId: string;
  /** Number of the last entry that is covered. */
  seq: number;
  /** Hash of that entry, lower-case hex. */
  head: string;
}

/** @throws EvidenceError when the disk fails */
export function writeCheckpoint(dir: string, { runId, seq, head }: Checkpoint, signer: Signer): void {
  const text = canonicalize({ runId, seq, head });
  writeSigned(join(dir, checkpointFile), checkpointPayloadType, text, signer);
}

/**
 * The last entry that the bench's key vouches for.
 *
 * @param entries of a chain that holds
 * @returns undefined when the run was opened without a key: nothing vouches for it, and nothing may sign it later
 * @throws EvidenceError when the key is another one, or does not vouch for these entries
 */
export function signedUpTo(
  dir: string,
  entries: readonly Entry[],
  signer: Signer | undefined,
): number | undefined {
  const promised = benchKeyOf(entries);
  if (promised === undefined) return undefined;
  if (signer?.fingerprint !== promised) {
    const why = `it was opened with key ${promised}, and ${signer === undefined ? 'there is none now' : `the key is ${signer.fingerprint} now`}`;
    throw unsigned(dir, why, 'Name that key with --bench-key, or run again: the folder stays as it is.');
  }
  const checkpoint = readCheckpoint(dir, signer);
  const entry = entries.find(({ seq }) => seq === checkpoint.seq);
  if (checkpoint.runId === entries[0]?.runId && entry?.hash === checkpoint.head) return checkpoint.seq;
  const why = `${checkpointFile} is of run ${checkpoint.runId} with entry ${checkpoint.seq} ${checkpoint.head}; the record has ${entry?.hash ?? 'no such entry'}: it was rewritten`;
  throw unsigned(dir, why);
}

function readCheckpoint(dir: string, signer: Signer): Checkpoint {
  const path = join(dir, checkpointFile);
  if (!existsSync(path))
    throw unsigned(
      dir,
      `${checkpointFile} is missing: nothing shows that its entries are those of the bench`,
    );
  const text = readSigned(path, checkpointPayloadType, createPublicKey(signer.publicPem));
  if (text === undefined)
    throw unsigned(dir, `${checkpointFile} is not signed by the key of the bench, ${signer.fingerprint}`);
  return JSON.parse(text) as Checkpoint;
}

/** What cannot be taken over from before an interruption. */
export function unsigned(
  dir: string,
  why: string,
  hint = 'Run again: the folder stays as it is.',
): EvidenceError {
  return new EvidenceError('cannot-resume', `the record in ${dir} cannot go on: ${why}`, { hint });
}
