/** The contract of drivers, for the Modbus driver on a server of another stack. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { driverContract, type DriverFixture } from '../../drivers/driver-contract.ts';
import { testDriver } from '../../drivers/modbus/test/bench-driver.ts';
import type { ModbusServer } from './modbus-server.ts';

/** As long as a busy machine may need to answer. */
const REPLY_WITHIN_MS = 1000;

/**
 * @param start makes the server in a folder of its own
 * @param address a holding register that it has
 */
export function modbusContract(
  title: string,
  mode: 'tcp' | 'rtu',
  start: (folder: string) => Promise<ModbusServer>,
  address: number,
): void {
  driverContract(title, async (): Promise<DriverFixture> => {
    const folder = mkdtempSync(join(tmpdir(), 'fieldproof-modbus-'));
    const server = await start(folder);
    const given = server.settings({
      replyWithinMs: REPLY_WITHIN_MS,
      ...(mode === 'rtu' ? { quietMs: 100 } : {}),
    });
    const { driver, losses, logged } = testDriver(given);
    const nowhere = mode === 'rtu' ? { path: '/dev/fieldproof-no-such-tty' } : { port: 1 };
    return {
      ...{ driver, losses, logged, replyWithinMs: REPLY_WITHIN_MS },
      exchange: () => driver.registers.readHolding(address, 1),
      breakLink: () => server.vanish(),
      mendLink: () => server.comeBack(),
      silence: async () => server.supply.freeze(),
      unreachable: () => testDriver({ ...given, ...nowhere }).driver,
      dispose: async () => {
        await server.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  });
}
