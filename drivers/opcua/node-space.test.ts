import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { until } from '../../harness/clock.ts';
import {
  DeviceException,
  DriverError,
  PortError,
  TimeoutError,
  type BenchError,
} from '../../harness/errors.ts';
import { adapters } from './adapters.ts';
import { spec } from './settings.ts';
import type { EventSeen, ValueChange } from './subscription.ts';
import { bench, type Bench } from './test/bench.ts';
import { imageLimitBytes, startFakeServer, type FakeServer } from './test/fake-server.ts';
import { TestTap } from './test/test-tap.ts';

const node = (name: string): string => `nsu=urn:fieldproof:opcua-driver-test;s=Device${name}`;
const serverObject = 'i=2253';
/** i=751 as it stands on the wire (OPC 10000-6, 5.2.2.9: four-byte NodeId). */
const createMonitoredItemsRequest = Buffer.of(0x01, 0x00, 0xef, 0x02);

describe('opcua node space and adapters', () => {
  let server: FakeServer;
  let tap: TestTap;
  let made: Bench;
  before(async () => {
    server = await startFakeServer();
    tap = new TestTap(server.port);
    await tap.listen();
    made = await bench({ port: tap.port, replyWithinMs: 2000 });
    await made.driver.open();
  });
  after(async () => {
    await made.dispose();
    await tap.stop();
    await server.stop();
  });

  /** An adapter made as the bench makes it: settings through the spec's schema. */
  function adapter<T>(name: string, settings: Record<string, unknown>): T {
    const parsed = spec.adapters.find((one) => one.name === name)?.settings.parse(settings);
    const found = adapters.find((one) => one.name === name);
    assert.ok(found !== undefined && parsed !== undefined, name);
    return (found.create as (given: unknown, wire: unknown) => T)(parsed, made.driver);
  }

  describe('nodes', () => {
    it('reads values of each kind as JavaScript values', async () => {
      const { nodes } = made.driver;
      assert.equal(await nodes.read(node('.Version')), '1.2.0');
      assert.equal(await nodes.read(node('.Pressure')), 1.5);
      assert.equal(await nodes.read(node('.Counter')), 2 ** 32 + 2);
      assert.equal(Buffer.from((await nodes.read(node('.Digest'))) as Uint8Array).toString('hex'), 'beef');
      assert.equal(await nodes.read(node('.Label')), 'gateway');
    });

    it('understands ns=, and names what is wrong with a node id', async () => {
      const { nodes } = made.driver;
      const [found] = await nodes.call(node(''), node('.SendCommand'), [{ type: 'ByteString', value: '00' }]);
      assert.equal(found, 0);
      const namespaces = (await nodes.read('i=2255')) as string[];
      const index = namespaces.indexOf('urn:fieldproof:opcua-driver-test');
      assert.equal(await nodes.read(`ns=${index};s=Device.Version`), '1.2.0');
      await assert.rejects(
        nodes.read('nsu=urn:none;s=X'),
        (error: BenchError) => error.code === 'unknown-namespace',
      );
      await assert.rejects(nodes.read('nonsense'), (error: BenchError) => error.code === 'bad-node-id');
      await assert.rejects(nodes.read(node('.None')), (error: BenchError) => {
        assert.ok(error instanceof DeviceException);
        return error.data['status'] === 'BadNodeIdUnknown';
      });
    });

    it('writes, and tells why not', async () => {
      const { nodes } = made.driver;
      await nodes.write(node('.Setpoint'), { type: 'Int16', value: 42 });
      assert.equal(await nodes.read(node('.Setpoint')), 42);
      await assert.rejects(nodes.write(node('.Setpoint'), { type: 'Int16', value: 40_000 }), DriverError);
      await assert.rejects(nodes.write(node('.Setpoint'), { type: 'Int17', value: 1 }), DriverError);
      await assert.rejects(
        nodes.write(node('.Version'), { type: 'String', value: 'x' }),
        (error: BenchError) => {
          assert.ok(error instanceof DeviceException);
          return /^Bad(NotWritable|UserAccessDenied|WriteNotSupported)$/.test(String(error.data['status']));
        },
      );
    });

    it('browses', async () => {
      const children = await made.driver.nodes.browse(node(''));
      const names = children.map((child) => child.browseName);
      assert.ok(names.includes('File') && names.includes('Version'), names.join());
      assert.equal(children.find((child) => child.browseName === 'Refuse')?.nodeClass, 'Method');
    });

    it('writes and reads a file in chunks', async () => {
      const bytes = Buffer.from(Array.from({ length: 10_000 }, (_none, index) => index & 0xff));
      server.inside.writes.length = 0;
      const delivery = await made.driver.nodes.writeFile(node('.File'), bytes, { chunkBytes: 4096 });
      assert.deepEqual(delivery, { totalBytes: 10_000, acknowledgedBytes: 10_000, complete: true });
      assert.deepEqual(server.inside.writes, [4096, 4096, 1808]);
      assert.ok(server.inside.file.equals(bytes));
      assert.ok(Buffer.from(await made.driver.nodes.readFile(node('.File'))).equals(bytes));
    });

    it('says how far a file got that the server refused', async () => {
      const bytes = new Uint8Array(imageLimitBytes + 1);
      await assert.rejects(
        made.driver.nodes.writeFile(node('.File'), bytes, { chunkBytes: 50_000 }),
        (error: BenchError) => {
          assert.ok(error instanceof DeviceException);
          assert.deepEqual(error.data['delivery'], {
            totalBytes: imageLimitBytes + 1,
            acknowledgedBytes: imageLimitBytes,
            complete: false,
          });
          return error.data['status'] === 'BadOutOfMemory';
        },
      );
    });
  });

  describe('subscriptions', () => {
    it('reports values, with the intervals that the server granted', async () => {
      const changes: ValueChange[] = [];
      server.setValue(2.5);
      const subscription = await made.driver.nodes.subscribeValues(
        [node('.Pressure')],
        { samplingMs: 1, publishingMs: 50 },
        (change) => changes.push(change),
      );
      assert.ok(subscription.revisedPublishingMs >= 50);
      assert.ok((subscription.revisedSamplingMs ?? 0) >= 20, `sampling ${subscription.revisedSamplingMs}`);
      await until(() => changes.find((change) => change.value === 2.5), {
        withinMs: 5000,
        what: 'the first value',
      });
      server.setValue(3.5);
      const seen = await until(() => changes.find((change) => change.value === 3.5), {
        withinMs: 5000,
        what: 'a change',
      });
      assert.equal(seen.nodeId, node('.Pressure'));
      await subscription.close();
      await subscription.close();
    });

    it('reports a value that comes in one piece with the answer to the request', async () => {
      const changes: ValueChange[] = [];
      tap.deliverTogether(createMonitoredItemsRequest, 2);
      const subscription = await made.driver.nodes.subscribeValues(
        [node('.Pressure')],
        { samplingMs: 50, publishingMs: 50 },
        (change) => changes.push(change),
      );
      await until(() => changes[0], { withinMs: 5000, what: 'the first value' });
      await subscription.close();
    });

    it('refuses to watch a node that does not exist', async () => {
      const options = { samplingMs: 50, publishingMs: 50 };
      await assert.rejects(
        made.driver.nodes.subscribeValues([node('.None')], options, () => {}),
        DeviceException,
      );
    });

    it('reports events', async () => {
      const events: EventSeen[] = [];
      const subscription = await made.driver.nodes.subscribeEvents(
        serverObject,
        ['SourceName', 'Message', 'Severity'],
        { publishingMs: 50 },
        (event) => events.push(event),
      );
      server.raise('memory', 'code differs');
      const event = await until(() => events[0], { withinMs: 5000, what: 'the event' });
      assert.deepEqual(event.fields, { SourceName: 'memory', Message: 'code differs', Severity: 800 });
      await subscription.close();
    });

    it('keeps the session when one request is slow and the server is heard meanwhile', async () => {
      const subscription = await made.driver.nodes.subscribeEvents(
        serverObject,
        ['Message'],
        { publishingMs: 50 },
        () => {},
      );
      const connections = tap.connections;
      const call = made.driver.nodes.call(node(''), node('.Hang'), [{ type: 'UInt32', value: 6000 }], {
        withinMs: 4500,
      });
      await assert.rejects(call, TimeoutError);
      assert.equal(await made.driver.nodes.read(node('.Version')), '1.2.0');
      assert.equal(tap.connections, connections);
      await subscription.close();
    });

    it('says that a subscription died with its link', async () => {
      const ends: BenchError[] = [];
      const subscription = await made.driver.nodes.subscribeEvents(
        serverObject,
        ['Message'],
        { publishingMs: 50 },
        () => {},
      );
      subscription.onEnd((cause) => ends.push(cause));
      await tap.break();
      await until(() => ends[0], { withinMs: 3000, what: 'the end' });
      assert.equal(ends.length, 1);
      await subscription.close();
      await tap.mend();
    });

    it('notices within its deadline that a server with subscriptions fell silent, without any request', async () => {
      const losses = made.losses.length;
      const ends: BenchError[] = [];
      const subscription = await made.driver.nodes.subscribeEvents(
        serverObject,
        ['Message'],
        { publishingMs: 50 },
        () => {},
      );
      subscription.onEnd((cause) => ends.push(cause));
      tap.silence();
      const cause = await until(() => ends[0], { withinMs: 15_000, what: 'the end' });
      assert.ok(cause instanceof PortError);
      assert.equal(made.losses.length, losses + 1);
      await tap.break();
      await tap.mend();
    });
  });

  describe('adapters', () => {
    beforeEach(() => {
      server.onCommit = () => undefined;
      server.asynchronous = false;
      server.inside.committed.length = 0;
      server.inside.commands.length = 0;
    });

    it('opcua-node reads numbers and text, bytes as hex', async () => {
      const read = (name: string): Promise<unknown> =>
        adapter<{ read(): Promise<unknown> }>('opcua-node', { nodeId: node(name) }).read();
      assert.equal(await read('.Version'), '1.2.0');
      assert.equal(await read('.Digest'), 'beef');
    });

    it('opcua-identity reads several', async () => {
      const nodes = { version: node('.Version'), label: node('.Label') };
      const read = adapter<{ read(): Promise<unknown> }>('opcua-identity', { nodes });
      assert.deepEqual(await read.read(), { version: '1.2.0', label: 'gateway' });
    });

    type Action = { perform(): Promise<{ kind: string; reason?: string }> };
    it('opcua-call tells accepted, refused, silent and closed apart, and throws what is the bench’s', async () => {
      const call = (name: string, more: object = {}): Action =>
        adapter('opcua-call', { objectId: node(''), methodId: node(name), ...more });
      const hang = { inputs: [{ type: 'UInt32', value: 3000 }], withinMs: 300 };
      const { elapsedMs: _time, ...refused } = (await call('.Refuse').perform()) as Record<string, unknown>;
      assert.deepEqual(refused, { kind: 'refused', reason: 'BadUserAccessDenied' });
      assert.equal(
        (await call('.Hang', { inputs: [{ type: 'UInt32', value: 1 }] }).perform()).kind,
        'accepted',
      );
      assert.equal((await call('.Hang', hang).perform()).kind, 'silent');
      await made.driver.nodes.read(node('.Version'));
      const cut = call('.Hang', { ...hang, withinMs: 5000 }).perform();
      const before = tap.passed.toDevice.length;
      await until(() => (tap.passed.toDevice.length > before ? true : undefined), {
        withinMs: 3000,
        what: 'the call',
      });
      await tap.break();
      assert.equal((await cut).kind, 'closed');
      await assert.rejects(call('.Refuse').perform(), (error: BenchError) => error.code === 'no-connection');
      await tap.mend();
    });

    it('opcua-call never takes a wrong node id for a refusal', async () => {
      const call: Action = adapter('opcua-call', { objectId: node(''), methodId: node('.NoSuchMethod') });
      await assert.rejects(call.perform(), (error: BenchError) => error.code === 'opcua-status');
    });

    type Messages = { send(message: Uint8Array): Promise<Record<string, unknown>> };
    it('opcua-command maps the numeric result', async () => {
      const messages = adapter<Messages>('opcua-command', {
        objectId: node(''),
        methodId: node('.SendCommand'),
        accepted: [1],
        refused: { 3: 'replayed' },
      });
      const send = async (first: number): Promise<[unknown, unknown]> => {
        const answer = await messages.send(Uint8Array.of(first, 0xaa));
        return [answer['kind'], answer['reason']];
      };
      assert.deepEqual(await send(1), ['accepted', undefined]);
      assert.deepEqual(await send(3), ['refused', 'replayed']);
      assert.deepEqual(await send(6), ['refused', 'result 6']);
      assert.equal(server.inside.commands[1]?.toString('hex'), '03aa');
    });

    it('opcua-alarm-event tells object, text and uncertainty, and its own death', async () => {
      type Alarm = { object: string; text: string; uncertaintyMs: number };
      type Listen = (
        on: (alarm: Alarm) => void,
        failed: (error: unknown) => void,
      ) => Promise<() => Promise<void>>;
      const alarms: Alarm[] = [];
      const failures: unknown[] = [];
      const source = adapter<{ listen: Listen }>('opcua-alarm-event', {
        publishingMs: 50,
        minimumSeverity: 500,
        objects: { memory: 'memory', CODE: 'code' },
      });
      const stop = await source.listen(
        (alarm) => alarms.push(alarm),
        (error) => failures.push(error),
      );
      server.raise('memory', 'too quiet', 100);
      server.raise('weather', 'not ours');
      server.raise('CODE', 'differs');
      const alarm = await until(() => alarms[0], { withinMs: 5000, what: 'the alarm' });
      assert.equal(alarm.object, 'code');
      assert.equal(alarm.text, 'differs');
      assert.ok(alarm.uncertaintyMs >= 50);
      assert.deepEqual(failures, []);
      await tap.break();
      await until(() => failures[0], { withinMs: 3000, what: 'the failure' });
      await tap.mend();
      await stop();
    });

    describe('opcua-software-update', () => {
      type Ingress = {
        offer(image: { name: string; bytes: Uint8Array; sha256: string }): Promise<Record<string, unknown>>;
      };
      const image = (size: number) => ({ name: 'image', bytes: new Uint8Array(size).fill(7), sha256: '' });
      const offer = async (size: number, settings: object = {}): Promise<Record<string, unknown>> => {
        const ingress = adapter<Ingress>('opcua-software-update', {
          nodeId: node('.SoftwareUpdate'),
          ...settings,
        });
        const { elapsedMs: _time, ...answer } = await ingress.offer(image(size));
        return answer;
      };

      it('transfers, commits, installs and confirms', async () => {
        const delivery = { totalBytes: 70_000, acknowledgedBytes: 70_000, complete: true };
        assert.deepEqual(await offer(70_000), { kind: 'accepted', delivery });
        assert.ok(server.inside.committed[0]?.equals(Buffer.alloc(70_000, 7)));
        const install = adapter<Action>('opcua-software-install', {
          nodeId: node('.SoftwareUpdate'),
          hash: 'ab',
        });
        assert.equal((await install.perform()).kind, 'accepted');
        assert.deepEqual(server.inside.installed.at(-1)?.slice(0, 2), ['urn:maker', '1.3.0']);
        const confirm = adapter<Action>('opcua-software-confirm', { nodeId: node('.SoftwareUpdate') });
        assert.equal((await confirm.perform()).kind, 'accepted');
        assert.equal(server.inside.confirmed, 1);
      });

      it('tells a refusal at commit from one during the transfer', async () => {
        server.onCommit = () => 'BadInvalidArgument';
        assert.deepEqual(await offer(1000, { chunkBytes: 600 }), {
          kind: 'refused',
          reason: 'BadInvalidArgument',
          stage: 'verify',
          delivery: { totalBytes: 1000, acknowledgedBytes: 1000, complete: true },
        });
        assert.deepEqual(await offer(imageLimitBytes + 1, { chunkBytes: 100_000 }), {
          kind: 'refused',
          reason: 'BadOutOfMemory',
          stage: 'transfer',
          delivery: { totalBytes: imageLimitBytes + 1, acknowledgedBytes: imageLimitBytes, complete: false },
        });
      });

      it('waits for a server that checks in its own time', async () => {
        server.asynchronous = true;
        assert.equal((await offer(500))['kind'], 'accepted');
        assert.equal(server.inside.committed.length, 1);
        server.onCommit = () => 'BadInvalidArgument';
        server.errorMessage = 'signature';
        const refused = await offer(500);
        server.errorMessage = '';
        assert.match(String(refused['reason']), /state Error: signature$/);
        assert.deepEqual([refused['kind'], refused['stage']], ['refused', 'verify']);
      });

      it('throws what is wrong with the board file, and offers nothing', async () => {
        const ingress = adapter<Ingress>('opcua-software-update', { nodeId: node('') });
        await assert.rejects(ingress.offer(image(10)), (error: BenchError) => error.code === 'no-such-child');
      });
    });
  });
});
