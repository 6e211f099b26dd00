/**
 * The contract suite that every driver must pass, called from the driver's own `driver.test.ts` with a fixture
 * that talks to a real port: `driverContract('modbus over TCP', async () => ({ … }))`.
 */

import assert from 'node:assert/strict';
import { describe, it, afterEach } from 'mocha';
import { Deadline, pause, until } from '../harness/clock.ts';
import { noWireLog, type Driver, type DriverContext, type WireLog } from '../harness/driver.ts';
import { BenchError, DriverError } from '../harness/errors.ts';

/** A driver with a peer on the far side of a real wire. */
export interface DriverFixture {
  driver: Driver;
  /** One legitimate exchange; rejects when the peer does not answer. */
  exchange: () => Promise<unknown>;
  /** Makes the link die under the driver: unplug, reset, kill of the peer. */
  breakLink: () => Promise<void>;
  /** Makes the peer reachable again after `breakLink`; absent where that is impossible in a test. */
  mendLink?: () => Promise<void>;
  /** Makes the peer receive and say nothing. */
  silence: () => Promise<void>;
  /** What the driver reported through `context.lost` so far. */
  losses: readonly BenchError[];
  /** Every byte the driver gave to its wire log. */
  logged: { sent: number; received: number };
  /** A driver of the same kind whose far side does not exist. */
  unreachable: () => Driver;
  /** Longest time that an exchange may take, in ms. */
  replyWithinMs: number;
  dispose: () => Promise<void>;
}

/** A context for tests: counts bytes, collects losses. */
export function testContext(
  options: { name?: string; stateDir?: string; dependencies?: Record<string, Driver> } = {},
): {
  context: DriverContext;
  losses: BenchError[];
  logged: { sent: number; received: number };
  log: string[];
} {
  const losses: BenchError[] = [];
  const logged = { sent: 0, received: 0 };
  const log: string[] = [];
  const wire: WireLog = {
    ...noWireLog,
    sent: (bytes) => void (logged.sent += bytes.length),
    received: (bytes) => void (logged.received += bytes.length),
    event: (text) => void log.push(text),
  };
  const context: DriverContext = {
    name: options.name ?? 'wire-under-test',
    wire,
    stateDir: options.stateDir ?? '',
    boardDir: process.cwd(),
    dependency: (name) => {
      const driver = options.dependencies?.[name];
      if (driver === undefined) throw new DriverError('no-such-wire', `no wire named ${name} in this test`);
      return driver;
    },
    lost: (cause) => void losses.push(cause),
    interactive: false,
  };
  return { context, losses, logged, log };
}

/** Registers the contract's tests. `make` is called for each test and must give a fresh, closed driver. */
export function driverContract(title: string, make: () => Promise<DriverFixture>): void {
  describe(`driver contract: ${title}`, () => {
    let fixture: DriverFixture;
    const fresh = async (): Promise<DriverFixture> => (fixture = await make());
    afterEach(async () => {
      await fixture.driver.close();
      await fixture.dispose();
    });

    it('exchanges over the wire, and logs the bytes of both directions', async () => {
      const { driver, exchange, logged } = await fresh();
      assert.equal(driver.state, 'closed');
      await driver.open();
      assert.equal(driver.state, 'open');
      await exchange();
      assert.ok(
        logged.sent > 0 && logged.received > 0,
        `logged ${logged.sent} sent, ${logged.received} received`,
      );
      await driver.selfTest();
    });

    it('refuses a second open, and stays usable', async () => {
      const { driver, exchange } = await fresh();
      await driver.open();
      await assert.rejects(driver.open(), DriverError);
      await exchange();
    });

    it('closes twice, before open, and after a failed open', async () => {
      const { driver, unreachable } = await fresh();
      await driver.close();
      const nowhere = unreachable();
      await nowhere.open().catch((error: unknown) => assert.ok(error instanceof BenchError, String(error)));
      await nowhere.close();
      await nowhere.close();
      await driver.open();
      await driver.close();
      await driver.close();
      assert.equal(driver.state, 'closed');
    });

    it('opens again after close', async () => {
      const { driver, exchange } = await fresh();
      await driver.open();
      await exchange();
      await driver.close();
      await driver.open();
      await exchange();
    });

    it('rejects a request on a closed driver at once, with DriverError', async () => {
      const { driver, exchange } = await fresh();
      const before = new Deadline(0);
      await assert.rejects(exchange(), DriverError);
      assert.ok(before.elapsedMs < 500, `took ${before.elapsedMs} ms`);
      await driver.open();
      await driver.close();
      await assert.rejects(exchange(), DriverError);
    });

    it('ends a request to a silent peer with a BenchError within its deadline', async () => {
      const { driver, exchange, silence, replyWithinMs } = await fresh();
      await driver.open();
      await exchange();
      await silence();
      const took = new Deadline(0);
      await assert.rejects(exchange(), BenchError);
      assert.ok(took.elapsedMs < replyWithinMs + 2000, `took ${took.elapsedMs} ms`);
    });

    it('notices a link that dies, once, and rejects the request in flight', async () => {
      const { driver, exchange, silence, breakLink, losses } = await fresh();
      await driver.open();
      await exchange();
      await silence();
      const inFlight = assert.rejects(exchange(), BenchError);
      await breakLink();
      await inFlight;
      await until(() => (losses.length > 0 ? true : undefined), { withinMs: 3000, what: 'the loss' });
      await pause(100); // a second report would come right after the first
      assert.equal(losses.length, 1, losses.map(String).join('; '));
    });

    it('comes back after the link is mended', async function () {
      const { driver, exchange, breakLink, mendLink } = await fresh();
      await driver.open();
      await exchange();
      await breakLink();
      if (mendLink === undefined) return; // stated by the fixture: nothing to come back to
      await mendLink();
      await driver.close();
      await driver.open();
      await exchange();
    });
  });
}
