/** What a board file may say of a Modbus wire. Light: checking a board file loads no port and no socket. */

import { z } from 'zod';
import { type DriverSpec } from '../../harness/driver.ts';
import { adapterSpecs } from './adapters/settings.ts';

const modes = ['tcp', 'rtu', 'rtu-over-tcp'] as const;
export type Mode = (typeof modes)[number];

const ms = (): z.ZodInt => z.int().positive();

const fields = z.strictObject({
  mode: z
    .enum(modes)
    .describe(
      'tcp: Modbus TCP. rtu: RTU on a serial port. rtu-over-tcp: RTU frames through a serial device server.',
    ),
  host: z.string().min(1).optional().describe('Host name or address. Modes tcp and rtu-over-tcp.'),
  port: z
    .int()
    .min(1)
    .max(65535)
    .optional()
    .describe('TCP port, default 502. Modes tcp and rtu-over-tcp (which must name it).'),
  path: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Serial port, best by id: /dev/serial/by-id/… Relative paths start at the board file. Mode rtu.',
    ),
  baudRate: z.int().min(300).max(4_000_000).optional().describe('Bits per second, default 19200. Mode rtu.'),
  parity: z
    .enum(['none', 'even', 'odd'])
    .optional()
    .describe('Default even, as the standard has it. Mode rtu.'),
  dataBits: z.literal(8).optional().describe('Always 8 for RTU. Mode rtu.'),
  stopBits: z
    .union([z.literal(1), z.literal(2)])
    .optional()
    .describe(
      'Default 1. The standard asks for 2 without parity; most devices use 1 all the same. Mode rtu.',
    ),
  unit: z
    .int()
    .min(0)
    .max(255)
    .describe('Unit id: 1 to 247 on a line; over TCP also 0 or 255 for the device itself.'),
  replyWithinMs: ms()
    .default(1000)
    .describe(
      'How long an answer may take, beside its own time on the line. Longer than the slowest function needs.',
    ),
  connectWithinMs: ms().default(3000).describe('How long connecting, or opening the serial port, may take.'),
  quietMs: z
    .int()
    .nonnegative()
    .optional()
    .describe(
      'Rest of the line after a timeout or a broken frame, in which late answers are thrown away. Default replyWithinMs. Modes rtu and rtu-over-tcp.',
    ),
  inFlight: z
    .int()
    .min(1)
    .max(16)
    .optional()
    .describe('Requests under way at once, default 1; raise it only if the device allows that. Mode tcp.'),
});

export type ModbusSettings = z.infer<typeof fields>;

/** Which optional keys go with which mode; the first list must be there. */
const keysOf: Record<Mode, { required: readonly Key[]; allowed: readonly Key[] }> = {
  tcp: { required: ['host'], allowed: ['host', 'port', 'inFlight'] },
  rtu: { required: ['path'], allowed: ['path', 'baudRate', 'parity', 'dataBits', 'stopBits', 'quietMs'] },
  'rtu-over-tcp': { required: ['host', 'port'], allowed: ['host', 'port', 'quietMs'] },
};
type Key = Exclude<keyof ModbusSettings, 'mode' | 'unit' | 'replyWithinMs' | 'connectWithinMs'>;
const modeKeys: readonly Key[] = [
  'host',
  'port',
  'path',
  'baudRate',
  'parity',
  'dataBits',
  'stopBits',
  'quietMs',
  'inFlight',
];

/** Units beyond this are reserved on a serial line. Source: Modbus over Serial Line V1.02, section 2.2 */
const LAST_LINE_UNIT = 247;

export const settings = fields.superRefine((given, context) => {
  const { required, allowed } = keysOf[given.mode];
  for (const key of required) {
    if (given[key] !== undefined) continue;
    context.addIssue({
      code: 'custom',
      path: [key],
      message: `${key} is missing: mode ${given.mode} needs it`,
    });
  }
  for (const key of modeKeys) {
    if (given[key] === undefined || allowed.includes(key)) continue;
    context.addIssue({
      code: 'custom',
      path: [key],
      message: `${key} has no meaning in mode ${given.mode}, which takes ${allowed.join(', ')}`,
    });
  }
  if (given.mode !== 'tcp' && (given.unit < 1 || given.unit > LAST_LINE_UNIT)) {
    context.addIssue({
      code: 'custom',
      path: ['unit'],
      message: `unit ${given.unit} cannot answer on a line; it must be 1 to ${LAST_LINE_UNIT}`,
    });
  }
});

/** Settings with every default and derived time in place. */
export interface ResolvedSettings {
  mode: Mode;
  host: string;
  port: number;
  path: string;
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  dataBits: 8;
  stopBits: 1 | 2;
  unit: number;
  replyWithinMs: number;
  connectWithinMs: number;
  quietMs: number;
  inFlight: number;
  /** t3.5 in ms; 0 where there is no line of ours. */
  frameGapMs: number;
  /** One character on the line in ms; 0 where there is no line of ours. */
  characterMs: number;
}

/** t3.5 is fixed above this rate. Source: Modbus over Serial Line V1.02, section 2.5.1.1 */
const FIXED_GAP_ABOVE_BAUD = 19_200;
const FIXED_GAP_MS = 1.75;
const GAP_CHARACTERS = 3.5;
/** A character of the standard: start, 8 data, parity or second stop, stop. */
const CHARACTER_BITS = 11;

/** t3.5, the least silence between two RTU frames, in ms. Source: Modbus over Serial Line V1.02, section 2.5.1.1 */
export function frameGapMs(baudRate: number): number {
  return baudRate > FIXED_GAP_ABOVE_BAUD ? FIXED_GAP_MS : (GAP_CHARACTERS * CHARACTER_BITS * 1000) / baudRate;
}

/** Fills in the defaults that depend on the mode. */
export function resolved(given: ModbusSettings): ResolvedSettings {
  const { baudRate = 19_200, parity = 'even', stopBits = 1, mode } = given;
  const onLine = mode === 'rtu';
  return {
    mode,
    host: given.host ?? '',
    port: given.port ?? 502,
    path: given.path ?? '',
    baudRate,
    parity,
    dataBits: 8,
    stopBits,
    unit: given.unit,
    replyWithinMs: given.replyWithinMs,
    connectWithinMs: given.connectWithinMs,
    quietMs: mode === 'tcp' ? 0 : (given.quietMs ?? given.replyWithinMs),
    inFlight: mode === 'tcp' ? (given.inFlight ?? 1) : 1,
    frameGapMs: onLine ? frameGapMs(baudRate) : 0,
    characterMs: onLine ? ((9 + (parity === 'none' ? 0 : 1) + stopBits) * 1000) / baudRate : 0,
  };
}

export const spec: DriverSpec = {
  kind: 'modbus',
  summary: 'Modbus TCP, RTU on a serial port, and RTU through a serial device server',
  settings,
  adapters: adapterSpecs,
};
