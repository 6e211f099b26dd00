/** The power drivers, for the bench. */

import type { AnyDriverModule, DriverModule } from '../../harness/driver.ts';
import { ExecPower } from './exec-power.ts';
import { ManualPower } from './manual-power.ts';
import { ModbusRelay } from './modbus-relay.ts';
import type {
  ExecPowerSettings,
  ManualPowerSettings,
  ModbusRelaySettings,
  SimulatedPowerSettings,
} from './settings.ts';
import { specs } from './settings.ts';
import { SimulatedPower } from './simulated-power.ts';

const summaryOf = (kind: string): string => specs.find((spec) => spec.kind === kind)?.summary ?? '';

const simulatedPower: DriverModule<SimulatedPowerSettings> = {
  kind: 'simulated-power',
  summary: summaryOf('simulated-power'),
  create: (settings, context) => new SimulatedPower(settings, context),
  adapters: [],
};

const execPower: DriverModule<ExecPowerSettings> = {
  kind: 'exec-power',
  summary: summaryOf('exec-power'),
  create: (settings, context) => new ExecPower(settings, context),
  adapters: [],
};

const modbusRelay: DriverModule<ModbusRelaySettings> = {
  kind: 'modbus-relay',
  summary: summaryOf('modbus-relay'),
  create: (settings, context) => new ModbusRelay(settings, context),
  adapters: [],
};

const manualPower: DriverModule<ManualPowerSettings> = {
  kind: 'manual-power',
  summary: summaryOf('manual-power'),
  create: (settings, context) => new ManualPower(settings, context),
  adapters: [],
};

export const modules: AnyDriverModule[] = [simulatedPower, execPower, modbusRelay, manualPower];
