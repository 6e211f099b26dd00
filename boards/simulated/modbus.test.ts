import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { altered, fields, IMAGE, imageFile, withGateway, type TestBench } from './testing/bench.ts';
import {
  command,
  exchangeRtu,
  ModbusTcpClient,
  offerFileRecords,
  readInput,
} from './testing/modbus-client.ts';
import { readU32, request, sendCommand, writeRegisters } from './testing/modbus-client.ts';

async function withModbus(
  args: readonly string[],
  work: (client: ModbusTcpClient, bench: TestBench) => Promise<void>,
): Promise<void> {
  await withGateway(['--no-opcua', ...args], async (bench) => {
    const client = await ModbusTcpClient.open(bench.ready.modbusPort);
    try {
      await work(client, bench);
    } finally {
      client.close();
    }
  });
}

describe('simulated gateway: Modbus', () => {
  it('shows version, floor, digest and a living process value, the same on TCP and RTU', async () => {
    await withModbus([], async (client, bench) => {
      const registers = await readInput(client.exchange, 0, 24);
      assert.deepEqual(registers.slice(0, 8), [1, 2, 0, 0, 0, 0, 5, 0]);
      const digest = registers
        .slice(8)
        .map((word) => word.toString(16).padStart(4, '0'))
        .join('');
      assert.equal(digest, (await bench.status())['digest']);
      const rs485 = bench.line(bench.ready.rs485);
      const overRtu = await exchangeRtu(rs485, request(4, 0, 24), 50);
      assert.deepEqual(overRtu, await client.exchange(request(4, 0, 24)));
      const first = await readU32(client.exchange, 24);
      assert.ok(first > 3000 && first < 5000);
      while ((await readU32(client.exchange, 24)) === first);
    });
  });

  it('answers wrong requests with the right exception, other units as the datasheet has it', async () => {
    await withModbus([], async (client) => {
      const cases: [Buffer, number, number][] = [
        [request(7), 7, 1],
        [request(4, 34, 1), 4, 2],
        [request(4, 0, 0), 4, 3],
        [request(3, 5, 1), 3, 2],
        [request(6, 0, 7), 6, 2],
        [request(5, 0, 1), 5, 3],
        [writeRegisters(0, [7]), 16, 2],
        [writeRegisters(100, [1, 2]), 16, 2],
        [request(6, 100, 1), 6, 2],
        [request(6, 122, 9), 6, 3],
        [request(22, 0, 0, 7), 22, 2],
      ];
      for (const [pdu, code, exception] of cases) {
        assert.deepEqual([...(await client.exchange(pdu))], [code | 0x80, exception], pdu.toString('hex'));
      }
      assert.deepEqual([...(await client.exchangeWith(18, request(4, 0, 1)))], [0x84, 0x0b]);
    });
  });

  it('keeps silent on RTU for another unit and for a wrong CRC, and answers the next request', async () => {
    await withModbus([], async (_client, bench) => {
      const rs485 = bench.line(bench.ready.rs485);
      rs485.send(Buffer.from('110400000001ffff', 'hex'));
      await assert.rejects(rs485.bytes(1, 200), /0 of 1 bytes/);
      await assert.rejects(
        exchangeRtu(
          { ...rs485, send: (b: Uint8Array) => rs485.send(b), bytes: () => rs485.bytes(1, 200) } as never,
          request(4, 0, 1),
          4,
          18,
        ),
      );
      assert.equal((await exchangeRtu(rs485, request(4, 0, 1), 4)).toString('hex'), '04020001');
      assert.equal((await exchangeRtu(rs485, request(7), 2)).toString('hex'), '8701');
    });
  });

  it('reads and writes what anybody may: scratch register, coils, mask write, identification', async () => {
    await withModbus([], async (client) => {
      await client.exchange(request(6, 1, 0x12));
      await client.exchange(request(22, 1, 0xf2, 0x25));
      assert.equal((await client.exchange(request(3, 1, 1))).readUInt16BE(2), 0x17);
      await client.exchange(request(5, 3, 0xff00));
      assert.deepEqual([...(await client.exchange(request(1, 0, 8)))], [1, 1, 8]);
      assert.match(
        (await client.exchange(Buffer.of(43, 14, 1, 0))).toString('latin1'),
        /Fieldproof Reference Devices/,
      );
      assert.deepEqual([...(await client.exchange(request(24, 200)))], [24, 0, 2, 0, 0]);
    });
  });

  it('takes an update through file records, across the edge of a file, and refuses a forged one', async () => {
    await withModbus([], async (client, bench) => {
      const pair = imageFile(IMAGE.pair);
      assert.deepEqual(await offerFileRecords(client.exchange, altered(pair, 0x1000)), [3, 4]);
      assert.deepEqual(await offerFileRecords(client.exchange, pair.subarray(0, -1)), [3, 3]);
      assert.deepEqual(await offerFileRecords(client.exchange, imageFile(IMAGE.newer)), [2, 0]);
      await client.exchange(request(6, 122, 3));
      await bench.console.waitFor(/SG-1 1\.3\.0 ready/);
    });
  });

  it('carries out a good command once and refuses every bad one with its result', async () => {
    await withModbus([], async (client, bench) => {
      const good = command({ counter: 1, value: 5 });
      assert.equal(await sendCommand(client.exchange, good), 1);
      const results: [Buffer, number][] = [
        [good, 3],
        [altered(command({ counter: 2 }), 20), 2],
        [command({ counter: 2, ageMs: 5000 }), 4],
        [command({ counter: 2, ageMs: -5000 }), 5],
        [command({ counter: 1002 }), 5],
        [command({ counter: 2, code: 100 }), 6],
      ];
      for (const [message, result] of results)
        assert.equal(await sendCommand(client.exchange, message), result);
      assert.deepEqual(fields(await bench.console.command('setpoint')), { setpoint: '105', effects: '1' });
      assert.equal(await sendCommand(client.exchange, command({ counter: 2 })), 1);
      await bench.powerCycle();
      const again = await ModbusTcpClient.open(bench.ready.modbusPort);
      try {
        assert.equal(await sendCommand(again.exchange, command({ counter: 2 })), 3);
        assert.equal(await readU32(again.exchange, 41), 2);
        assert.equal(await sendCommand(again.exchange, command({ counter: 3 })), 1);
      } finally {
        again.close();
      }
      assert.deepEqual(fields(await bench.console.command('setpoint')), { setpoint: '107', effects: '3' });
    });
  });

  it('makes telemetry whose counter never repeats, and refuses it as a command', async () => {
    await withModbus([], async (client, bench) => {
      const read = async (from: ModbusTcpClient): Promise<Buffer> =>
        (await from.exchange(request(4, 60, 16))).subarray(2);
      const counters = [(await read(client)).readUInt32BE(0), (await read(client)).readUInt32BE(0)];
      assert.equal(await sendCommand(client.exchange, await read(client)), 6);
      await bench.powerCycle();
      const again = await ModbusTcpClient.open(bench.ready.modbusPort);
      try {
        counters.push((await read(again)).readUInt32BE(0));
      } finally {
        again.close();
      }
      assert.deepEqual(
        counters,
        [...new Set(counters)].sort((a, b) => a - b),
      );
    });
  });
});
