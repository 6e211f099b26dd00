/** A setpoint on pymodbus' server, over TCP or over a line: setpoint.py is the device, its process is the supply. */

import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { RunningDevice, ThirdPartyDevice } from '../device.ts';
import { ModbusServer } from '../modbus-server.ts';

const here = import.meta.dirname;
/** Debian's own: another that comes first in PATH has not its packages. */
export const python = '/usr/bin/python3';
const packages = '/usr/lib/python3/dist-packages';
export const unit = 17;

/** How each board's device is started. */
const boards = {
  pymodbus: { mode: 'tcp', options: [] },
  'pymodbus-line': { mode: 'rtu', options: [] },
  'no-freshness': { mode: 'tcp', options: ['--no-freshness'] },
  forgets: { mode: 'tcp', options: ['--forgets'] },
} as const satisfies Record<string, { mode: 'tcp' | 'rtu'; options: readonly string[] }>;

/** @param folder keeps key and state over power cycles */
export function startSetpoint(
  mode: 'tcp' | 'rtu',
  folder: string,
  options: readonly string[] = [],
): Promise<ModbusServer> {
  const key = join(folder, 'commands.key');
  if (!existsSync(key)) writeFileSync(key, randomBytes(32), { mode: 0o600 });
  const command: [string, ...string[]] = [python, join(here, 'setpoint.py'), mode, folder, ...options];
  return ModbusServer.start({ mode, unit, folder, command });
}

export const device: ThirdPartyDevice = {
  name: 'pymodbus',
  title: 'pymodbus 3.0: a setpoint moved by authenticated commands',
  packages: ['python3-pymodbus', 'python3-serial-asyncio', 'python3-serial', 'util-linux'],
  needs: [python, 'setpriv', join(packages, 'pymodbus'), join(packages, 'serial_asyncio')],
  boards: Object.keys(boards),
  async start(board, folder): Promise<RunningDevice> {
    const { mode, options } = boards[board as keyof typeof boards];
    const server = await startSetpoint(mode, folder, options);
    return {
      environment: {
        DEVICE_FOLDER: relative(here, folder),
        DEVICE_SUPPLY_PORT: String(await server.supply.listen()),
        ...(mode === 'tcp' ? { DEVICE_MODBUS_PORT: String(server.port) } : { DEVICE_TTY: server.tty }),
      },
      close: () => server.close(),
    };
  },
};
