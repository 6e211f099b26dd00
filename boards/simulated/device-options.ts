/** What the backplane tells the device when it switches it on: its wiring, so to speak. */

import { type DefectName } from './defects.ts';
import { type PackageModel } from './package/trust.ts';

export interface DeviceOptions {
  flashFolder: string;
  modbusPort: number;
  /** Null for the model without an OPC UA server. */
  opcuaPort: number | null;
  openedForTest: boolean;
  defects: readonly DefectName[];
  times: DeviceTimes;
  /** The model that takes packages in place of images. */
  packages?: PackageModel;
  /** Runs in place of the OPC UA module; for tests of the device's side. */
  opcuaScript?: string;
}

/** How long the device waits before it acts by itself, in ms. */
export interface DeviceTimes {
  /** A trial that nobody confirms within this time after its start is swapped back. */
  confirmWithinMs: number;
  /** The hardware watchdog resets a firmware that has hung for this long. */
  watchdogMs: number;
  /** A transfer whose sender has sent nothing for this long is ended. */
  stalledAfterMs: number;
  /** After too many refused images in a row none is taken for this long. */
  lockedForMs: number;
}

export const FACTORY_TIMES: DeviceTimes = {
  confirmWithinMs: 15_000,
  watchdogMs: 2000,
  stalledAfterMs: 5000,
  lockedForMs: 2000,
};

/** File descriptors that the backplane hands down. */
export const UART = { console: 3, rs485: 4, maintenance: 5 } as const;

/** Exit status by which the device asks to be started again. */
export const RESET_STATUS = 75;
