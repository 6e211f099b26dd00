/**
 * Mapping files: the rows of somebody else’s list (a standard’s requirements, a regulation’s annex), each with the
 * requirements of the catalogue and the cases that serve it. They belong to no run, and can be laid over a finished one.
 */

import { z } from 'zod';

const id = z.string().regex(/^[\w.()/+ -]{1,40}$/, 'up to 40 letters, digits, spaces and . ( ) / + - _');
const mappingId = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'lower case letters, digits and hyphens');
const text = (description: string) => z.string().min(3).describe(description);

const row = {
  id: id.describe('Id of the row in its document, such as CR 3.4'),
  name: text('What it asks for, short, in your own words').optional(),
  text: text('Text of the clause, where you hold it and may use it').optional(),
  claimedClause: text('Clause that an announcement cites and nobody here could read').optional(),
  requirements: z
    .array(z.string().regex(/^FP-[A-Z]+-\d+$/, 'a requirement of the catalogue, such as FP-SIG-1'))
    .optional()
    .describe('Requirements of the catalogue; all cases that serve them count'),
  cases: z.array(z.string().min(2)).optional().describe('Further cases, by id or pattern such as SIG-*'),
  uncovered: text('Why no case covers it').optional(),
};

const base = {
  mapping: z.literal(1).describe('Version of this format'),
  rows: z.array(z.strictObject(row)).min(1),
};

/** A mapping of its own. */
const whole = z.strictObject({
  ...base,
  id: mappingId.describe('Id of the mapping'),
  title: text('Name of the document, with its edition'),
  note: text('What a reader must know of it').optional(),
  extends: z.undefined().optional(),
});

/** Laid over a mapping that is there: rows with known ids are completed, others are added. */
const overlay = z.strictObject({
  ...base,
  extends: mappingId.describe('Id of the mapping that this file completes'),
  title: text('Another name for the document').optional(),
  note: text('Another note').optional(),
  id: z.undefined().optional(),
});

export const mappingSchema = z.union([whole, overlay]);
export type MappingFile = z.output<typeof mappingSchema>;
export type MappingRow = z.output<typeof whole>['rows'][number];

/** Chooses the schema by the file, so that messages speak of the form that was meant. */
export function schemaFor(value: unknown): typeof whole | typeof overlay {
  return typeof value === 'object' && value !== null && 'extends' in value ? overlay : whole;
}

/** The JSON Schema of mapping files, for editors (draft 2020-12). */
export function mappingJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(mappingSchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'Fieldproof mapping' };
}
