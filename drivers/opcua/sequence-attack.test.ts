import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import type { LinkTap, ReplayOutcome } from '../../harness/capabilities.ts';
import { DriverError, type BenchError } from '../../harness/errors.ts';
import { repeatedSequenceNumber } from './sequence-attack.ts';
import { bench, type Bench } from './test/bench.ts';
import { startFakeServer, type FakeServer } from './test/fake-server.ts';
import { TestTap } from './test/test-tap.ts';

const version = 'nsu=urn:fieldproof:opcua-driver-test;s=Device.Version';

/** A tap whose device meets the duplicate as told, whatever the real server would do. */
function scripted(real: TestTap, outcome: Partial<ReplayOutcome>): LinkTap {
  const answer: ReplayOutcome = {
    connection: 'silent',
    received: new Uint8Array(),
    elapsedMs: 1,
    ...outcome,
  };
  return {
    record: () => real.record(),
    replayOnNewConnection: () => real.replayOnNewConnection(),
    injectInLive: async () => answer,
    duplicateLast: async () => answer,
    liveConnections: 1,
  };
}

describe('opcua attack repeated-sequence-number', () => {
  let server: FakeServer;
  let tap: TestTap;
  let made: Bench;
  before(async () => {
    server = await startFakeServer();
  });
  after(async () => {
    await server.stop();
  });
  afterEach(async () => {
    await made.dispose();
    await tap.stop();
  });

  async function start(securityMode: 'None' | 'SignAndEncrypt'): Promise<Bench> {
    tap = new TestTap(server.port);
    await tap.listen();
    const settings = { port: server.port, securityMode, tap: 'tap' };
    made = await bench(settings, { dependencies: { tap: tap.asDriver() } });
    await made.driver.open();
    return made;
  }

  it("connects to the tap, but names the device's own address in the protocol", async () => {
    const { driver } = await start('None');
    await driver.nodes.read(version);
    assert.equal(tap.connections, 1);
    const hello = Buffer.concat(tap.passed.toDevice).toString('latin1');
    assert.match(hello, new RegExp(`opc\\.tcp://127\\.0\\.0\\.1:${server.port}`));
    assert.equal(driver.provides['port'], tap.port);
  });

  for (const securityMode of ['None', 'SignAndEncrypt'] as const) {
    it(`repeats the read's own bytes to a real server (${securityMode}), with working controls`, async () => {
      const { driver, losses } = await start(securityMode);
      const [attack] = driver.attacks;
      assert.ok(attack !== undefined);
      await attack.control();
      tap.duplicated = undefined;
      const outcome = await attack.perform();
      const stream = Buffer.concat(tap.passed.toDevice);
      assert.ok(
        tap.duplicated !== undefined && stream.includes(tap.duplicated),
        'bytes of the live connection',
      );
      assert.equal(Buffer.from(tap.duplicated).toString('latin1', 0, 4), 'MSGF');
      // What node-opcua-server does is not ours to say; that the parts of the finding agree is.
      assert.equal(outcome.tookEffect, outcome.answer.kind === 'accepted', JSON.stringify(outcome));
      if (outcome.tookEffect) assert.ok((outcome.details['messagesReceived'] as string[]).includes('MSG'));
      else assert.ok(outcome.connectionClosed, JSON.stringify(outcome));
      await attack.control();
      assert.deepEqual(losses, [], 'a close that the attack provoked is a finding, no loss');
    });
  }

  const error = Buffer.from('4552524610000000000013800000000000', 'hex').subarray(0, 16); // Bad_SecurityChecksFailed
  const message = Buffer.concat([
    Buffer.from('4d534746', 'hex'),
    Buffer.from('18000000', 'hex'),
    Buffer.alloc(16),
  ]);
  const met: [
    string,
    Partial<ReplayOutcome>,
    { kind: string; tookEffect: boolean; connectionClosed: boolean },
  ][] = [
    [
      'answers',
      { connection: 'answered', received: message },
      { kind: 'accepted', tookEffect: true, connectionClosed: false },
    ],
    ['drops the copy', {}, { kind: 'silent', tookEffect: false, connectionClosed: false }],
    ['closes', { connection: 'closed' }, { kind: 'closed', tookEffect: false, connectionClosed: true }],
    [
      'says why it closes',
      { connection: 'closed', received: error },
      { kind: 'refused', tookEffect: false, connectionClosed: true },
    ],
    [
      'answers and then closes',
      { connection: 'closed', received: Buffer.concat([message, error]) },
      { kind: 'accepted', tookEffect: true, connectionClosed: true },
    ],
  ];
  for (const [how, outcome, expected] of met) {
    it(`judges a server that ${how}`, async () => {
      const { driver } = await start('None');
      const attack = repeatedSequenceNumber({
        name: 'test',
        tap: () => scripted(tap, outcome),
        use: driver.use,
        renew: (why) => driver.renew(why),
      });
      const { answer, tookEffect, connectionClosed } = await attack.perform();
      assert.deepEqual({ kind: answer.kind, tookEffect, connectionClosed }, expected);
      if (how === 'says why it closes') assert.equal(answer.reason, 'BadSecurityChecksFailed');
    });
  }

  it('does not end subscriptions behind their listeners', async () => {
    const { driver } = await start('None');
    const subscription = await driver.nodes.subscribeEvents(
      'i=2253',
      ['Message'],
      { publishingMs: 100 },
      () => {},
    );
    const [attack] = driver.attacks;
    await assert.rejects(
      (async () => attack?.perform())(),
      (thrown: BenchError) => thrown instanceof DriverError && thrown.code === 'subscriptions-live',
    );
    await subscription.close();
  });
});
