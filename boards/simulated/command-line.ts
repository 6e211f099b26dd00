/** Options of the simulated gateway. */

import { parseArgs } from 'node:util';
import { defectNamed, type DefectName } from './defects.ts';
import { FACTORY_TIMES, type DeviceTimes } from './device-options.ts';
import { type PackageModel } from './package/trust.ts';

export interface CommandLine {
  flash: string | undefined;
  modbusPort: number;
  opcuaPort: number | null;
  openedForTest: boolean;
  defects: DefectName[];
  times: DeviceTimes;
  packages: PackageModel | undefined;
  control: 'stdio' | undefined;
  off: boolean;
  /** Undocumented: a script in place of the OPC UA module, for tests. */
  opcuaScript: string | undefined;
}

export const USAGE = `usage: simulated-gateway [--flash DIR] [--modbus-port N] [--opcua-port N] [--no-opcua]
       [--opened-for-test] [--packages [--signers N] [--test-key]] [--defect NAME]... [--control stdio] [--off]
       [--confirm-within-ms N] [--watchdog-ms N] [--stalled-after-ms N] [--locked-for-ms N]
       (see boards/simulated/README.md)`;

/** Options in whole milliseconds; what is not given has the value of the factory. */
const TIMES = {
  confirmWithinMs: 'confirm-within-ms',
  watchdogMs: 'watchdog-ms',
  stalledAfterMs: 'stalled-after-ms',
  lockedForMs: 'locked-for-ms',
} as const satisfies Record<keyof DeviceTimes, string>;
/** A day: beyond it a time is a mistake. */
const MAX_MS = 86_400_000;

/** @throws Error with one sentence that says what is wrong */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({
    args: [...args],
    options: {
      flash: { type: 'string' },
      'modbus-port': { type: 'string', default: '0' },
      'opcua-port': { type: 'string', default: '0' },
      'no-opcua': { type: 'boolean', default: false },
      'opened-for-test': { type: 'boolean', default: false },
      packages: { type: 'boolean', default: false },
      signers: { type: 'string', default: '1' },
      'test-key': { type: 'boolean', default: false },
      defect: { type: 'string', multiple: true, default: [] },
      control: { type: 'string' },
      off: { type: 'boolean', default: false },
      'opcua-script': { type: 'string' },
      [TIMES.confirmWithinMs]: { type: 'string' },
      [TIMES.watchdogMs]: { type: 'string' },
      [TIMES.stalledAfterMs]: { type: 'string' },
      [TIMES.lockedForMs]: { type: 'string' },
    },
  });
  if (values.control !== undefined && values.control !== 'stdio') {
    throw new Error(`--control ${values.control}: only "stdio" is there`);
  }
  return {
    flash: values.flash,
    modbusPort: portNumber('--modbus-port', values['modbus-port']),
    opcuaPort: values['no-opcua'] ? null : portNumber('--opcua-port', values['opcua-port']),
    openedForTest: values['opened-for-test'],
    defects: values.defect.map(defectNamed),
    times: {
      confirmWithinMs: timeOf('confirmWithinMs', values[TIMES.confirmWithinMs]),
      watchdogMs: timeOf('watchdogMs', values[TIMES.watchdogMs]),
      stalledAfterMs: timeOf('stalledAfterMs', values[TIMES.stalledAfterMs]),
      lockedForMs: timeOf('lockedForMs', values[TIMES.lockedForMs]),
    },
    packages: values.packages ? packageModel(values.signers, values['test-key']) : undefined,
    control: values.control,
    off: values.off,
    opcuaScript: values['opcua-script'],
  };
}

function portNumber(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new Error(`${option} ${text}: not a port number from 0 to 65535`);
  return port;
}

function timeOf(name: keyof DeviceTimes, text: string | undefined): number {
  if (text === undefined) return FACTORY_TIMES[name];
  const ms = Number(text);
  if (/^\d+$/.test(text) && ms >= 1 && ms <= MAX_MS) return ms;
  throw new Error(`--${TIMES[name]} ${text}: not a number of milliseconds from 1 to ${MAX_MS}`);
}

function packageModel(signers: string, testKey: boolean): PackageModel {
  if (!/^[1-9]$/.test(signers)) throw new Error(`--signers ${signers}: not a number from 1 to 9`);
  return { signers: Number(signers), testKey };
}
