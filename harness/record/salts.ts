/** Salts of the secrets' commitments: beside the record, readable by the owner only, and in no package. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder, writeWhole } from './durable-file.ts';
import { saltFile } from './entry.ts';
import { canonicalize } from './jcs.ts';
import type { SecretGuard } from './secrets.ts';

/** Salts of the commitments made so far, so that the same secret keeps the same one. */
export function readSalts(dir: string): Readonly<Record<string, string>> {
  const path = join(dir, saltFile);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>) : {};
}

export function storeSalts(dir: string, guard: SecretGuard): void {
  if (guard.commitments.length === 0) return;
  const path = join(dir, saltFile);
  makeFolder(dirname(path), 0o700);
  writeWhole(path, `${canonicalize(guard.salts)}\n`, 0o600);
}
