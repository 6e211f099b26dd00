/** What still stands of a file with mistakes, so that the rest of it is checked in the same go. */

import type { z } from 'zod';
import { valueAt } from './issues.ts';
import type { KeyPath } from './problem.ts';

/** Each round takes away at least one value, so this only guards against a schema that refuses everything. */
const maximumRounds = 50;

/**
 * Parses a value after taking out of it whatever the schema refuses: an unknown key, a wrong value, or the mapping
 * from which something is missing.
 *
 * @returns undefined when nothing is left
 */
export function parseWhatStands<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> | undefined {
  let rest = value;
  for (let round = 0; round < maximumRounds; round += 1) {
    const parsed = schema.safeParse(rest);
    if (parsed.success) return parsed.data;
    const before = rest;
    for (const issue of parsed.error.issues) {
      for (const path of refusedPaths(issue, before)) {
        if (path.length === 0) return undefined;
        rest = without(rest, path);
      }
    }
    if (rest === before) return undefined;
  }
  return undefined;
}

function refusedPaths(issue: z.core.$ZodIssue, value: unknown): KeyPath[] {
  const path = issue.path as KeyPath;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key]);
  return [valueAt(value, path) === undefined ? path.slice(0, -1) : path];
}

/** A copy without the value at a path; list items are taken out, too. */
function without(value: unknown, path: KeyPath): unknown {
  const [key, ...rest] = path;
  if (key === undefined || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    if (rest.length === 0) return items.filter((_, index) => index !== key);
    return items.map((item, index) => (index === key ? without(item, rest) : item));
  }
  const entries = Object.entries(value);
  if (rest.length === 0) return Object.fromEntries(entries.filter(([name]) => name !== key));
  return Object.fromEntries(entries.map(([name, item]) => [name, name === key ? without(item, rest) : item]));
}
