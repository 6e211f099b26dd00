/** What pymodbus' server makes of each function: values, identity, and what it answers without doing it. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { testDriver, type TestDriver } from '../../../drivers/modbus/test/bench-driver.ts';
import { DeviceException, TimeoutError } from '../../../harness/errors.ts';
import type { ModbusServer } from '../modbus-server.ts';
import { startSetpoint } from './device.ts';

const PATIENT_MS = 5000;

const refused = (code: number) => (error: unknown) =>
  error instanceof DeviceException && error.data['exception'] === code;

export function servedFunctions(mode: 'tcp' | 'rtu'): void {
  describe(`pymodbus ${mode}: what its server serves`, () => {
    let folder: string;
    let server: ModbusServer;
    const drivers: TestDriver[] = [];
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'fieldproof-pymodbus-'));
      server = await startSetpoint(mode, folder);
    });
    afterEach(async () => {
      for (const { driver } of drivers.splice(0)) await driver.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const opened = async (more: Record<string, unknown> = {}): Promise<TestDriver['driver']['registers']> => {
      const bench = testDriver(server.settings({ replyWithinMs: PATIENT_MS, ...more }));
      drivers.push(bench);
      await bench.driver.open();
      return bench.driver.registers;
    };

    it('all tables, and exceptions for what it has not', async () => {
      const registers = await opened();
      assert.deepEqual(await registers.readDiscreteInputs(0, 8), [
        true,
        false,
        true,
        false,
        true,
        false,
        true,
        false,
      ]);
      await registers.writeCoils(0, [true, true, false, true]);
      await registers.writeCoil(1, false);
      assert.deepEqual(await registers.readCoils(0, 5), [true, false, false, true, false]);
      await registers.writeRegister(1, 0xffff);
      await registers.maskWrite(1, 0xf2f2, 0x0025); // (0xffff & 0xf2f2) | (0x0025 & ~0xf2f2)
      assert.deepEqual(await registers.readHolding(1, 1), [0xf2f7]);
      assert.deepEqual(await registers.readWrite({ address: 1, count: 1 }, { address: 1, values: [7] }), [7]);
      assert.deepEqual(await registers.readInput(0, 1), [100]);
      await assert.rejects(registers.writeRegister(0, 1), refused(2));
      await assert.rejects(registers.readInput(64, 1), refused(2));
    });

    it('a function that it does not know: exception 01 over TCP, silence on a line, to the next request too', async () => {
      const registers = await opened({ replyWithinMs: 1000 });
      const unknown = registers.raw(Buffer.from([0x64]));
      if (mode === 'tcp') {
        assert.deepEqual([...(await unknown)], [0xe4, 1]);
      } else {
        // Its framer takes what it does not know for an exception of 5 bytes, and waits for the rest: of the next request.
        await assert.rejects(unknown, TimeoutError);
        await assert.rejects(registers.readHolding(1, 1), TimeoutError);
      }
      assert.deepEqual(await registers.readHolding(1, 1), [0]);
    });

    it('device identification, all levels', async () => {
      const registers = await opened();
      const basic = [
        [0, 'Fieldproof examples'],
        [1, 'SP-1'],
        [2, '1.0'],
      ];
      assert.deepEqual([...(await registers.readDeviceIdentification('basic'))], basic);
      const extended = await registers.readDeviceIdentification('extended');
      assert.deepEqual([extended.get(5), extended.get(0x80)], ['SP-1 on pymodbus', 'SP1-000007']);
    });

    it('file records and FIFO: it says yes, and keeps nothing', async () => {
      const registers = await opened();
      await registers.writeFileRecord(1, 0, [1, 2, 3]);
      await assert.rejects(registers.readFileRecord(1, 0, 3));
      assert.deepEqual(await registers.readFifo(0), []);
    });

    it('another unit id meets silence', async () => {
      const registers = await opened({ unit: 18, replyWithinMs: 1000 });
      await assert.rejects(registers.readHolding(1, 1), TimeoutError);
    });
  });
}
