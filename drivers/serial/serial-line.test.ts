import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { DriverError, PortError } from '../../harness/errors.ts';
import { SerialLine } from './serial-line.ts';
import { FakeBinding } from './test/fake-binding.ts';

const port = {
  path: '/dev/fake',
  baudRate: 9600,
  dataBits: 8,
  parity: 'none',
  stopBits: 1,
  rtscts: false,
  xon: false,
  xoff: false,
  hupcl: true,
  lock: true,
} as const;

describe('serial line', () => {
  const open = async (binding = new FakeBinding()): Promise<{ line: SerialLine; deaths: unknown[] }> => {
    const deaths: unknown[] = [];
    const options = { wire: 'w', port, writeWithinMs: 1000, binding };
    const line = await SerialLine.open(options, {
      received: () => undefined,
      died: (cause) => deaths.push(cause),
    });
    return { line, deaths };
  };

  it('reports one death, however often the port closes', async () => {
    const { line, deaths } = await open();
    line.end(new Error('first'));
    line.end(new Error('second'));
    await line.close();
    line.end(new Error('third'));
    assert.equal(deaths.length, 1);
    assert.match(String(deaths[0]), /lost \/dev\/fake: first/);
  });

  it('answers write and drain at once after its death and after close', async () => {
    const dead = await open();
    dead.line.end(new Error('gone'));
    await assert.rejects(dead.line.write(Buffer.from('x')), PortError);
    await assert.rejects(dead.line.drain(), PortError);
    const closed = await open();
    await closed.line.close();
    await closed.line.close();
    await assert.rejects(closed.line.write(Buffer.from('x')), DriverError);
    await assert.rejects(closed.line.drain(), DriverError);
    assert.deepEqual(closed.deaths, []);
  });

  it('is lost, not closed by the bench, from the moment in which the port is gone', async () => {
    const binding = new FakeBinding();
    const { line, deaths } = await open(binding);
    binding.vanish();
    await assert.rejects(line.write(Buffer.from('x')), PortError);
    await assert.rejects(line.drain(), PortError);
    assert.equal(deaths.length, 1);
    line.end(new Error('the event, later'));
    assert.equal(deaths.length, 1);
    await line.close();
  });

  it('knows the time on the wire', async () => {
    const { line } = await open();
    assert.equal(line.transmitMs(960), 1000); // 10 bits each
    await line.close();
  });
});
