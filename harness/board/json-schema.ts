/** JSON Schemas for editors, made from the schemas that check the files. */

import { z } from 'zod';
import type { DriverSpec } from '../driver.ts';
import { exactParts } from './board-parts.ts';
import { boardSchema } from './board-schema.ts';
import { declarationSchema } from './declaration-schema.ts';
import { profileSchema } from './profile-schema.ts';

/** A JSON Schema document (draft 2020-12). */
export type JsonSchema = Record<string, unknown>;

/**
 * The schema of board files for these drivers: settings complete by `driver:` and `adapter:`.
 * Editors see `!from wire.key` and `${ENV}` as texts, so every setting may also be such a text; tell the YAML
 * language server of the tags with `yaml.customTags: ["!secret scalar", "!from scalar"]`.
 */
export function boardJsonSchema(specs: readonly DriverSpec[]): JsonSchema {
  const parts = exactParts(specs);
  const profile = z
    .union([z.string().min(1), profileSchema(parts)])
    .describe(
      'How this device does things, through adapters on wires; or the path of a file that says so, from this file',
    );
  return described(boardSchema(parts).extend({ profile }), 'Fieldproof board file');
}

/** The schema of profiles that are files of their own. */
export function profileJsonSchema(specs: readonly DriverSpec[]): JsonSchema {
  return described(profileSchema(exactParts(specs)), 'Fieldproof profile');
}

function described(schema: z.ZodType, title: string): JsonSchema {
  const written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  allowReferences(written);
  return { ...written, title };
}

/** The schema of declarations. */
export function declarationJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(declarationSchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'Fieldproof declaration' };
}

const reference = {
  type: 'string',
  pattern: '^([a-z][a-z0-9-]*\\.[A-Za-z][A-Za-z0-9]*|.*\\$\\{.+\\}.*)$',
  description: '`!from wire.key`, or `${ENV}`',
};

/** Keys of a wire or an adapter use that name things, and so are never references. */
const naming = new Set(['driver', 'adapter', 'wire', 'activate']);

/** Every non-text setting of every wire and adapter use may also be a reference. */
function allowReferences(node: unknown): void {
  if (node === null || typeof node !== 'object') return;
  const { properties } = node as { properties?: Record<string, Record<string, unknown>> };
  if (properties !== undefined && (isConstant(properties['driver']) || isConstant(properties['adapter']))) {
    for (const [key, property] of Object.entries(properties)) {
      if (naming.has(key) || (property['type'] === 'string' && !('enum' in property))) continue;
      const { description, ...rest } = property;
      properties[key] = { ...(description === undefined ? {} : { description }), anyOf: [rest, reference] };
    }
    allowReferences(properties['activate']);
    return;
  }
  for (const item of Object.values(node)) allowReferences(item);
}

const isConstant = (property: Record<string, unknown> | undefined): boolean =>
  property?.['const'] !== undefined;
