/** `<board>.known.yaml`, beside the board file: violations that are known, with reason, who agreed, and an end. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import type { Catalogue } from '../catalogue/index.ts';
import { explain } from '../errors.ts';
import type { KnownList } from '../record/events.ts';
import { loadYaml } from './load-declaration.ts';
import { refuseIfAny } from './problem.ts';

/** `Date.parse` alone takes 2026-11-31 for the first of December. */
function isDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(day);
}

const violation = z.strictObject({
  case: z.string().min(1).describe('Case that violates, such as SIG-02'),
  findings: z
    .array(z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'a code such as forged-image-installed'))
    .min(1)
    .describe('Codes of the findings, as the report prints them; any other finding is new'),
  reason: z.string().min(10, 'say why, in a sentence').describe('Why it is known and not yet mended'),
  agreedBy: z.string().min(1).describe('Who answers for it: name and organisation'),
  expires: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'a date such as 2026-12-31')
    .refine(isDay, 'there is no such day')
    .describe('Last day (UTC) on which it counts as known'),
});

const knownSchema = z.strictObject({
  known: z.literal(1).describe('Version of this format'),
  violations: z.array(violation),
});

/** The JSON Schema of lists of known violations, for editors (draft 2020-12). */
export function knownJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(knownSchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'Fieldproof known violations' };
}

/** `boards/x.yaml` → `boards/x.known.yaml`. */
export function knownFileOf(boardFile: string): string {
  return boardFile.replace(/\.ya?ml$/, '') + '.known.yaml';
}

/** The list beside a board file; undefined where there is none. See {@link loadKnown}. */
export async function knownOfBoard(boardFile: string, catalogue: Catalogue): Promise<KnownList | undefined> {
  const file = knownFileOf(boardFile);
  return existsSync(file) ? loadKnown(file, catalogue) : undefined;
}

/** @throws BoardFileError listing every problem with its place: also cases that the catalogue does not have */
export async function loadKnown(file: string, catalogue: Catalogue): Promise<KnownList> {
  const { value, bytes, source } = await loadYaml(file, 'list of known violations', knownSchema);
  const seen = new Set<string>();
  refuseIfAny(
    file,
    value.violations.flatMap(({ case: id }, at) => {
      const path = ['violations', at, 'case'];
      const twice = seen.has(id) ? [source.problem(path, `${id} is here twice`)] : [];
      seen.add(id);
      try {
        catalogue.case(id);
        return twice;
      } catch (error) {
        return [...twice, source.problem(path, explain(error))];
      }
    }),
  );
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { file: basename(file), sha256, violations: value.violations };
}
