import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { benchModbus } from './bench.ts';

describe('modbus bench', () => {
  it('measures all three on one server, with right answers, and leaves nothing behind', async () => {
    const results = await benchModbus({ requests: 320, rounds: 1 });
    assert.deepEqual(
      results.map(({ name }) => name),
      ['Modbus TCP, one after the other', 'Modbus TCP, 16 in flight'],
    );
    for (const { ours, bareModbusSerial, rawSockets } of results) {
      assert.ok(Math.min(ours, bareModbusSerial, rawSockets) > 0);
    }
  });
});
