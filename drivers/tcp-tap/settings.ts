/** Settings of the TCP tap: enough to check a board file. */

import { z } from 'zod';
import type { DriverSpec } from '../../harness/driver.ts';

const port = z.number().int().min(1).max(65_535);

export const tcpTapSettings = z.strictObject({
  targetHost: z.string().min(1).describe('Host of the device'),
  targetPort: port.describe('TCP port of the device'),
  listenHost: z.string().min(1).default('127.0.0.1').describe('Where clients connect instead'),
  listenPort: z.number().int().min(0).max(65_535).default(0).describe('0 takes a free port'),
  framing: z
    .enum(['none', 'opcua', 'modbus-tcp'])
    .default('none')
    .describe('Cuts bursts into messages of this protocol; bytes pass as they are in any case'),
  burstGapMs: z
    .number()
    .int()
    .nonnegative()
    .default(20)
    .describe('Without framing: a pause of this length, or bytes from the other side, ends a burst'),
  quietMs: z
    .number()
    .int()
    .positive()
    .default(250)
    .describe('After an answer to replayed bytes: silence of this length ends the observation'),
  connectWithinMs: z.number().int().positive().default(5_000).describe('For each connection to the device'),
});
export type TcpTapSettings = z.infer<typeof tcpTapSettings>;

export const specs: DriverSpec[] = [
  {
    kind: 'tcp-tap',
    summary: 'a recording man in the middle on a TCP link: records, replays, injects, duplicates',
    settings: tcpTapSettings,
    adapters: [],
  },
];
