/**
 * `lab.yaml`: what only the laboratory can say. Everything but the format’s version may be left out, and stands in the
 * report as a visible placeholder.
 *
 * Source: ISO/IEC 17025:2017, 7.8.2 to 7.8.8. There is no key for marks of accreditation on purpose.
 */

import { z } from 'zod';

const text = (description: string) => z.string().min(1).describe(description);

/** A day as people write it in reports; YAML reads an unquoted one as text too. */
const date = (description: string) =>
  z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'a date such as 2026-05-08')
    .refine((day) => realDay(day), 'there is no such day')
    .describe(description);

function realDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(day);
}

const report = z
  .strictObject({
    number: text('Number of this report, unique in the laboratory (7.8.2.1 d)').optional(),
    issuedOn: date('Date of issue (7.8.2.1 j)').optional(),
    authorisedBy: z
      .strictObject({ name: text('Name'), function: text('Function').optional() })
      .optional()
      .describe('Who authorises the report (7.8.2.1 o)'),
    amends: z
      .strictObject({
        number: text('Number of the report that this one replaces'),
        reason: text('What was changed and why'),
      })
      .optional()
      .describe('Only for an amended report (7.8.8): it has a number of its own and names the old one'),
  })
  .check(({ value, issues }) => {
    if (value.amends === undefined) return;
    const wrong = (message: string): void =>
      void issues.push({ code: 'custom', input: value, path: ['number'], message });
    if (value.number === undefined) wrong('an amended report needs a number of its own');
    else if (value.number === value.amends.number)
      wrong('is the number of the report that it amends; give it a new one');
  });

export const labSchema = z.strictObject({
  lab: z.literal(1).describe('Version of this format'),
  laboratory: z
    .strictObject({
      name: text('Name of the laboratory (7.8.2.1 b)'),
      address: text('Its address (7.8.2.1 b)'),
      location: text('Where the tests were done, if elsewhere (7.8.2.1 c)').optional(),
    })
    .optional(),
  customer: z
    .strictObject({
      name: text('Name of the customer (7.8.2.1 e)'),
      contact: text('Address or other contact (7.8.2.1 e)').optional(),
    })
    .optional(),
  item: z
    .strictObject({
      description: text(
        'Description and unambiguous identification, beside what the declaration says (7.8.2.1 g)',
      ).optional(),
      condition: text('Condition on receipt, seals, modifications (7.8.2.1 g)').optional(),
      receivedOn: date('Date of receipt (7.8.2.1 h)').optional(),
      sampledOn: date('Date of sampling, where that matters (7.8.2.1 h)').optional(),
    })
    .optional(),
  sampling: text('Sampling plan and method (7.8.2.1 k), or that the customer chose the item').optional(),
  report: report.optional(),
  conditions: z
    .array(
      z.strictObject({ name: text('Temperature, supply voltage, …'), value: text('Value with its unit') }),
    )
    .optional()
    .describe('Conditions that matter for the results (7.8.3.1 a)'),
  equipment: z
    .array(
      z.strictObject({
        name: text('Power switch, serial adapter, time reference, …'),
        id: text('Its number in the laboratory'),
        calibratedUntil: date('End of the calibration’s validity').optional(),
      }),
    )
    .optional(),
  deviations: z
    .array(text('One sentence'))
    .optional()
    .describe('Additions, deviations, exclusions (7.8.2.1 n)'),
  externalResults: z
    .array(text('Which results, and from whom'))
    .optional()
    .describe('Results from external providers (7.8.2.1 p)'),
  opinions: z
    .array(
      z.strictObject({ text: text('Opinion or interpretation'), by: text('Who is authorised to give it') }),
    )
    .optional()
    .describe('Opinions and interpretations, shown apart from results (7.8.7)'),
});

/** A checked lab file. */
export type Lab = z.output<typeof labSchema>;

/** The JSON Schema of lab files, for editors (draft 2020-12). */
export function labJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(labSchema, { io: 'input', unrepresentable: 'any' }),
    title: 'Fieldproof lab file',
  };
}
