/** Every table of libmodbus' test server, and its registers that misbehave; over TCP and over a line. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { testDriver, type TestDriver } from '../../../drivers/modbus/test/bench-driver.ts';
import { DeviceException, FrameError, TimeoutError } from '../../../harness/errors.ts';
import type { ModbusServer } from '../modbus-server.ts';
import { startServer, unitTestNumbers } from './servers.ts';

/** Longer than the half second that a register sleeps, on a busy machine too; and shorter. */
const PATIENT_MS = 5000;
const HASTY_MS = 300;
/** What modbus_report_slave_id tells: id 180, running, name and version. */
const serverId = /^\x11.\xb4\xffLMB3\.\d+\.\d+/s;

export function tablesAndMisbehaviour(mode: 'tcp' | 'rtu'): void {
  const { number, table } = unitTestNumbers();
  const first = number('REGISTERS_ADDRESS');
  let folder: string;
  let server: ModbusServer;
  const drivers: TestDriver[] = [];
  const shortRest = mode === 'rtu' ? { quietMs: 50 } : {};

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fieldproof-libmodbus-'));
    server = await startServer('unit-test-server', mode, folder);
  });
  afterEach(async () => {
    for (const { driver } of drivers.splice(0)) await driver.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function opened(more: Record<string, unknown> = {}): Promise<TestDriver> {
    const bench = testDriver(server.settings({ replyWithinMs: PATIENT_MS, ...more }));
    drivers.push(bench);
    await bench.driver.open();
    return bench;
  }

  /** Over TCP the driver leaves the connection after a time-out, and the server ends with it. */
  async function afterTimeout(): Promise<void> {
    if (mode === 'tcp') await server.untilServing();
  }

  describe(`libmodbus ${mode}: tables`, () => {
    it('reads what unit-test.h says, and reads back what it writes', async () => {
      const { registers } = (await opened()).driver;
      const bits = (name: string, count: number): boolean[] =>
        Array.from({ length: count }, (_, at) => ((table(name)[at >> 3]! >> (at & 7)) & 1) === 1);
      const inputs = number('INPUT_BITS_NB');
      assert.deepEqual(
        await registers.readDiscreteInputs(number('INPUT_BITS_ADDRESS'), inputs),
        bits('INPUT_BITS_TAB', inputs),
      );
      assert.deepEqual(
        await registers.readInput(number('INPUT_REGISTERS_ADDRESS'), 1),
        table('INPUT_REGISTERS_TAB'),
      );
      const coils = number('BITS_NB');
      await registers.writeCoils(number('BITS_ADDRESS'), bits('BITS_TAB', coils));
      assert.deepEqual(await registers.readCoils(number('BITS_ADDRESS'), coils), bits('BITS_TAB', coils));
      await registers.writeCoil(number('BITS_ADDRESS'), false);
      assert.deepEqual(await registers.readCoils(number('BITS_ADDRESS'), 1), [false]);
      await registers.writeRegisters(first, table('REGISTERS_TAB'));
      assert.deepEqual(await registers.readHolding(first, 3), table('REGISTERS_TAB'));
      await registers.writeRegister(first, 0x1234);
      await registers.maskWrite(first, 0x00f2, 0x0025); // (0x1234 & 0x00f2) | (0x0025 & ~0x00f2)
      assert.deepEqual(await registers.readHolding(first, 1), [0x0035]);
      assert.deepEqual(
        await registers.readWrite({ address: first, count: 3 }, { address: first + 1, values: [7, 8] }),
        [0x0035, 7, 8],
      );
    });

    it('refuses what lies outside, and what libmodbus does not know', async () => {
      const { registers } = (await opened()).driver;
      const refused = (code: number) => (error: unknown) =>
        error instanceof DeviceException && error.data['exception'] === code;
      await assert.rejects(registers.readHolding(first - 1, 1), refused(2));
      await assert.rejects(registers.readHolding(first, number('REGISTERS_NB_MAX') + 1), refused(2));
      await assert.rejects(registers.readDeviceIdentification('basic'), refused(1));
      await assert.rejects(registers.readFileRecord(1, 0, 1), refused(1));
      await assert.rejects(registers.readFifo(first), refused(1));
      assert.match(Buffer.from(await registers.raw(Buffer.from([17]))).toString('latin1'), serverId);
    });
  });

  describe(`libmodbus ${mode}: registers that misbehave`, () => {
    it('busy is an exception 06', async () => {
      const { registers } = (await opened()).driver;
      await assert.rejects(
        registers.readHolding(number('REGISTERS_ADDRESS_SPECIAL'), 1),
        (error: unknown) => error instanceof DeviceException && error.data['exception'] === 6,
      );
      assert.deepEqual(await registers.readHolding(first, 1), [0]);
    });

    it('fewer values than were asked for are no data', async () => {
      const { registers } = (await opened(shortRest)).driver;
      await assert.rejects(registers.readHolding(first, number('REGISTERS_NB_SPECIAL')), FrameError);
      assert.deepEqual(await registers.readHolding(first, 3), [0, 0, 0]);
    });

    it('an answer of another transaction, or another unit, is not the answer', async () => {
      const { registers } = (await opened({ replyWithinMs: 1000, ...shortRest })).driver;
      for (let asked = 0; asked < 3; asked += 1) await registers.readHolding(first, 1); // its own count starts at 1
      await assert.rejects(
        registers.readHolding(number('REGISTERS_ADDRESS_INVALID_TID_OR_SLAVE'), 1),
        (error: unknown) =>
          error instanceof TimeoutError && /1 other answers? were discarded/.test(error.message),
      );
      await afterTimeout();
      assert.deepEqual(await registers.readHolding(first, 1), [0]);
    });

    it('half a second late is an answer to whoever waits for it', async () => {
      const { registers } = (await opened()).driver;
      assert.deepEqual(await registers.readHolding(number('REGISTERS_ADDRESS_SLEEP_500_MS'), 1), [0]);
    });

    for (const quietMs of mode === 'tcp' ? [undefined] : [undefined, 20]) {
      const rest = quietMs === undefined ? '' : `, though the line rests for ${quietMs} ms only`;
      it(`half a second late is never the answer to the next request${rest}`, async () => {
        const { registers } = (
          await opened({ replyWithinMs: HASTY_MS, ...(quietMs === undefined ? {} : { quietMs }) })
        ).driver;
        const late = number('REGISTERS_ADDRESS_SLEEP_500_MS');
        await registers.writeRegister(late, 0x1a7e);
        await registers.writeRegister(first, 0x0001);
        await registers.writeRegister(first + 1, 0x0002);
        await assert.rejects(registers.readHolding(late, 1), TimeoutError);
        await afterTimeout();
        // The server that was started again has forgotten what was written; on the line it is still the same one.
        const kept = mode === 'tcp' ? [0, 0] : [1, 2];
        assert.deepEqual(
          [...(await registers.readHolding(first, 1)), ...(await registers.readHolding(first + 1, 1))],
          kept,
        );
      });
    }

    if (mode === 'rtu') {
      it('another unit id meets silence', async () => {
        const { driver } = await opened({ unit: 18, replyWithinMs: 1000 });
        await assert.rejects(driver.registers.readHolding(first, 1), TimeoutError);
      });
      return; // the rest is of TCP
    }

    it('an answer in single bytes, 5 ms apart, is put together', async () => {
      const { registers } = (await opened({ unit: 255 })).driver;
      assert.deepEqual(await registers.readHolding(number('REGISTERS_ADDRESS_BYTE_SLEEP_5_MS'), 1), [0]);
    });

    it('and another unit’s is a broken answer, however whole', async () => {
      const { registers } = (await opened()).driver;
      await assert.rejects(
        registers.readHolding(number('REGISTERS_ADDRESS_BYTE_SLEEP_5_MS'), 1),
        (error: unknown) =>
          error instanceof FrameError && /unit 255 answered, unit 17 was asked/.test(error.message),
      );
      assert.deepEqual(await registers.readHolding(first, 1), [0]);
    });

    it('any unit id is answered, as whose it was asked', async () => {
      for (const unit of [1, 42]) {
        const { driver } = await opened({ unit });
        assert.deepEqual(await driver.registers.readHolding(first, 1), [0]);
        await driver.close();
        await server.untilServing();
      }
    });
  });
}
