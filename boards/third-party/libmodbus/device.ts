/** libmodbus' server for many connections, as Debian ships its source, compiled as it is: plain Modbus TCP, and no more. */

import { join, relative } from 'node:path';
import type { RunningDevice, ThirdPartyDevice } from '../device.ts';
import { examples, startServer } from './servers.ts';

export const device: ThirdPartyDevice = {
  name: 'libmodbus',
  title: 'libmodbus 3.1.6: its own test servers',
  packages: ['libmodbus-dev', 'gcc', 'libc6-dev', 'util-linux'],
  needs: ['gcc', 'setpriv', '/usr/include/modbus/modbus.h', join(examples, 'unit-test-server.c')],
  boards: ['libmodbus', 'claims-read-only'],
  async start(_board, folder): Promise<RunningDevice> {
    const server = await startServer('bandwidth-server-many-up', 'tcp', folder);
    return {
      environment: {
        DEVICE_FOLDER: relative(import.meta.dirname, folder),
        DEVICE_MODBUS_PORT: String(server.port),
        DEVICE_SUPPLY_PORT: String(await server.supply.listen()),
      },
      close: () => server.close(),
    };
  },
};
