/** What a board file may say of the adapters of a serial wire. Light, like settings.ts. */

import { z } from 'zod';
import type { AdapterSpec } from '../../harness/driver.ts';
import { patternText } from './pattern-text.ts';

const milliseconds = z.number().int().positive().max(3_600_000);
const withinMs = milliseconds.default(2000).describe('Time for the whole answer to come. Milliseconds.');
const send = z.string().min(1).describe('The line to send, without its ending.');
const lineHint = 'Regular expression, searched in each complete line of the answer.';

const restarted = patternText()
  .optional()
  .describe(`${lineHint} It shows that the device has restarted: the banner of its boot loader.`);

export const consolePattern = z.strictObject({
  send,
  pattern: patternText('value').describe(`${lineHint} The group (?<value>…) is what is read.`),
  withinMs,
  as: z.enum(['number', 'text']).default('text').describe('How the value is meant; 0x… is a number too.'),
});

export const consoleIdentity = z.strictObject({
  send,
  patterns: z
    .record(z.string().min(1), patternText('value'))
    .refine((patterns) => Object.keys(patterns).length > 0, 'name at least one term: vendor, model, serial …')
    .describe(`Term of the identity → pattern with the group (?<value>…). ${lineHint}`),
  end: patternText().describe('Pattern of the line that ends the answer.'),
  withinMs,
});

export const consoleCommand = z.strictObject({
  send,
  accepted: patternText().describe(`${lineHint} It says that the device did as asked.`),
  refused: patternText().describe(
    `${lineHint} It says that the device refused; the group (?<reason>…), if any, is its reason.`,
  ),
  restarted,
  withinMs,
});

export const consoleClock = z.strictObject({
  ...consoleCommand.shape,
  send: z
    .string()
    .refine((text) => text.includes('{utc}'), 'must contain {utc}')
    .describe('The line to send; {utc} is replaced by the time to set, in UTC: 2026-11-29T05:40:24Z.'),
});

export const ymodem = z.strictObject({
  start: z
    .string()
    .min(1)
    .describe('The line that makes the device receive: update ymodem, loady 0x82000000 …'),
  ready: patternText().describe(
    'Pattern of the line, or of the text, after which the device waits for the file.',
  ),
  accepted: patternText().describe(`${lineHint} It says that the file was verified.`),
  refused: patternText().describe(
    `${lineHint} It says that the file was refused; the group (?<reason>…), if any, is its reason.`,
  ),
  restarted,
  blockWithinMs: milliseconds
    .default(15_000)
    .describe(
      'Time for the receiver to answer a block. The receiver repeats its own request every 10 s after the protocol, ' +
        'and only it can ask for a lost block again, so a shorter time gives up early. Milliseconds.',
    ),
  secondRequestWithinMs: milliseconds
    .optional()
    .describe(
      'Time for the receiver to ask for the first block, once it has acknowledged block 0; then it is sent unasked. ' +
        'When absent the receiver must ask, as the protocol shows it. Set to 50 or so for one that asks only after a ' +
        'time-out of its own (U-Boot: 4.3 s). Milliseconds.',
    ),
  verifyWithinMs: milliseconds
    .default(30_000)
    .describe("Time from the transfer's end to the device's verdict. Milliseconds."),
  fileName: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe("File name told to the receiver; the image's own name when absent."),
});

export const sRecord = z.strictObject({
  start: z.string().min(1).describe('The line that makes the device receive S-records: loads'),
  ready: ymodem.shape.ready,
  readyWithinMs: milliseconds.default(5000).describe('Time for the device to be ready. Milliseconds.'),
  baseAddress: z
    .number()
    .int()
    .min(0)
    .max(0xffff_ffff)
    .describe('Address of the first byte of the image, told in each record: 0x82000000.'),
  addressBytes: z
    .union([z.literal(2), z.literal(3), z.literal(4)])
    .default(4)
    .describe('Width of the addresses: 4 for S3 records (ended by S7), 3 for S2 (S8), 2 for S1 (S9). Bytes.'),
  recordBytes: z
    .number()
    .int()
    .min(1)
    .max(252)
    .default(32)
    .describe('Bytes of the image in one record. Longer ones are quicker, where the device takes them.'),
  pauseMs: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(0)
    .describe(
      'Time to wait behind each record, for a receiver without flow control that needs it. Milliseconds.',
    ),
  accepted: patternText().describe(
    `${lineHint} It says that the device has taken all records; the group (?<total>…), if any, is how many bytes it ` +
      'counted, decimal or with 0x. Without it nothing tells how much of the image arrived.',
  ),
  refused: patternText().describe(
    `${lineHint} It says that the records were refused; the group (?<reason>…), if any, is the reason.`,
  ),
  restarted,
  verifyWithinMs: milliseconds
    .default(30_000)
    .describe(
      'Time from the last record to the answer of the device, which may have all of them still to read. Milliseconds.',
    ),
});

export const consoleAlarm = z.strictObject({
  pattern: patternText('object', 'text').describe(
    'Regular expression, searched in each complete line that the device sends, asked or not; the groups ' +
      '(?<object>…) and (?<text>…) are what the alarm names and says.',
  ),
});

export const consoleAudit = z.strictObject({
  send: z
    .string()
    .refine((text) => text.includes('{since}'), 'must contain {since}')
    .describe('The line to send; {since} is replaced by the sequence number after which records are wanted.'),
  pattern: patternText('sequence', 'utc', 'event', 'object', 'result', 'text').describe(
    `${lineHint} One record; groups sequence, utc, event, object, result, text.`,
  ),
  end: patternText().describe('Pattern of the line that ends the answer.'),
  withinMs,
});

export type ConsolePatternSettings = z.infer<typeof consolePattern>;
export type ConsoleIdentitySettings = z.infer<typeof consoleIdentity>;
export type ConsoleCommandSettings = z.infer<typeof consoleCommand>;
export type ConsoleClockSettings = z.infer<typeof consoleClock>;
export type YmodemSettings = z.infer<typeof ymodem>;
export type SRecordSettings = z.infer<typeof sRecord>;
export type ConsoleAlarmSettings = z.infer<typeof consoleAlarm>;
export type ConsoleAuditSettings = z.infer<typeof consoleAudit>;

export const adapterSpecs: readonly AdapterSpec[] = [
  {
    name: 'console-pattern',
    role: 'value',
    summary: 'A value out of the answer to a line.',
    settings: consolePattern,
  },
  {
    name: 'console-identity',
    role: 'identity',
    summary: 'Several named values out of the answer to a line.',
    settings: consoleIdentity,
  },
  {
    name: 'console-command',
    role: 'action',
    summary: 'A line that the device accepts or refuses.',
    settings: consoleCommand,
  },
  {
    name: 'console-clock',
    role: 'clock',
    summary: 'A line that sets the clock of the device.',
    settings: consoleClock,
  },
  { name: 'ymodem', role: 'ingress', summary: 'A firmware image through YMODEM.', settings: ymodem },
  {
    name: 's-record',
    role: 'ingress',
    summary: 'A firmware image as Motorola S-records.',
    settings: sRecord,
  },
  {
    name: 'console-alarm',
    role: 'alarm',
    summary: 'Alarms that the device prints on its console.',
    settings: consoleAlarm,
  },
  {
    name: 'console-audit',
    role: 'audit',
    summary: 'The audit log, printed on request.',
    settings: consoleAudit,
  },
];
