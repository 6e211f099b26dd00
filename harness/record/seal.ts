/** The seal beside a closed record. */

import { join } from 'node:path';
import { utcNow } from '../clock.ts';
import { writeWhole } from './durable-file.ts';
import { sealFile, type EntryOf, type Seal } from './entry.ts';
import { canonicalize } from './jcs.ts';

/** What a `record-closed` entry is sealed with. */
export function sealOf({ runId, hash, payload }: EntryOf<'record-closed'>): Seal {
  return { runId, count: payload.count, root: payload.root, head: hash, tUtc: utcNow() };
}

/** @throws EvidenceError when the disk fails */
export function writeSeal(dir: string, seal: Seal): void {
  writeWhole(join(dir, sealFile), `${canonicalize(seal)}\n`);
}
