/** Settings of wires and adapters: checked when the board is loaded, resolved and parsed when the wires are open. */

import type { z } from 'zod';
import { BoardFileError } from '../errors.ts';
import { fromRefsIn, replaceRefs, type FromRef } from './from-ref.ts';
import { problemsOf, valueAt } from './issues.ts';
import { suggestion } from './nearest.ts';
import { pathText, type KeyPath, type Problem } from './problem.ts';
import type { YamlSource } from './yaml-source.ts';

/** Values that open wires provide, by wire and name. */
export type Provided = Readonly<Record<string, Readonly<Record<string, string | number>> | undefined>>;

/**
 * What is wrong with settings as far as it can be told now: everything but the values that other wires will provide.
 *
 * @param base path of the settings in the file
 */
export function checkSettings(
  source: YamlSource,
  base: KeyPath,
  settings: Readonly<Record<string, unknown>>,
  schema: z.ZodType,
): Problem[] {
  const references = [...fromRefsIn(settings)].map(({ path }) => path);
  const result = coercingParse(schema, settings);
  if (result.success) return [];
  const known = result.error.issues.filter((issue) => !references.some((path) => touches(issue, path)));
  return problemsOf(known, { source, schema, value: settings, base });
}

/** True when an issue may come from a value that is not known yet: it is there, inside it, or a union or rule around it. */
function touches(issue: z.core.$ZodIssue, reference: KeyPath): boolean {
  const path = issue.path;
  const shared = Math.min(path.length, reference.length);
  const along = path.slice(0, shared).every((part, index) => part === reference[index]);
  if (!along) return false;
  return path.length >= reference.length || issue.code === 'invalid_union' || issue.code === 'custom';
}

/**
 * Settings as the driver or adapter takes them: references replaced, environment texts turned into the numbers
 * that the schema asks for, defaults filled in, parsed by its schema.
 *
 * @param where for the message: `wires.modbus`
 * @throws BoardFileError (`unresolved-reference`, `settings-invalid`) listing every problem
 */
export function resolveSettings<Schema extends z.ZodType>(
  settings: Readonly<Record<string, unknown>>,
  provided: Provided,
  schema: Schema,
  where: string,
): z.output<Schema> {
  const missing: string[] = [];
  const plain = replaceRefs(settings, (ref) => {
    const value = provided[ref.wire]?.[ref.key];
    if (value === undefined) missing.push(missingText(ref, provided));
    return value;
  });
  if (missing.length > 0) {
    throw new BoardFileError('unresolved-reference', `${where}: ${missing.join('; ')}`, {
      hint: 'Open the wire that provides the value first, or correct the reference.',
    });
  }
  const result = coercingParse(schema, plain as Readonly<Record<string, unknown>>);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const ref = valueAt(settings, issue.path as KeyPath);
    const origin = isRef(ref) ? ` (from ${ref.from}: ${JSON.stringify(provided[ref.wire]?.[ref.key])})` : '';
    return `${pathText(issue.path as KeyPath) || where}: ${issue.message}${origin}`;
  });
  throw new BoardFileError('settings-invalid', `${where}: ${problems.join('; ')}`);
}

const isRef = (value: unknown): value is FromRef =>
  value !== null && typeof value === 'object' && 'from' in value && 'wire' in value;

function missingText(ref: FromRef, provided: Provided): string {
  const values = provided[ref.wire];
  if (values === undefined) return `!from ${ref.from}: the wire ${ref.wire} is not open`;
  return `!from ${ref.from}: the wire ${ref.wire} provides no ${ref.key}${suggestion(ref.key, Object.keys(values))}`;
}

/**
 * Parses; where the schema asks for a number or a boolean and finds a text that is one (as every value from the
 * environment is a text), converts it and parses once more.
 */
function coercingParse<Schema extends z.ZodType>(
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
): z.ZodSafeParseResult<z.output<Schema>> {
  const first = schema.safeParse(value);
  if (first.success) return first;
  let copy: unknown = value;
  for (const issue of first.error.issues) {
    if (issue.code !== 'invalid_type') continue;
    const path = issue.path as KeyPath;
    const converted = asScalar(issue.expected, valueAt(value, path));
    if (converted !== undefined) copy = withValue(copy, path, converted);
  }
  return copy === value ? first : schema.safeParse(copy);
}

function asScalar(expected: string, value: unknown): number | boolean | undefined {
  if (typeof value !== 'string') return undefined;
  if (expected === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined;
  const isNumber = /^-?(\d+(\.\d+)?|0x[0-9a-f]+)$/i.test(value);
  return isNumber && (expected === 'number' || expected === 'int') ? Number(value) : undefined;
}

/** A copy with one value replaced. */
function withValue(value: unknown, path: KeyPath, replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      index === key ? withValue(item, rest, replacement) : (item as unknown),
    );
  }
  const object = value as Readonly<Record<string, unknown>>;
  return { ...object, [key]: withValue(object[key], rest, replacement) };
}
