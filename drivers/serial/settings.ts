/** What a board file may say of a serial wire. Light: nothing native is loaded to check a board file. */

import { z } from 'zod';
import type { DriverSpec } from '../../harness/driver.ts';
import { adapterSpecs } from './adapter-settings.ts';
import { patternText } from './pattern-text.ts';

const milliseconds = z.number().int().positive().max(3_600_000);

export const serialSettings = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      'The port: a stable name such as /dev/serial/by-id/usb-FTDI_…-port0. Names like /dev/ttyUSB0 change when a ' +
        'second adapter is plugged in. A relative path starts at the board file.',
    ),
  baudRate: z.number().int().min(50).max(4_000_000).default(115200).describe('Bits per second on the wire.'),
  dataBits: z
    .union([z.literal(5), z.literal(6), z.literal(7), z.literal(8)])
    .default(8)
    .describe('Data bits per character. Files can be transferred with 8 only.'),
  parity: z.enum(['none', 'even', 'odd']).default('none').describe('Parity bit of each character.'),
  stopBits: z
    .union([z.literal(1), z.literal(2)])
    .default(1)
    .describe('Stop bits of each character.'),
  flowControl: z
    .enum(['none', 'rts-cts', 'xon-xoff'])
    .default('none')
    .describe(
      'Flow control. With xon-xoff no file can be transferred: its bytes would be taken as XON and XOFF.',
    ),
  lineEnding: z
    .enum(['cr', 'lf', 'crlf'])
    .default('lf')
    .describe('What ends a line that is sent to the device.'),
  receivedLineEnding: z
    .enum(['lf', 'cr'])
    .default('lf')
    .describe('What ends a line that comes from the device: lf (also right for CR LF), or cr alone.'),
  prompt: patternText()
    .optional()
    .describe(
      "Regular expression of the device's prompt, such as '=> ' or '[a-z]+[#$] '. It is taken off the start of a " +
        'line, and counts as a line of its own when the device waits behind it.',
    ),
  answerEnd: patternText()
    .optional()
    .describe(
      "Regular expression of the line that ends every answer of the device, such as '^(OK|ERR)'. A value is then " +
        'read to the end of its answer, so that the rest is not taken for the answer to the next line.',
    ),
  echo: z
    .boolean()
    .default(false)
    .describe(
      'True when the device repeats what is sent to it; the repetition is then no part of an answer, and a prompt ' +
        'before it is none either.',
    ),
  unsolicited: z
    .array(patternText())
    .default([])
    .describe(
      'Regular expressions of lines that the device sends unasked (log messages, alarms); they are no part of an ' +
        'answer. The patterns of console-alarm adapters are added to these.',
    ),
  maxLineBytes: z
    .number()
    .int()
    .min(16)
    .max(1_048_576)
    .default(4096)
    .describe('A longer line is handed on in pieces of this size, each marked as cut. Bytes.'),
  keepLogMiB: z
    .number()
    .positive()
    .max(1024)
    .default(8)
    .describe(
      "How much of the device's output stays in memory for `expect`, in MiB. The record keeps all of it.",
    ),
  writeWithinMs: milliseconds
    .default(2000)
    .describe('Time for the port to take what is sent, beside the time on the wire. Milliseconds.'),
  quietAfterTimeoutMs: milliseconds
    .default(200)
    .describe(
      'After a request without an answer, the next one waits for this long a silence, so that a late answer is not ' +
        'taken for its own. Milliseconds.',
    ),
  lockWithinMs: milliseconds
    .default(2000)
    .describe('How long to try again when another process holds the port. Milliseconds.'),
  reopenEveryMs: milliseconds
    .default(250)
    .describe('After a loss: how often to look whether the port is back. Milliseconds.'),
  reopenWithinMs: milliseconds
    .default(120_000)
    .describe(
      'After a loss: how long to look for the port by itself. Later only a request tries again. Milliseconds.',
    ),
  hangUpOnClose: z
    .boolean()
    .default(true)
    .describe('Drop DTR when the port is closed. Set to false when DTR is wired to the reset of the device.'),
  dtr: z.boolean().optional().describe('Level of DTR once open; left alone when absent.'),
  rts: z.boolean().optional().describe('Level of RTS once open; left alone when absent.'),
});

export type SerialSettings = z.infer<typeof serialSettings>;

export const spec: DriverSpec = {
  kind: 'serial',
  summary: 'A text console on a serial port, with YMODEM and S-record file transfer.',
  settings: serialSettings,
  adapters: adapterSpecs,
};
