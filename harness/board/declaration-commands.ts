/** The part of a declaration on command messages: layout, authentication, freshness. */

import { z } from 'zod';
import { itemName } from './names.ts';

/** Integers by name, with their size in bytes. */
export const fieldTypeBytes = { u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8 } as const;
export type FieldType = keyof typeof fieldTypeBytes;

/** Digest sizes in bytes of the message authentication codes that the harness can compute. */
export const macBytes = { 'hmac-sha256': 32, 'hmac-sha384': 48, 'hmac-sha512': 64 } as const;
export type MacAlgorithm = keyof typeof macBytes;

const names = <Name extends string>(table: Readonly<Record<Name, unknown>>): [Name, ...Name[]] =>
  Object.keys(table) as [Name, ...Name[]];

const layout = z.strictObject({
  byteOrder: z.enum(['big', 'little']).describe('Byte order of every field'),
  fields: z
    .array(
      z.strictObject({
        name: itemName.describe('Name of the field; counter, timestamp, code and value have a meaning'),
        type: z.enum(names(fieldTypeBytes)).describe('Integer type'),
        unit: z.enum(['s', 'ms', 'us']).optional().describe('Unit of a timestamp; default ms'),
        constant: z.number().int().optional().describe('Value that never changes: a version, a unit id'),
      }),
    )
    .min(1)
    .describe('Fields in order of transmission, without the authentication code'),
  mac: z
    .strictObject({
      algorithm: z.enum(names(macBytes)).describe('How the code is computed, over all fields before it'),
      bytes: z.number().int().min(4).max(64).describe('Leftmost bytes of the code that are sent'),
    })
    .describe('Message authentication code, behind the fields'),
});
export type MessageLayout = z.output<typeof layout>;

const effectWithinMs = z
  .number()
  .int()
  .positive()
  .max(60_000)
  .optional()
  .describe('Longest time from a command that was accepted to its effect; default 1 s');

const authenticated = z.strictObject({
  mechanism: z.literal('authenticated-messages').describe('Messages carry a code, and a counter or a time'),
  layout: layout.describe('The bytes of one message'),
  window: z
    .strictObject({
      olderMs: z
        .number()
        .int()
        .nonnegative()
        .describe('A message may be this much older than the device’s clock'),
      newerMs: z
        .number()
        .int()
        .nonnegative()
        .describe('A message may be this much ahead of the device’s clock'),
    })
    .optional()
    .describe('Acceptance window of the timestamp'),
  counter: z
    .strictObject({
      maximumGap: z
        .number()
        .int()
        .positive()
        .describe('Largest step from the last accepted counter to the next'),
      survivesPowerLoss: z.boolean().describe('Whether the last accepted counter is kept without power'),
    })
    .optional()
    .describe('Counter of the messages'),
  actions: z.record(itemName, z.number().int()).describe('Command codes by name: set, add'),
  clock: z.enum(['utc', 'device']).default('utc').describe('Clock of the timestamps'),
  effectWithinMs,
});

export const commandsSchema = z.discriminatedUnion('mechanism', [
  authenticated,
  z.strictObject({
    mechanism: z.literal('service-off').describe('The device takes no commands over this wire'),
    effectWithinMs,
  }),
  z.strictObject({
    mechanism: z.literal('none').describe('Commands are unprotected; a violation, told as such'),
    effectWithinMs,
  }),
]);
export type CommandsDeclaration = z.output<typeof commandsSchema>;

/** Contradictions inside the section; the paths start in it. */
export function checkCommands(
  commands: CommandsDeclaration | undefined,
): { path: (string | number)[]; message: string }[] {
  if (commands?.mechanism !== 'authenticated-messages') return [];
  const { layout: message, window, counter } = commands;
  const problems: { path: (string | number)[]; message: string }[] = [];
  const fieldNames = message.fields.map(({ name }) => name);
  for (const [i, name] of fieldNames.entries()) {
    if (fieldNames.indexOf(name) < i)
      problems.push({ path: ['layout', 'fields', i, 'name'], message: `${name} is here twice` });
  }
  const longest = macBytes[message.mac.algorithm];
  if (message.mac.bytes > longest) {
    const text = `${message.mac.algorithm} gives ${longest} bytes, not ${message.mac.bytes}`;
    problems.push({ path: ['layout', 'mac', 'bytes'], message: text });
  }
  if (window !== undefined && !fieldNames.includes('timestamp')) {
    problems.push({
      path: ['window'],
      message: 'a window is declared, and the layout has no field timestamp',
    });
  }
  if (counter !== undefined && !fieldNames.includes('counter')) {
    problems.push({
      path: ['counter'],
      message: 'a counter is declared, and the layout has no field counter',
    });
  }
  if (window === undefined && counter === undefined) {
    const text =
      'neither window nor counter: then nothing tells a replayed message from a new one; declare mechanism none';
    problems.push({ path: [], message: text });
  }
  return problems;
}
