/** The named faults of the simulated device, as `boards/simulated/defects.yaml` lists them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BoardFileError, UsageError } from '../errors.ts';
import { verdicts } from '../verdict.ts';
import { nearest } from '../board/index.ts';
import { packageRoot } from './paths.ts';

const verdict = z.enum(verdicts);

const defectSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  /** Board file, without its ending, whose simulated device has it. */
  board: z.string().default('simulated-gateway'),
  /** Cases that must catch it, with the verdict that catching means. */
  expected: z.record(z.string(), verdict),
  /** Cases that may also change, for a stated reason. */
  collateral: z
    .record(z.string(), z.strictObject({ verdicts: z.array(verdict), why: z.string() }))
    .default({}),
});
export type Defect = z.output<typeof defectSchema>;

/** @throws BoardFileError when the file is not as it should be */
export function loadDefects(): Defect[] {
  const file = join(packageRoot, 'boards', 'simulated', 'defects.yaml');
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new BoardFileError('defects-unreadable', `cannot read the list of defects ${file}`, { cause });
  }
  const result = z.strictObject({ defects: z.array(defectSchema) }).safeParse(content);
  if (result.success) return result.data.defects;
  throw new BoardFileError('defects-invalid', `${file}: ${z.prettifyError(result.error)}`);
}

/** @throws UsageError for a name that is not in the list, with the nearest */
export function knownDefects(names: readonly string[]): void {
  if (names.length === 0) return;
  const known = loadDefects().map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const close = nearest(name, known);
    throw new UsageError('unknown-defect', `there is no defect "${name}"`, {
      hint: close === undefined ? 'See `fieldproof list defects`.' : `Did you mean ${close}?`,
    });
  }
}
