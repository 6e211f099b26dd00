/** What a board file may say of each Modbus adapter. Addresses are zero-based protocol addresses throughout. */

import { z } from 'zod';
import { type AdapterSpec } from '../../../harness/driver.ts';

const address = (): z.ZodInt => z.int().min(0).max(0xffff);
const register = (): z.ZodInt => z.int().min(0).max(0xffff);
const ms = (): z.ZodInt => z.int().positive();
/** Keys are numbers as text, since YAML and JSON keys are text. */
const reasons = () =>
  z
    .record(z.string().regex(/^\d+$/, 'a register value in decimal'), z.string().min(1))
    .describe('Words for the values of the reason register: { "1": format, "5": signature }.');

const types = ['u16', 'i16', 'u32', 'i32', 'u64', 'f32', 'ascii', 'hex'] as const;
export type RegisterType = (typeof types)[number];
const orders = ['big', 'little'] as const;
const tables = ['input', 'holding'] as const;
export type RegisterTable = (typeof tables)[number];

const placed = {
  address: address().describe('First register, zero-based: 30001 and 40001 of many manuals are 0.'),
  type: z
    .enum(types)
    .default('u16')
    .describe('How the registers are read. ascii and hex take count registers.'),
  wordOrder: z.enum(orders).default('big').describe('big: the first register holds the highest word.'),
  byteOrder: z
    .enum(orders)
    .default('big')
    .describe('big, as the standard has it; little for devices that swap.'),
  count: z
    .int()
    .min(1)
    .max(125)
    .optional()
    .describe('ascii, hex: number of registers. Numbers: how many of them, to be joined by `join`.'),
};

const part = z.strictObject(placed);

export const registerSettings = z
  .strictObject({
    table: z.enum(tables).default('input').describe('input: function 4. holding: function 3.'),
    ...placed,
    address: placed.address.optional(),
    scale: z.number().optional().describe('The number is multiplied by this: 0.001 for thousandths.'),
    join: z
      .string()
      .optional()
      .describe('Joins `count` numbers to a text: "." makes 1.2.0 of three registers.'),
    format: z.string().optional().describe('Text made of `parts`: "{0}.{1}.{2}+{3}".'),
    parts: z
      .array(part)
      .min(1)
      .optional()
      .describe('Values for `format`; adjoining ones are read in one request.'),
  })
  .superRefine((given, context) => {
    const issue = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message });
    if ((given.parts === undefined) !== (given.format === undefined))
      issue('parts', 'parts and format go together');
    if ((given.parts === undefined) === (given.address === undefined)) {
      issue('address', 'give either address, or parts with format');
    }
    for (const [, index] of (given.format ?? '').matchAll(/\{(\d+)\}/g)) {
      if (Number(index) >= (given.parts?.length ?? 0)) issue('format', `{${index}} has no part`);
    }
    for (const [key, one] of [
      ['count', given] as const,
      ...(given.parts ?? []).map((p) => ['parts', p] as const),
    ]) {
      const text = one.type === 'ascii' || one.type === 'hex';
      if (text && one.count === undefined && !(one === given && given.parts))
        issue(key, `${one.type} needs count`);
    }
    const numbers = given.type !== 'ascii' && given.type !== 'hex';
    if (numbers && given.count !== undefined && given.join === undefined)
      issue('join', 'several numbers need join');
  });

export const identitySettings = z.strictObject({
  level: z
    .enum(['basic', 'regular', 'extended'])
    .default('basic')
    .describe('How much of the identification is read.'),
  objects: z
    .record(z.string().regex(/^(\d+|0x[0-9a-fA-F]+)$/, 'an object id, 5 or 0x80'), z.string().min(1))
    .optional()
    .describe('Object id → name: { "1": productCode, "0x80": serial }. Default: the names of the standard.'),
});

export const serverIdSettings = z.strictObject({
  idBytes: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Length of the server id, which the device’s manual tells; its state and a text follow.'),
});

const outcome = {
  statusRegister: address().optional().describe('Read until it has a value of acceptedWhen or refusedWhen.'),
  statusTable: z.enum(tables).default('input').describe('Where status and reason registers are.'),
  acceptedWhen: z.array(register()).optional().describe('Values of the status register that mean yes.'),
  refusedWhen: z.array(register()).optional().describe('Values of the status register that mean no.'),
  reasonRegister: address().optional().describe('Holds why, after a no.'),
  reasons: reasons().optional(),
  answerWithinMs: ms().default(5000).describe('How long the status may take.'),
  everyMs: ms().default(50).describe('Pause between two looks at the status.'),
};

export const writeSettings = z
  .strictObject({
    table: z
      .enum(['holding', 'coil'])
      .default('holding')
      .describe('holding: function 6 or 16. coil: 5 or 15.'),
    address: address().describe('First register or coil, zero-based.'),
    values: z
      .array(z.union([register(), z.boolean()]))
      .min(1)
      .max(123)
      .describe('Register values, or true and false for coils.'),
    multiple: z.boolean().default(false).describe('Use function 16 or 15 for a single value too.'),
    stage: z
      .enum(['transfer', 'verify', 'install', 'boot'])
      .optional()
      .describe('What a refusal means in the life of an update.'),
    ...outcome,
  })
  .superRefine((given, context) => {
    const coil = given.table === 'coil';
    if (given.values.some((value) => (typeof value === 'boolean') !== coil)) {
      context.addIssue({
        code: 'custom',
        path: ['values'],
        message: coil ? 'coils take true and false' : 'registers take numbers 0 to 65535',
      });
    }
    if (given.statusRegister !== undefined && given.acceptedWhen === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['acceptedWhen'],
        message: 'statusRegister needs acceptedWhen',
      });
    }
  });

export const fileRecordsSettings = z.strictObject({
  file: z.int().min(1).max(0xffff).default(1).describe('Number of the first file.'),
  recordsPerFile: z
    .int()
    .min(1)
    .max(0x10000)
    .default(10_000)
    .describe('Then the next file follows. Record = register.'),
  registersPerRequest: z
    .int()
    .min(1)
    .max(122)
    .default(120)
    .describe('Registers in one request of function 21.'),
  sizeRegister: address()
    .optional()
    .describe('Holding register that takes the size in bytes before the transfer.'),
  sizeType: z.enum(['u16', 'u32']).default('u32').describe('u32: two registers.'),
  wordOrder: z.enum(orders).default('big').describe('Order of the two size registers.'),
  controlRegister: address().describe('Holding register that takes beginValue and endValue.'),
  beginValue: register()
    .optional()
    .describe('Written before the first record; none: the first record begins.'),
  endValue: register().describe('Written after the last record: verify.'),
  statusRegister: address().describe('Holds verifiedValue or refusedValue once the device has decided.'),
  statusTable: z.enum(tables).default('input').describe('Where status and reason registers are.'),
  verifiedValue: register(),
  refusedValue: register(),
  reasonRegister: address().optional().describe('Holds why, after a no.'),
  reasons: reasons().optional(),
  verifyWithinMs: ms().default(30_000).describe('How long verification may take after the end was written.'),
  busyWithinMs: ms()
    .default(10_000)
    .describe('How long one request may be answered "busy" (06) and is asked again.'),
  everyMs: ms()
    .default(50)
    .describe('Pause between two looks at the status, or before asking a busy device again.'),
});

export const clockSettings = z.strictObject({
  address: address().describe('First of the two holding registers: seconds since 1970, UTC, as u32.'),
  wordOrder: z.enum(orders).default('big').describe('big: the first register holds the highest word.'),
});

export const alarmBitSettings = z.strictObject({
  address: address().default(0).describe('First discrete input, zero-based; one per object, in order.'),
  objects: z
    .array(z.string().min(1))
    .min(1)
    .max(256)
    .describe('Names of the objects, in the declaration’s words.'),
  everyMs: ms().default(50).describe('Pause between two polls: the main part of the uncertainty.'),
  sequenceRegister: address()
    .optional()
    .describe(
      'Counts alarms (u32 over two registers, high word first): shows one raised again while latched.',
    ),
  objectRegister: address()
    .optional()
    .describe('Object of the last alarm, 1-based; for alarms seen by sequence only.'),
  table: z.enum(tables).default('input').describe('Where the two registers are.'),
  failAfterPolls: z
    .int()
    .min(1)
    .default(3)
    .describe('So many failed polls in a row are a failed wire; fewer only make the uncertainty larger.'),
});

export const commandSettings = z
  .strictObject({
    address: address().describe(
      'First holding register of the mailbox; the message is written as one block.',
    ),
    resultRegister: address().optional().describe('Tells how the device took the message.'),
    resultTable: z.enum(tables).default('input').describe('Where the result register is.'),
    acceptedValue: register().optional().describe('Value of the result register that means yes.'),
    pendingValues: z.array(register()).default([]).describe('Values that mean: not decided yet.'),
    reasons: reasons().optional(),
    resultWithinMs: ms().default(2000).describe('How long the result may stay pending.'),
    everyMs: ms().default(20).describe('Pause between two looks at a pending result.'),
  })
  .superRefine((given, context) => {
    if ((given.resultRegister === undefined) !== (given.acceptedValue === undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['acceptedValue'],
        message: 'resultRegister and acceptedValue go together',
      });
    }
  });

export type Part = z.infer<typeof part>;
export type RegisterSettings = z.infer<typeof registerSettings>;
export type IdentitySettings = z.infer<typeof identitySettings>;
export type ServerIdSettings = z.infer<typeof serverIdSettings>;
export type WriteSettings = z.infer<typeof writeSettings>;
export type FileRecordsSettings = z.infer<typeof fileRecordsSettings>;
export type ClockSettings = z.infer<typeof clockSettings>;
export type AlarmBitSettings = z.infer<typeof alarmBitSettings>;
export type CommandSettings = z.infer<typeof commandSettings>;

export const adapterSpecs = [
  {
    name: 'modbus-register',
    role: 'value',
    summary: 'a number or text from registers',
    settings: registerSettings,
  },
  { name: 'modbus-identity', role: 'identity', summary: 'function 43/14', settings: identitySettings },
  {
    name: 'modbus-server-id',
    role: 'identity',
    summary: 'function 17, for devices without 43/14',
    settings: serverIdSettings,
  },
  {
    name: 'modbus-write',
    role: 'action',
    summary: 'writes registers or coils, and may wait for a status',
    settings: writeSettings,
  },
  {
    name: 'modbus-file-records',
    role: 'ingress',
    summary: 'an image through function 21, between two register writes',
    settings: fileRecordsSettings,
  },
  {
    name: 'modbus-clock',
    role: 'clock',
    summary: 'sets the clock of the device by two registers',
    settings: clockSettings,
  },
  {
    name: 'modbus-alarm-bit',
    role: 'alarm',
    summary: 'discrete inputs, polled; an alarm is an edge or a new sequence number',
    settings: alarmBitSettings,
  },
  {
    name: 'modbus-command',
    role: 'messages',
    summary: 'a message as one block of registers, and its result',
    settings: commandSettings,
  },
] as const satisfies readonly AdapterSpec[];
