/** Values, methods, browsing, subscriptions and a restart, on the open62541 server's nodes. */

import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { SettingsInput } from '../../../drivers/opcua/test/bench.ts';
import { until } from '../../../harness/clock.ts';
import { PortError } from '../../../harness/errors.ts';
import { listens } from './device.ts';
import { id, type Serving } from './serving.ts';

/** What is written, and what is read back where that is not the same. */
const samples: readonly [type: string, written: unknown, readBack?: unknown][] = [
  ['Boolean', true],
  ['SByte', -5],
  ['Byte', 200],
  ['Int16', -300],
  ['UInt16', 65_535],
  ['Int32', -70_000],
  ['UInt32', 4_000_000_000],
  ['Int64', '-9007199254740993', -9_007_199_254_740_993n],
  ['UInt64', '18446744073709551615', 18_446_744_073_709_551_615n],
  ['Float', 1.5],
  ['Double', 2.25],
  ['String', 'grün'],
  ['DateTime', '2026-01-02T03:04:05.678Z', new Date('2026-01-02T03:04:05.678Z')],
  ['Guid', '72962b91-fa75-4ae6-8d28-b404dc7daf63', '72962B91-FA75-4AE6-8D28-B404DC7DAF63'],
  ['ByteString', 'beef00', Buffer.from('beef00', 'hex')],
  ['LocalizedText', 'ein Text'],
];

export function itReadsAndWrites(server: Serving, settings: SettingsInput): void {
  it('reads back what it wrote, in every type', async () => {
    const { nodes } = (await server.open(settings)).driver;
    for (const [type, written, readBack = written] of samples) {
      await nodes.write(id(`Types.${type}`), { type, value: written });
      assert.deepEqual(await nodes.read(id(`Types.${type}`)), readBack, type);
    }
    await nodes.write(id('Types.Int32Array'), { type: 'Int32', value: [4, 5] });
    assert.deepEqual(Array.from((await nodes.read(id('Types.Int32Array'))) as number[]), [4, 5]);
  });

  it('browses, calls, and hears what the server says of a wrong type', async () => {
    const { nodes } = (await server.open(settings)).driver;
    const children = await nodes.browse(id('Device'));
    const command = children.find(({ browseName }) => browseName === 'Command');
    assert.equal(command?.nodeClass, 'Method');
    const malformed = [{ type: 'ByteString', value: '00' }];
    assert.deepEqual(await nodes.call(id('Device'), id('Device.Command'), malformed), [6]);
    await assert.rejects(nodes.write(id('Device.Setpoint'), { type: 'Double', value: 1 }), /BadTypeMismatch/);
  });

  it('is told of values and events', async () => {
    const { nodes } = (await server.open(settings)).driver;
    const pressures: unknown[] = [];
    const events: Readonly<Record<string, unknown>>[] = [];
    const values = await nodes.subscribeValues(
      [id('Device.Pressure')],
      { samplingMs: 20, publishingMs: 50 },
      ({ value }) => pressures.push(value),
    );
    assert.ok((values.revisedSamplingMs ?? 0) >= 20 && values.revisedPublishingMs >= 50);
    const listening = await nodes.subscribeEvents(
      'i=2253',
      ['SourceName', 'Message', 'Severity'],
      { publishingMs: 50 },
      ({ fields }) => events.push(fields),
    );
    await nodes.call(id('Device'), id('Device.Raise'), [
      { type: 'String', value: 'code' },
      { type: 'String', value: 'code was changed' },
      { type: 'UInt16', value: 900 },
    ]);
    await until(() => (pressures.length > 2 && events.length > 0 ? true : undefined), {
      withinMs: 10_000,
      what: 'values and an event',
    });
    assert.equal(new Set(pressures).size, pressures.length, 'each value is another');
    assert.deepEqual(events, [{ SourceName: 'code', Message: 'code was changed', Severity: 900 }]);
    await values.close();
    await listening.close();
  });

  it('comes back after the server was gone, which was noticed once', async () => {
    const { driver, losses } = await server.open(settings);
    await driver.nodes.write(id('Device.Setpoint'), { type: 'Int32', value: 55 });
    const { supply, port } = server.running();
    await supply.off();
    await until(() => losses[0], { withinMs: 10_000, what: 'the loss' });
    await assert.rejects(driver.nodes.read(id('Device.Setpoint')), PortError);
    supply.on();
    await listens(port);
    assert.equal(await driver.nodes.read(id('Device.Setpoint')), 55, 'kept without power');
    assert.equal(losses.length, 1);
  });
}
