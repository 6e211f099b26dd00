import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Registers } from '../../harness/capabilities.ts';
import type { Driver } from '../../harness/driver.ts';
import { DeviceException, DriverError, PortError, TimeoutError } from '../../harness/errors.ts';
import { testContext } from '../driver-contract.ts';
import { ModbusRelay } from './modbus-relay.ts';
import { modbusRelaySettings, type ModbusRelaySettings } from './settings.ts';

/** A relay board that keeps its coils; `stuck`, `slow` reads and `mute` on request. */
class FakeBoard {
  readonly coils = new Map<number, boolean>();
  stuck = false;
  mute = false;
  slowReads = 0;
  missing = false;

  readonly registers = {
    readCoils: async (address: number): Promise<boolean[]> => {
      if (this.missing) throw new DeviceException('illegal-address', `no coil ${address}`);
      if (this.mute) return new Promise(() => undefined);
      if (this.slowReads > 0) {
        this.slowReads -= 1;
        return [!(this.coils.get(address) ?? false)];
      }
      return [this.coils.get(address) ?? false];
    },
    writeCoil: async (address: number, value: boolean): Promise<void> => {
      if (!this.stuck) this.coils.set(address, value);
    },
  } as Partial<Registers> as Registers;

  readonly driver: Driver = {
    kind: 'fake-modbus',
    name: 'relay-board',
    state: 'open',
    open: async () => undefined,
    close: async () => undefined,
    selfTest: async () => undefined,
    registers: this.registers,
  };
}

describe('modbus-relay', () => {
  let driver: ModbusRelay | undefined;
  afterEach(() => driver?.close());
  function make(more: Partial<ModbusRelaySettings> = {}) {
    const board = new FakeBoard();
    const { registers: _none, ...deaf } = board.driver;
    const test = testContext({ dependencies: { 'relay-board': board.driver, console: deaf } });
    const settings = modbusRelaySettings.parse({ wire: 'relay-board', coil: 3, withinMs: 300, ...more });
    driver = new ModbusRelay(settings, test.context);
    return { board, driver, ...test };
  }

  it('writes the coil and reads it back', async () => {
    const { board, driver } = make();
    await driver.open();
    await driver.power.on();
    assert.equal(board.coils.get(3), true);
    await driver.power.off();
    assert.equal(board.coils.get(3), false);
  });

  it('inverts for a relay that breaks the supply when energised', async () => {
    const { board, driver } = make({ onValue: false });
    await driver.open();
    await driver.power.off();
    assert.equal(board.coils.get(3), true);
  });

  it('waits for a coil that follows late', async () => {
    const { board, driver } = make({ withinMs: 5000 });
    await driver.open();
    board.slowReads = 2;
    await driver.power.on();
    assert.equal(board.slowReads, 0);
  });

  it('calls a coil that does not follow a bench fault', async () => {
    const { board, driver } = make();
    await driver.open();
    board.stuck = true;
    await assert.rejects(driver.power.on(), (error: unknown) => {
      assert.ok(error instanceof PortError);
      assert.equal(error.code, 'relay-stuck');
      assert.match(error.message, /coil 3 of relay-board still reads false 300 ms after true/);
      return true;
    });
  });

  it('gives up on a board that says nothing', async () => {
    const { board, driver } = make();
    await driver.open();
    board.mute = true;
    await assert.rejects(driver.power.on(), TimeoutError);
  });

  it('passes on what the board says, at open already', async () => {
    const { board, driver } = make();
    board.missing = true;
    await assert.rejects(driver.open(), DeviceException);
    assert.equal(driver.state, 'closed');
  });

  it('refuses a wire without registers', async () => {
    const { driver } = make({ wire: 'console' });
    await assert.rejects(driver.open(), (error: unknown) => {
      assert.ok(error instanceof DriverError);
      assert.match(error.message, /wire console \(fake-modbus\) has no registers/);
      return true;
    });
  });
});
