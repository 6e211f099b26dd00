/** Settings of the four kinds of power driver: enough to check a board file, without loading any of them. */

import { z } from 'zod';
import type { DriverSpec } from '../../harness/driver.ts';

const argv = z
  .array(z.string().min(1))
  .min(1)
  .describe('Program and arguments, one word each; no shell is involved');

const simulatedDevice = z.strictObject({
  device: z.enum(['simulated-gateway', 'simulated-transmitter']).describe('Which simulated device to start'),
  openedForTest: z.boolean().default(false).describe('Gateway only: bring out the maintenance tty'),
  opcua: z.boolean().default(true).describe('Gateway only: the model with an OPC UA server'),
  packages: z
    .boolean()
    .default(false)
    .describe('Gateway only: the model that takes signed SWUpdate packages in place of MCUboot images'),
  signers: z
    .number()
    .int()
    .min(1)
    .max(9)
    .default(1)
    .describe('How many different signers a package needs; only with packages'),
  testKey: z
    .boolean()
    .default(false)
    .describe('Trusts the public test authority beside the vendor’s root; only with packages'),
  defects: z.array(z.string().min(1)).default([]).describe('Faults to switch on, by name'),
  confirmWithinMs: z
    .number()
    .int()
    .positive()
    .max(86_400_000)
    .optional()
    .describe('Time limit of an unconfirmed trial; absent: the 15 s of the factory'),
  flash: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder of the flash, from the board file; absent: fresh flash at every start, removed at the end',
    ),
  readyWithinMs: z.number().int().positive().default(20_000).describe('From start to the ready message'),
  replyWithinMs: z.number().int().positive().default(5_000).describe('For each command to the backplane'),
  exitWithinMs: z.number().int().positive().default(2_000).describe('At close, before each harder means'),
});

/** `simulated-power`: the backplane of a simulated device, with its supply switch. */
export const simulatedPowerSettings = simulatedDevice.refine(
  ({ device, openedForTest }) => device === 'simulated-gateway' || !openedForTest,
  { error: 'the simulated transmitter has no maintenance tty', path: ['openedForTest'] },
);
export type SimulatedPowerSettings = z.infer<typeof simulatedPowerSettings>;

/** `exec-power`: programs of the lab switch the supply (gpioset, a PDU's client, a relay tool). */
export const execPowerSettings = z.strictObject({
  onCommand: argv,
  offCommand: argv,
  statusCommand: argv
    .optional()
    .describe('Prints the state of the supply; asked after each switch until it confirms'),
  statusOnPattern: z.string().default('\\b(on|1|active|closed)\\b').describe('Case-insensitive; means on'),
  statusOffPattern: z.string().default('\\b(off|0|inactive|open)\\b').describe('Case-insensitive; means off'),
  withinMs: z
    .number()
    .int()
    .positive()
    .default(10_000)
    .describe('For each command, and until the status confirms a switch'),
});
export type ExecPowerSettings = z.infer<typeof execPowerSettings>;

/** `modbus-relay`: a coil of a relay board, reached through another wire. */
export const modbusRelaySettings = z.strictObject({
  wire: z.string().min(1).describe('Name of the Modbus wire that reaches the relay board'),
  coil: z.number().int().min(0).max(65_535).describe('Zero-based protocol address of the coil'),
  onValue: z.boolean().default(true).describe('Value of the coil while the device is supplied'),
  withinMs: z.number().int().positive().default(3_000).describe('For writing the coil and reading it back'),
});
export type ModbusRelaySettings = z.infer<typeof modbusRelaySettings>;

/** `manual-power`: a person at the bench. */
export const manualPowerSettings = z.strictObject({
  prompt: z.string().min(1).default('the supply of the device').describe('What the operator is to switch'),
  withinMs: z.number().int().positive().default(300_000).describe('How long the operator may take'),
});
export type ManualPowerSettings = z.infer<typeof manualPowerSettings>;

export const specs: DriverSpec[] = [
  {
    kind: 'simulated-power',
    summary: 'starts a simulated device and cuts its power at any instant',
    settings: simulatedPowerSettings,
    adapters: [],
  },
  {
    kind: 'exec-power',
    summary: 'switches the supply with programs of the lab',
    settings: execPowerSettings,
    adapters: [],
  },
  {
    kind: 'modbus-relay',
    summary: 'switches the supply with a coil of a Modbus relay board',
    settings: modbusRelaySettings,
    dependencies: ['wire'],
    adapters: [],
  },
  {
    kind: 'manual-power',
    summary: 'asks the operator to switch the supply',
    settings: manualPowerSettings,
    adapters: [],
  },
];
