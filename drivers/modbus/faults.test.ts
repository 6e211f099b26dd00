/**
 * Wrong answers never become data, and the session is usable after each. Among them every fault measured in
 * modbus-serial 8.0.25; those are named by their symptom in the titles under "modbus-serial".
 */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Deadline, until } from '../../harness/clock.ts';
import { DeviceException, DriverError, FrameError, PortError, TimeoutError } from '../../harness/errors.ts';
import { testDriver, type TestDriver } from './test/bench-driver.ts';
import { FakeServer, type Mode, type Trick } from './test/fake-server.ts';

type ErrorClass = new (...args: never[]) => Error;

const modes: readonly Mode[] = ['tcp', 'rtu', 'rtu-over-tcp'];

for (const mode of modes) {
  describe(`modbus ${mode}: wrong answers`, () => {
    let server: FakeServer;
    let bench: TestDriver;
    const start = async (more: Record<string, unknown> = {}): Promise<void> => {
      server = await FakeServer.start(mode);
      const quiet = mode === 'tcp' ? {} : { quietMs: 300 };
      bench = testDriver(server.settings({ replyWithinMs: 300, ...quiet, ...more }));
      await bench.driver.open();
    };
    beforeEach(() => start());
    afterEach(async () => {
      await bench.driver.close();
      await server.dispose();
    });
    const read = (address: number, count = 1): Promise<number[]> =>
      bench.driver.registers.readHolding(address, count);
    const works = async (): Promise<void> => assert.deepEqual(await read(7, 2), [7, 8]);

    const cases: [Trick, ErrorClass, RegExp][] = [
      [
        'silent',
        TimeoutError,
        /unit 17: no reply to read holding registers \(0x03\) within 300 ms \(0 of \d+ bytes\)/,
      ],
      ['wrong-function', FrameError, /read exception status \(0x07\) answered, read holding registers/],
      ['truncated', TimeoutError, mode === 'tcp' ? /\(10 of 11 bytes\)/ : /\(6 of 7 bytes\)/],
      [
        { exception: 2 },
        DeviceException,
        /exception 02 \(illegal data address\) to read holding registers \(0x03\)/,
      ],
      [{ exception: 0x42 }, DeviceException, /exception 42 \(unknown exception\)/],
      [
        { pdu: Buffer.from('03040001', 'hex') }, // counts four bytes and brings two
        mode === 'tcp' ? FrameError : TimeoutError,
        mode === 'tcp' ? /count means 6 bytes, 4 came/ : /\(7 of 9 bytes\)/,
      ],
      [{ pdu: Buffer.from('030400010002', 'hex') }, FrameError, /6 bytes answered, 4 were due/],
    ];
    if (mode === 'tcp') {
      cases.push(
        ['foreign-unit', FrameError, /unit 18 answered, unit 17 was asked/],
        ['foreign-transaction', TimeoutError, /1 other answers were discarded, the last of transaction 258/],
        ['short-content', FrameError, /2 bytes answered, 4 were due/],
        ['oversized-length', FrameError, /length 8192, allowed 2 to 254/],
      );
    } else {
      cases.push(
        ['foreign-unit', TimeoutError, /1 other answers were discarded, the last of unit 18/],
        ['wrong-crc', FrameError, /wrong CRC/],
        ['noise-before', FrameError, /wrong CRC|read holding|answered/],
      );
    }
    if (mode !== 'rtu') {
      cases.push(
        ['reset', PortError, /was reset by the peer/],
        ['half-then-reset', PortError, /was (reset|closed) by the peer/],
        ['close', PortError, /was closed by the peer/],
      );
    }
    for (const [trick, kind, message] of cases) {
      const name = typeof trick === 'string' ? trick : JSON.stringify(trick);
      it(`${name} becomes ${kind.name}, and the next request works`, async () => {
        await works();
        server.tricks.push(trick);
        await assert.rejects(read(1), (error: unknown) => {
          assert.ok(error instanceof kind, String(error));
          assert.match(error.message, message);
          return true;
        });
        await works();
      });
    }

    it('a late answer is thrown away, never given to the next request', async () => {
      await works();
      server.tricks.push('hold');
      await assert.rejects(read(1), TimeoutError);
      server.release(); // register 1, while register 2 is asked
      assert.deepEqual(await read(2), [2]);
      assert.deepEqual(await read(3), [3]);
    });

    it('a repeated answer is thrown away, never given to the next request', async () => {
      server.tricks.push('duplicate');
      assert.deepEqual(await read(1), [1]);
      assert.deepEqual(await read(2), [2]);
      await until(() => bench.log.find((text) => text.includes('discarded')), {
        withinMs: 1000,
        what: 'the event',
      });
    });

    it('an answer in single bytes is put together', async () => {
      server.always = 'byte-by-byte';
      assert.deepEqual(await read(5, 10), [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
      assert.equal((await bench.driver.registers.readDeviceIdentification('basic')).get(2), '1.2.0');
    });

    it('another unit’s answer before the right one is passed over', async () => {
      server.tricks.push('foreign-before');
      assert.deepEqual(await read(4), [4]);
    });

    it('bytes that nobody asked for are thrown away', async () => {
      await works();
      const stray = mode === 'tcp' ? '00ff00000005' + '1103021234' : '11030212347532';
      server.babble(Buffer.from(stray, 'hex'));
      await until(() => bench.log.find((text) => text.includes('discarded')), {
        withinMs: 1000,
        what: 'the event',
      });
      await works();
    });

    it('bytes recorded are the bytes of the wire, both ways', async () => {
      await works();
      await bench.driver.registers.writeRegisters(3, [9]);
      await bench.driver.registers.readFileRecord(1, 0, 4);
      const recorded = (direction: string): string =>
        Buffer.concat(bench.wire.filter((w) => w.direction === direction).map((w) => w.bytes)).toString(
          'hex',
        );
      assert.equal(recorded('sent'), server.received.toString('hex'));
      assert.equal(recorded('received'), server.sent.toString('hex'));
    });

    it('requests issued together are answered each with its own', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => read(at)));
      assert.deepEqual(
        answers.flat(),
        Array.from({ length: 20 }, (_, at) => at),
      );
    });

    it('close rejects what is under way and what waits', async () => {
      server.always = 'silent';
      const under = assert.rejects(read(1), DriverError);
      const waiting = assert.rejects(read(2), DriverError);
      await until(() => (server.requests.length > 0 ? true : undefined), {
        withinMs: 2000,
        what: 'the request',
      });
      await bench.driver.close();
      await Promise.all([under, waiting]);
    });

    it('a power cut on purpose is no loss, and the next use connects again', async () => {
      await works();
      server.always = 'silent';
      const under = assert.rejects(read(1), /power was cut/);
      await until(() => (server.requests.length > 1 ? true : undefined), {
        withinMs: 2000,
        what: 'the request',
      });
      bench.driver.devicePowerChanged?.(false);
      await under;
      await server.vanish();
      await assert.rejects(read(1), PortError);
      server.always = undefined;
      await server.comeBack();
      bench.driver.devicePowerChanged?.(true);
      await works();
      assert.deepEqual(bench.losses, []);
      assert.equal(bench.driver.state, 'open');
    });
  });
}

describe('modbus tcp: connections', () => {
  let server: FakeServer;
  let bench: TestDriver;
  beforeEach(async () => {
    server = await FakeServer.start('tcp');
    bench = testDriver(server.settings({ inFlight: 8 }));
    await bench.driver.open();
  });
  afterEach(async () => {
    await bench.driver.close();
    await server.dispose();
  });
  const read = (address: number): Promise<number[]> => bench.driver.registers.readHolding(address, 1);

  it('connects at the first request only', async () => {
    assert.equal(server.connections, 0);
    await read(1);
    assert.equal(server.connections, 1);
  });

  it('an idle connection that the peer closes is an event, no loss; the next request connects again', async () => {
    await read(1);
    await server.endAll();
    await until(() => bench.log.find((text) => text.includes('closed by the peer')), {
      withinMs: 2000,
      what: 'the event',
    });
    assert.equal(bench.driver.state, 'open');
    assert.deepEqual(await read(2), [2]);
    assert.equal(server.connections, 2);
    assert.deepEqual(bench.losses, []);
  });

  it('a refused connection rejects at once, and is one loss however often it is tried', async () => {
    await read(1);
    await server.vanish();
    await until(() => bench.log.find((text) => /was (reset|closed)/.test(text)), {
      withinMs: 2000,
      what: 'the end of the connection',
    });
    const took = new Deadline(0);
    await assert.rejects(
      read(1),
      (error: unknown) => error instanceof PortError && error.code === 'connect-refused',
    );
    await assert.rejects(read(1), PortError);
    assert.ok(took.elapsedMs < 250, `took ${took.elapsedMs} ms`);
    assert.equal(bench.losses.length, 1);
    assert.equal(bench.driver.state, 'lost');
    await server.comeBack();
    assert.deepEqual(await read(2), [2]);
    assert.equal(bench.driver.state, 'open');
  });

  it('a connection refused before the device has ever answered is no loss: it may be booting', async () => {
    await server.vanish();
    await assert.rejects(read(1), PortError);
    assert.deepEqual(bench.losses, []);
    assert.equal(bench.driver.state, 'open');
    await server.comeBack();
    assert.deepEqual(await read(2), [2]);
  });

  it('a second loss after an answer is reported too', async () => {
    for (const round of [1, 2]) {
      await read(1);
      server.tricks.push('reset');
      await assert.rejects(read(1), PortError);
      assert.equal(bench.losses.length, round);
    }
  });

  it('after a timeout the connection is left, when its other requests are settled', async () => {
    server.tricks.push('silent', 'hold');
    const lost = assert.rejects(read(1), TimeoutError);
    const kept = read(2);
    await until(() => (server.requests.length === 2 ? true : undefined), {
      withinMs: 1000,
      what: 'both requests',
    });
    server.release();
    assert.deepEqual(await kept, [2]);
    await lost;
    assert.deepEqual(await read(3), [3]);
    assert.equal(server.connections, 2);
    assert.deepEqual(bench.losses, []);
  });

  it('answers out of order reach their requests', async () => {
    server.tricks.push('hold');
    const first = read(1);
    assert.deepEqual(await read(2), [2]);
    server.release();
    assert.deepEqual(await first, [1]);
  });

  it('never has more than inFlight requests under way', async () => {
    for (let at = 0; at < 20; at += 1) server.tricks.push('hold');
    const all = Array.from({ length: 12 }, (_, at) => read(at));
    await until(() => (server.requests.length === 8 ? true : undefined), {
      withinMs: 1000,
      what: 'eight requests',
    });
    server.tricks.length = 0;
    server.release();
    assert.deepEqual((await Promise.all(all)).flat(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('several wires of one driver kind do not disturb each other', async () => {
    const other = testDriver(server.settings());
    await other.driver.open();
    try {
      assert.deepEqual(await Promise.all([read(1), other.driver.registers.readInput(1, 1)]), [[1], [1001]]);
    } finally {
      await other.driver.close();
    }
  });
});

describe('modbus rtu: the line', () => {
  let server: FakeServer;
  let bench: TestDriver;
  beforeEach(async () => {
    server = await FakeServer.start('rtu');
    bench = testDriver(server.settings({ replyWithinMs: 200, quietMs: 100 }));
    await bench.driver.open();
  });
  afterEach(async () => {
    await bench.driver.close();
    await server.dispose();
  });

  it('gives up waiting for a line that never rests, and says so', async () => {
    await bench.driver.registers.readHolding(0, 1);
    const babble = setInterval(() => server.babble(Buffer.from([0x55])), 1);
    try {
      await until(() => bench.log.find((text) => text.includes('without a request')), {
        withinMs: 2000,
        what: 'the noise',
      });
      server.tricks.push('silent');
      const all = await Promise.allSettled([1, 2, 3].map((at) => bench.driver.registers.readHolding(at, 1)));
      assert.ok(all.every((one) => one.status === 'rejected' && one.reason instanceof Error));
    } finally {
      clearInterval(babble);
    }
  });

  for (const own of ['comes with it', 'comes after it'] as const) {
    it(`an answer later than the rest of the line is not the next one's, whose own ${own}`, async () => {
      const read = (address: number): Promise<number[]> => bench.driver.registers.readHolding(address, 1);
      const asked = (count: number): Promise<true> =>
        until(() => (server.requests.length === count ? true : undefined), {
          withinMs: 2000,
          what: 'the request',
        });
      server.tricks.push('hold', 'hold');
      await assert.rejects(read(1), TimeoutError);
      const next = read(2);
      await asked(2);
      if (own === 'comes with it') server.release();
      else {
        server.release(1);
        await until(() => bench.wire.find(({ direction }) => direction === 'received'), {
          withinMs: 2000,
          what: 'the late answer',
        });
        server.release();
      }
      assert.deepEqual(await next, [2]);
      assert.deepEqual(await read(3), [3]);
    });
  }

  it('an answer that fits, where one was owed, counts when no other comes', async () => {
    await bench.driver.close();
    bench = testDriver(server.settings({ replyWithinMs: 500, quietMs: 20 }));
    await bench.driver.open();
    server.tricks.push('silent');
    await assert.rejects(bench.driver.registers.readHolding(1, 1), TimeoutError);
    assert.deepEqual(await bench.driver.registers.readHolding(2, 1), [2]);
    const took = new Deadline(0);
    assert.deepEqual(await bench.driver.registers.readHolding(3, 1), [3]);
    assert.ok(took.elapsedMs < 500, `all is settled, but it took ${took.elapsedMs} ms`);
  });

  it('a port pulled while idle is a loss, reported once; the port is opened again at the next request', async () => {
    await bench.driver.registers.readHolding(0, 1);
    await server.vanish();
    await until(() => bench.losses[0], { withinMs: 2000, what: 'the loss' });
    assert.equal(bench.driver.state, 'lost');
    await assert.rejects(bench.driver.registers.readHolding(0, 1), PortError);
    await server.comeBack();
    assert.deepEqual(await bench.driver.registers.readHolding(4, 1), [4]);
    assert.equal(bench.losses.length, 1);
  });

  it('says what is wrong with a port that is not there', async () => {
    const nowhere = testDriver(server.settings({ path: '/dev/fieldproof-no-such-tty' }));
    await assert.rejects(nowhere.driver.open(), (error: unknown) => {
      assert.ok(error instanceof PortError);
      assert.equal(error.code, 'port-missing');
      assert.match(error.hint ?? '', /plugged in/);
      return true;
    });
    assert.equal(nowhere.driver.state, 'closed');
  });
});
