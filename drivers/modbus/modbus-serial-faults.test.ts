/** Every fault measured in modbus-serial 8.0.25, as seen from above the driver: none may show. */

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { Deadline } from '../../harness/clock.ts';
import { FrameError, PortError, TimeoutError } from '../../harness/errors.ts';
import { testDriver, type TestDriver } from './test/bench-driver.ts';
import { FakeServer, type Mode } from './test/fake-server.ts';

describe('modbus-serial faults that must not show', () => {
  let server: FakeServer;
  let bench: TestDriver;
  const on = async (
    mode: Mode,
    more: Record<string, unknown> = {},
  ): Promise<TestDriver['driver']['registers']> => {
    server = await FakeServer.start(mode);
    bench = testDriver(server.settings(more));
    await bench.driver.open();
    return bench.driver.registers;
  };
  afterEach(async () => {
    await bench.driver.close();
    await server.dispose();
  });

  it('RTU: a late reply given to the next request', async () => {
    const registers = await on('rtu', { quietMs: 300 });
    server.tricks.push('hold');
    await assert.rejects(registers.readHolding(1, 1), TimeoutError);
    server.release();
    assert.deepEqual(await registers.readHolding(2, 1), [2]);
  });

  it('TCP: transaction ids that come round after 256, so that a stale reply is taken for a new one', async () => {
    const registers = await on('tcp', { inFlight: 2, replyWithinMs: 5000 });
    server.tricks.push('hold');
    const first = registers.readHolding(1, 1);
    for (let at = 0; at < 300; at += 1) assert.deepEqual(await registers.readHolding(at, 1), [at]);
    server.release();
    assert.deepEqual(await first, [1]);
    const sent = bench.wire.filter((one) => one.direction === 'sent').map((one) => one.bytes.readUInt16BE(0));
    assert.equal(new Set(sent).size, 301);
  });

  it('RTU: an answer that arrives in pieces fails', async () => {
    const registers = await on('rtu');
    server.always = 'byte-by-byte';
    assert.deepEqual(await registers.readInput(3, 3), [1003, 1004, 1005]);
    assert.deepEqual(
      await registers.readCoils(0, 10),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((at) => at % 3 === 0),
    );
  });

  it('TCP: a reset with a request pending is noticed only at the timeout', async () => {
    const registers = await on('tcp', { replyWithinMs: 20_000 });
    server.tricks.push('reset');
    const took = new Deadline(0);
    await assert.rejects(registers.readHolding(1, 1), PortError);
    assert.ok(took.elapsedMs < 2000, `took ${took.elapsedMs} ms`);
  });

  it('no timeout unless one is set', async () => {
    server = await FakeServer.start('tcp');
    const { replyWithinMs: _unset, ...unset } = server.settings();
    bench = testDriver(unset);
    await bench.driver.open();
    server.always = 'silent';
    await assert.rejects(bench.driver.registers.readHolding(1, 1), /no reply .* within 1000 ms/);
  });

  it('TCP: an oversized MBAP length leaves the stream out of step', async () => {
    const registers = await on('tcp', { replyWithinMs: 5000 });
    server.tricks.push('oversized-length');
    const took = new Deadline(0);
    await assert.rejects(registers.readHolding(1, 1), FrameError);
    assert.ok(took.elapsedMs < 2000, 'the header alone tells');
    assert.deepEqual(await registers.readHolding(2, 1), [2]);
  });

  it('calls that never settle: report server id, and functions outside 65–72 and 100–110', async () => {
    for (const mode of ['tcp', 'rtu'] as const) {
      const registers = await on(mode);
      assert.deepEqual([...(await registers.raw(Buffer.from([17])))], [17, 3, 0x42, 0xff, 1]);
      assert.deepEqual([...(await registers.raw(Buffer.from([70, 9])))], [70, 1, 2, 3, 4, 5]);
      assert.deepEqual([...(await registers.raw(Buffer.from([99, 9])))], [0x80 | 99, 1]);
      assert.deepEqual([...(await registers.raw(Buffer.from([8, 0, 0, 0xa5, 0x37])))], [8, 0, 0, 0xa5, 0x37]);
      if (mode === 'tcp') await bench.driver.close();
      if (mode === 'tcp') await server.dispose();
    }
  });

  it('FC 20: CRC bytes left in the data, and always 100 registers', async () => {
    for (const mode of ['tcp', 'rtu'] as const) {
      const registers = await on(mode);
      await registers.writeFileRecord(2, 5, [0xcafe, 0xbabe]);
      assert.deepEqual(await registers.readFileRecord(2, 4, 4), [0, 0xcafe, 0xbabe, 0]);
      if (mode === 'tcp') await bench.driver.close();
      if (mode === 'tcp') await server.dispose();
    }
  });

  it('43/14: a failure in the second part throws inside the data handler; endless lists never end', async () => {
    const registers = await on('tcp');
    server.device.identityPart = 1;
    server.tricks.push({ exception: 4 });
    await assert.rejects(registers.readDeviceIdentification('regular'), /server device failure/);
    assert.equal((await registers.readDeviceIdentification('regular')).get(5), 'Model 5');
    server.always = { pdu: Buffer.from('2b0e018 2ff00010001 41'.replaceAll(' ', ''), 'hex') };
    await assert.rejects(
      registers.readDeviceIdentification('basic'),
      /more objects follow from 0, but 0 was asked/,
    );
  });

  it('raw debug bytes that are not the wire’s', async () => {
    const registers = await on('tcp');
    await registers.readHolding(2, 1);
    const [sent, received] = bench.wire.map((one) => one.bytes.toString('hex'));
    assert.equal(sent, '000100000006' + '11' + '0300020001');
    assert.equal(received, '000100000005' + '11' + '03020002');
  });

  it('RTU: CRC and bytes of the request are those of the standard', async () => {
    const registers = await on('rtu');
    await registers.readHolding(0x6b, 3);
    // The request of Application Protocol V1.1b3, 6.3 (addresses 107 to 109), for unit 17: CRC 76 87 is published.
    assert.equal(bench.wire[0]!.bytes.toString('hex'), '1103006b00037687');
  });
});
