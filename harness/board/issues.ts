/** Zod's issues, told to the person who wrote the file: where, what, and what to write instead. */

import type { z } from 'zod';
import { FromRef } from './from-ref.ts';
import { suggestion } from './nearest.ts';
import type { KeyPath, Problem } from './problem.ts';
import { knownKeysAt } from './schema-keys.ts';
import { inUnitOf, meantQuantity } from './units.ts';
import type { YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/** What was validated: issue paths start at `base` of the source; `value` is what the schema saw. */
export interface Validated {
  source: YamlSource;
  schema: z.ZodType;
  value: unknown;
  base?: KeyPath;
}

/** Every issue as one or more problems with places. */
export function problemsOf(issues: readonly Issue[], validated: Validated): Problem[] {
  return issues.flatMap((issue) => problemsOfOne(issue, validated));
}

function problemsOfOne(issue: Issue, validated: Validated): Problem[] {
  const { source, value, base = [] } = validated;
  const path = issue.path as KeyPath;
  const whole = [...base, ...path];
  const here = valueAt(value, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) =>
        source.problem([...whole, key], unknownKey(key, valueAt(here, [key]), validated, path), 'key'),
      );
    case 'invalid_key':
      return [source.problem(whole, `bad name: ${issue.issues.map(messageOf).join('; ')}`, 'key')];
    case 'invalid_union':
      return [unionProblem(issue, validated, path)];
    case 'invalid_type':
      if (here === undefined) return [source.problem(whole, `missing: ${wanted(issue.expected)} is needed`)];
      return [source.problem(whole, wrongType(issue.expected, here, path.at(-1)))];
    case 'invalid_value':
      if (here === undefined)
        return [source.problem(whole, `missing; known: ${issue.values.map(String).join(', ')}`)];
      return [
        source.problem(
          whole,
          `${shown(here)} is not known${suggestion(text(here), issue.values.map(String))}`,
        ),
      ];
    case 'too_big':
    case 'too_small':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'custom':
      return [source.problem(whole, here === undefined ? `missing: ${messageOf(issue)}` : messageOf(issue))];
  }
}

function unknownKey(key: string, value: unknown, validated: Validated, path: KeyPath): string {
  const known = knownKeysAt(validated.schema, path, validated.value);
  const quantity = meantQuantity(key, value, known);
  if (quantity !== undefined) return `unknown key ${key}; did you mean ${quantity}?`;
  return `unknown key ${key}${suggestion(key, known)}`;
}

/** Of a union, the branch that came furthest is the one that was meant. */
function unionProblem(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  validated: Validated,
  path: KeyPath,
): Problem {
  const { source, base = [] } = validated;
  const whole = [...base, ...path];
  const here = valueAt(validated.value, path);
  if (here === undefined) return source.problem(whole, 'missing');
  const deepest = (branch: readonly Issue[]): number => Math.max(0, ...branch.map((one) => one.path.length));
  const branches = [...issue.errors].sort((a, b) => deepest(b) - deepest(a));
  const best = branches[0];
  if (best !== undefined && deepest(best) > 0) {
    const nested = best.map((one) => ({ ...one, path: [...path, ...one.path] }));
    const first = problemsOf(nested, validated)[0];
    if (first !== undefined) return first;
  }
  const expected = branches
    .flat()
    .map((one) => ('expected' in one ? wanted(String(one.expected)) : one.message));
  const all = [...new Set(expected)].join(' or ');
  return source.problem(whole, `${shown(here)} does not fit${all === '' ? '' : `: ${all} is needed`}`);
}

function wrongType(expected: string, found: unknown, key: string | number | undefined): string {
  if (expected === 'string' && (typeof found === 'number' || typeof found === 'boolean')) {
    return `text is needed, and YAML reads this as the ${typeof found} ${String(found)}; put it in quotes`;
  }
  const converted = typeof key === 'string' ? inUnitOf(key, found) : undefined;
  if (converted !== undefined)
    return `${shown(found)} has a unit, which is in the key already; write ${converted}`;
  return `${wanted(expected)} is needed, found ${shown(found)}`;
}

const names: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (key: value)',
  record: 'a mapping (name: value)',
  array: 'a list',
};
const wanted = (expected: string): string => names[expected] ?? expected;

const messageOf = (issue: { message: string }): string => issue.message.replace(/^Invalid input: /, '');

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** A value in a message: short, and never long enough to carry a secret file. */
function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof FromRef)
    return `!from ${value.from}, which only settings of wires and adapters may have`;
  if (typeof value === 'object') return 'a mapping';
  const whole = text(value);
  return whole.length > 60 ? `${whole.slice(0, 57)}…` : whole;
}

/** The value at a path below another, or undefined. */
export function valueAt(value: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (below, key) =>
      below !== null && typeof below === 'object' && Object.hasOwn(below, key)
        ? (below as Record<string | number, unknown>)[key]
        : undefined,
    value,
  );
}
