/** Which keys a zod schema knows at a path: for proposals when a key is mistyped. */

import type { z } from 'zod';
import type { KeyPath } from './problem.ts';

interface Def {
  type: string;
  shape?: Readonly<Record<string, z.ZodType>>;
  innerType?: z.ZodType;
  in?: z.ZodType;
  valueType?: z.ZodType;
  element?: z.ZodType;
  options?: readonly z.ZodType[];
  getter?: () => z.ZodType;
}

const defOf = (schema: z.ZodType): Def => schema.def;

/**
 * @param schema what the file is validated with
 * @param path below the schema; list indices and names of records lead into their elements
 * @param value what stands in the file, by which a branch of a union is chosen
 */
export function knownKeysAt(schema: z.ZodType, path: KeyPath, value: unknown): string[] {
  const def = defOf(schema);
  const inner = def.innerType ?? (def.type === 'pipe' ? def.in : undefined) ?? def.getter?.();
  if (inner !== undefined) return knownKeysAt(inner, path, value);
  if (def.options !== undefined) {
    const fitting = def.options.filter((option) => fits(option, value));
    const branches = fitting.length > 0 ? fitting : def.options;
    return [...new Set(branches.flatMap((option) => knownKeysAt(option, path, value)))];
  }
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(def.shape ?? {});
  const below = (value as Readonly<Record<string | number, unknown>> | null | undefined)?.[key];
  const next = def.shape?.[key] ?? (def.type === 'record' ? def.valueType : def.element);
  return next === undefined ? [] : knownKeysAt(next, rest, below);
}

/** True when every literal of an object schema (`driver: serial`) stands in the value. */
function fits(option: z.ZodType, value: unknown): boolean {
  const shape = defOf(option).shape;
  if (shape === undefined || value === null || typeof value !== 'object') return false;
  const literals = Object.entries(shape).filter(([, field]) => defOf(field).type === 'literal');
  return (
    literals.length > 0 &&
    literals.every(([key, field]) => field.safeParse((value as Record<string, unknown>)[key]).success)
  );
}
