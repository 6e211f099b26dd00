import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import { driverContract } from '../driver-contract.ts';
import { Deadline, until } from '../../harness/clock.ts';
import {
  DeviceException,
  DriverError,
  FrameError,
  PortError,
  TimeoutError,
  explain,
  type BenchError,
} from '../../harness/errors.ts';
import { bench, stateFolder, type Bench } from './test/bench.ts';
import { contractFixture } from './test/contract-fixture.ts';
import { freePort, startFakeServer, type FakeServer } from './test/fake-server.ts';
import { startRawPeer, type Misbehaviour } from './test/raw-peer.ts';
import { TestTap } from './test/test-tap.ts';

let server: FakeServer;
const version = 'nsu=urn:fieldproof:opcua-driver-test;s=Device.Version';

describe('opcua driver', () => {
  before(async () => {
    server = await startFakeServer();
  });
  after(async () => {
    await server.stop();
  });

  for (const securityMode of ['None', 'SignAndEncrypt'] as const) {
    driverContract(`opcua, security mode ${securityMode}`, () =>
      contractFixture(server.port, version, { securityMode, replyWithinMs: 1500 }),
    );
  }

  describe('life of the session', () => {
    let tap: TestTap;
    let made: Bench;
    const start = async (settings: Parameters<typeof bench>[0] = {}): Promise<Bench> => {
      tap = new TestTap(server.port);
      await tap.listen();
      made = await bench({ port: tap.port, ...settings });
      await made.driver.open();
      return made;
    };
    afterEach(async () => {
      await made.dispose();
      await tap.stop();
    });

    it('makes no connection before the first use, and one for many uses', async () => {
      const { driver } = await start();
      assert.equal(driver.state, 'open');
      assert.equal(tap.connections, 0);
      await Promise.all([driver.nodes.read(version), driver.nodes.read(version)]);
      await driver.nodes.read(version);
      assert.equal(tap.connections, 1);
    });

    it('logs the very bytes that crossed the wire, HEL, OPN and discovery included', async () => {
      tap = new TestTap(server.port);
      await tap.listen();
      made = await bench({ port: tap.port, securityMode: 'SignAndEncrypt' });
      const sent: Uint8Array[] = [];
      const received: Uint8Array[] = [];
      made.context.wire.sent = (bytes) => void sent.push(Uint8Array.from(bytes));
      made.context.wire.received = (bytes) => void received.push(Uint8Array.from(bytes));
      await made.driver.open();
      await made.driver.nodes.read(version);
      await made.driver.close();
      assert.equal(tap.connections, 2, 'discovery and session');
      const toDevice = Buffer.concat(tap.passed.toDevice);
      assert.ok(Buffer.concat(sent).equals(toDevice), 'sent bytes');
      assert.ok(Buffer.concat(received).equals(Buffer.concat(tap.passed.fromDevice)), 'received bytes');
      assert.equal(toDevice.toString('latin1', 0, 4), 'HELF');
    });

    it('comes back by itself at the next use after a loss, told once', async () => {
      const { driver, losses } = await start();
      await driver.nodes.read(version);
      await tap.break();
      await until(() => losses[0], { withinMs: 3000, what: 'the loss' });
      assert.equal(driver.state, 'lost');
      assert.ok(losses[0] instanceof PortError);
      await tap.mend();
      assert.equal(await driver.nodes.read(version), '1.2.0');
      assert.equal(driver.state, 'open');
      assert.equal(losses.length, 1);
    });

    it('drops the session without a loss when the device is switched off', async () => {
      const { driver, losses } = await start();
      await driver.nodes.read(version);
      const hanging = assert.rejects(
        driver.nodes.call(
          'nsu=urn:fieldproof:opcua-driver-test;s=Device',
          'nsu=urn:fieldproof:opcua-driver-test;s=Device.Hang',
          [{ type: 'UInt32', value: 2000 }],
        ),
        (error: BenchError) => error.code === 'link-lost' && /switched off/.test(error.message),
      );
      driver.devicePowerChanged(false);
      await hanging;
      await until(() => (tap.liveConnections === 0 ? true : undefined), { withinMs: 3000, what: 'the end' });
      assert.equal(driver.state, 'open');
      driver.devicePowerChanged(true);
      assert.equal(await driver.nodes.read(version), '1.2.0');
      assert.equal(tap.connections, 2);
      assert.deepEqual(losses, []);
    });

    it('gives a connection up on which nothing answers, so that the next use makes a fresh one', async () => {
      const { driver } = await start({ replyWithinMs: 400 });
      await driver.nodes.read(version);
      tap.silence();
      await assert.rejects(driver.nodes.read(version), TimeoutError);
      await until(() => (tap.liveConnections === 0 ? true : undefined), { withinMs: 3000, what: 'the end' });
      assert.equal(driver.state, 'open');
      await tap.break();
      await tap.mend();
      assert.equal(await driver.nodes.read(version), '1.2.0');
    });

    it('ends a connection attempt when it is closed', async () => {
      const { driver } = await start();
      tap.silence();
      const reading = assert.rejects(driver.nodes.read(version), DriverError);
      await until(() => (tap.connections > 0 ? true : undefined), { withinMs: 5000, what: 'the attempt' });
      const took = new Deadline(0);
      await driver.close();
      await reading;
      assert.ok(took.elapsedMs < 4000, `took ${took.elapsedMs} ms`);
    });

    it('names its address, and refuses settings that do not fit', async () => {
      await start();
      assert.equal(made.driver.provides['port'], tap.port);
      assert.equal(made.driver.provides['url'], `opc.tcp://127.0.0.1:${tap.port}`);
      const folder = await stateFolder();
      const noPort = await bench({}, folder);
      await assert.rejects(noPort.driver.open(), (error: BenchError) => error.code === 'no-port');
      const odd = await bench({ port: 1, securityMode: 'Sign', securityPolicy: 'None' }, folder);
      await assert.rejects(odd.driver.open(), (error: BenchError) => error.code === 'policy-mode');
      const noPin = await bench({ port: 1, trust: 'pinned' }, folder);
      await assert.rejects(noPin.driver.open(), (error: BenchError) => error.code === 'no-pin');
      await folder.remove();
    });
  });

  describe('peers that misbehave', () => {
    const expected: Record<Misbehaviour, { error: typeof PortError; says: RegExp }> = {
      silent: { error: TimeoutError, says: /did not finish within 700 ms/ },
      reset: { error: PortError, says: /reset by the device \(ECONNRESET\)/ },
      garbage: { error: FrameError, says: /28 bytes came that are no OPC UA/ },
      'close-in-hello': { error: PortError, says: /closed the connection after 8 bytes/ },
      'garbage-after-ack': { error: FrameError, says: /no OPC UA messages/ },
      error: { error: DeviceException, says: /BadTcpServerTooBusy/ },
    };
    for (const how of Object.keys(expected) as Misbehaviour[]) {
      it(`meets "${how}" with an error that says so, after one attempt`, async () => {
        const peer = await startRawPeer(how);
        const made = await bench({ port: peer.port, connectWithinMs: how === 'silent' ? 700 : 8000 });
        try {
          await made.driver.open();
          await assert.rejects(made.driver.nodes.read(version), (error: BenchError) => {
            assert.ok(error instanceof expected[how].error, explain(error));
            assert.match(error.message, expected[how].says);
            return true;
          });
          assert.equal(peer.connections(), 1);
          assert.deepEqual(made.losses, [], 'never connected, so nothing was lost');
        } finally {
          await made.dispose();
          await peer.stop();
        }
      });
    }

    it('says that nobody listens', async () => {
      const made = await bench({ port: await freePort() });
      await made.driver.open();
      await assert.rejects(made.driver.nodes.read(version), (error: BenchError) => {
        assert.ok(error instanceof PortError, explain(error));
        return /cannot connect \(ECONNREFUSED\)/.test(error.message) && error.code === 'no-connection';
      });
      await made.dispose();
    });
  });
});
