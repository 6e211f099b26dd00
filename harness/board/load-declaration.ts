/** From a declaration file to a frozen declaration with its digest. */

import { createHash } from 'node:crypto';
import path from 'node:path';
import type { z } from 'zod';
import { BoardFileError } from '../errors.ts';
import { declarationSchema, type Declaration } from './declaration-schema.ts';
import { problemsOf } from './issues.ts';
import { readBoardText } from './load-board.ts';
import { refuseIfAny, type KeyPath, type Problem } from './problem.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

export interface LoadedDeclaration {
  /** Frozen in depth. */
  declaration: Declaration;
  /** Absolute path. */
  file: string;
  /** Of the file's bytes, lower-case hex. */
  sha256: string;
  /** A problem at a place of the file, for contradictions found against other files. */
  problem(at: KeyPath, message: string): Problem;
}

/**
 * Loads, checks and freezes a declaration. It may use neither tags nor the environment: what it says must be what
 * its digest covers.
 *
 * @throws BoardFileError listing every problem as `file:line:column key.path: what, and what to write instead`
 */
export async function loadDeclaration(file: string): Promise<LoadedDeclaration> {
  const { value, bytes, source } = await loadYaml(file, 'declaration', declarationSchema);
  return {
    declaration: deepFreeze(value),
    file: path.resolve(file),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    problem: (at, message) => source.problem(at, message),
  };
}

/**
 * A YAML file held against its schema.
 *
 * @param what it is, for messages
 * @throws BoardFileError listing every problem with its place
 */
export async function loadYaml<Schema extends z.ZodType>(
  file: string,
  what: string,
  schema: Schema,
): Promise<{ value: z.output<Schema>; bytes: Buffer; source: YamlSource }> {
  const bytes = await readBoardText(file, what);
  const source = readYaml(file, bytes.toString('utf8'));
  const parsed = schema.safeParse(source.value);
  const issues = parsed.success || source.value === undefined ? [] : parsed.error.issues;
  refuseIfAny(file, [...source.problems, ...problemsOf(issues, { source, schema, value: source.value })]);
  if (!parsed.success) throw new BoardFileError('file-invalid', `${file}: not a ${what}`);
  return { value: parsed.data, bytes, source };
}

/** Freezes a value and everything inside it. */
export function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value) || Object.isFrozen(value))
    return value;
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze<unknown>(item);
  return value;
}
