/** Which drivers exist. Their specs are light and always loaded; their modules only when a board names them. */

import type { AnyDriverModule, DriverSpec } from '../driver.ts';
import type { DriverRegistry } from '../bench.ts';
import { DriverError } from '../errors.ts';
import { spec as medium } from '../../drivers/medium/settings.ts';
import { spec as modbus } from '../../drivers/modbus/settings.ts';
import { spec as opcua } from '../../drivers/opcua/settings.ts';
import { specs as power } from '../../drivers/power/settings.ts';
import { spec as serial } from '../../drivers/serial/settings.ts';
import { specs as taps } from '../../drivers/tcp-tap/settings.ts';

export const driverSpecs: readonly DriverSpec[] = [serial, modbus, opcua, medium, ...taps, ...power];

const loaders: Readonly<Record<string, () => Promise<AnyDriverModule>>> = {
  serial: async () => (await import('../../drivers/serial/index.ts')).module,
  modbus: async () => (await import('../../drivers/modbus/index.ts')).module,
  opcua: async () => (await import('../../drivers/opcua/index.ts')).module,
  medium: async () => (await import('../../drivers/medium/index.ts')).module,
  ...Object.fromEntries(taps.map(({ kind }) => [kind, () => tapModule(kind)])),
  ...Object.fromEntries(power.map(({ kind }) => [kind, () => powerModule(kind)])),
};

async function powerModule(kind: string): Promise<AnyDriverModule> {
  return oneOf((await import('../../drivers/power/index.ts')).modules, kind);
}

async function tapModule(kind: string): Promise<AnyDriverModule> {
  return oneOf((await import('../../drivers/tcp-tap/index.ts')).modules, kind);
}

function oneOf(modules: readonly AnyDriverModule[], kind: string): AnyDriverModule {
  const found = modules.find((module) => module.kind === kind);
  if (found !== undefined) return found;
  throw new DriverError('no-such-driver', `no driver named ${kind}`);
}

export const registry: DriverRegistry = {
  spec: (kind) => {
    const found = driverSpecs.find((spec) => spec.kind === kind);
    if (found !== undefined) return found;
    throw new DriverError(
      'no-such-driver',
      `no driver named ${kind}; there are ${Object.keys(loaders).join(', ')}`,
    );
  },
  load: async (kind) => {
    const load = loaders[kind];
    if (load === undefined) throw new DriverError('no-such-driver', `no driver named ${kind}`);
    return load();
  },
};
