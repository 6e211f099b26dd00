import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { DriverError } from '../../harness/errors.ts';
import { testDriver, type TestDriver } from './test/bench-driver.ts';
import { FakeServer, type Mode } from './test/fake-server.ts';

for (const mode of ['tcp', 'rtu', 'rtu-over-tcp'] satisfies Mode[]) {
  describe(`modbus ${mode}: registers`, () => {
    let server: FakeServer;
    let bench: TestDriver;
    beforeEach(async () => {
      server = await FakeServer.start(mode);
      bench = testDriver(server.settings({ replyWithinMs: 2000 }));
      await bench.driver.open();
    });
    afterEach(async () => {
      await bench.driver.close();
      await server.dispose();
    });

    it('reads and writes bits and registers, up to the most that a frame holds', async () => {
      const { registers } = bench.driver;
      const { device } = server;
      assert.deepEqual(await registers.readCoils(1, 11), device.coils.slice(1, 12));
      assert.deepEqual(await registers.readDiscreteInputs(0, 2000), device.discrete.slice(0, 2000));
      assert.deepEqual(await registers.readHolding(0, 125), device.holding.slice(0, 125));
      assert.deepEqual(await registers.readInput(875, 125), device.input.slice(875, 1000));
      await registers.writeCoil(2, true);
      await registers.writeCoils(8, [true, false, true]);
      assert.deepEqual(device.coils.slice(8, 11), [true, false, true]);
      assert.equal(device.coils[2], true);
      await registers.writeRegister(0, 0xffff);
      const many = Array.from({ length: 123 }, (_, at) => 0x8000 + at);
      await registers.writeRegisters(1, many);
      assert.deepEqual(device.holding.slice(0, 124), [0xffff, ...many]);
      await registers.maskWrite(0, 0xf2f2, 0x0025);
      assert.equal(device.holding[0], (0xffff & 0xf2f2) | (0x0025 & ~0xf2f2));
      assert.deepEqual(
        await registers.readWrite({ address: 4, count: 2 }, { address: 5, values: [7, 8] }),
        [0x8003, 7],
      );
    });

    it('reads FIFO, file records of full size, and identification in parts', async () => {
      const { registers } = bench.driver;
      assert.deepEqual(await registers.readFifo(0x4de), [0x01b8, 0x1284]);
      const words = Array.from({ length: 122 }, (_, at) => at * 3);
      await registers.writeFileRecord(4, 1, words);
      assert.deepEqual(await registers.readFileRecord(4, 1, 121), words.slice(0, 121));
      const identity = await registers.readDeviceIdentification('regular');
      assert.deepEqual([...identity], [...server.device.identity]);
    });

    it('gives a raw exception as it is, and everything else in its class', async () => {
      const { registers } = bench.driver;
      assert.deepEqual([...(await registers.raw(Buffer.from([3, 0xff, 0xff, 0, 1])))], [0x83, 2]);
      await assert.rejects(registers.raw(Buffer.alloc(254, 8)), DriverError);
      await assert.rejects(registers.raw(Buffer.alloc(0)), DriverError);
      await assert.rejects(registers.readHolding(0, 126), /126 items from address 0 cannot be asked at once/);
      await assert.rejects(registers.readHolding(0xffff, 2), DriverError);
      await assert.rejects(registers.writeRegister(0, 0x10000), /65536 is not a value of 16 bits/);
      await assert.rejects(registers.writeRegisters(0, []), DriverError);
      assert.equal(server.requests.length, 1);
    });
  });
}
