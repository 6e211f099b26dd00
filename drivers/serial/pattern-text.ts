/** Regular expressions as a board file writes them: text, checked when the file is loaded. */

import { z } from 'zod';

/** Names of the groups in a pattern's source. */
export function groupNames(source: string): string[] {
  // An alternative that matches the empty text makes every group appear, unmatched, in `groups`.
  const groups = new RegExp(`${source}|`).exec('')?.groups;
  return groups === undefined ? [] : Object.keys(groups);
}

/**
 * A zod string that must be the source of a regular expression and have the named groups.
 *
 * @param required groups without which the adapter cannot work: `(?<value>…)`
 */
export function patternText(...required: readonly string[]): z.ZodString {
  return z
    .string()
    .min(1)
    .check((context) => {
      const fault = patternFault(context.value, required);
      if (fault !== undefined) context.issues.push({ code: 'custom', message: fault, input: context.value });
    });
}

function patternFault(source: string, required: readonly string[]): string | undefined {
  try {
    new RegExp(source);
    const missing = required.filter((name) => !groupNames(source).includes(name));
    if (missing.length === 0) return undefined;
    return `the pattern lacks the named group ${missing.map((name) => `(?<${name}>…)`).join(' and ')}`;
  } catch (error) {
    return `not a regular expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}
