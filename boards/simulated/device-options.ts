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
  /** The model that takes packages in place of images. */
  packages?: PackageModel;
  /** Runs in place of the OPC UA module; for tests of the device's side. */
  opcuaScript?: string;
}

/** File descriptors that the backplane hands down. */
export const UART = { console: 3, rs485: 4, maintenance: 5 } as const;

/** Exit status by which the device asks to be started again. */
export const RESET_STATUS = 75;
