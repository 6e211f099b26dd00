import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, it } from 'mocha';
import type { TapRecording } from '../../harness/capabilities.ts';
import { until, within } from '../../harness/clock.ts';
import { DriverError, PortError, TimeoutError } from '../../harness/errors.ts';
import { driverContract, testContext } from '../driver-contract.ts';
import { tcpTapSettings, type TcpTapSettings } from './settings.ts';
import { TcpTap } from './tcp-tap.ts';

/** A device on a real socket. What it does with bytes is set by the test. */
class FakeDevice {
  readonly #server: Server;
  readonly sockets: Socket[] = [];
  readonly heard: Buffer[][] = [];
  onBytes: (socket: Socket, bytes: Buffer) => void = (socket, bytes) => void socket.write(bytes);
  onConnect: (socket: Socket) => void = () => undefined;

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const index = this.sockets.push(socket) - 1;
      this.heard.push([]);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        this.heard[index]?.push(bytes);
        this.onBytes(socket, bytes);
      });
      this.onConnect(socket);
    });
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Everything heard on one connection. */
  text(connection = 0): string {
    return Buffer.concat(this.heard[connection] ?? []).toString('latin1');
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A client that keeps what it got. */
class Client {
  readonly socket: Socket;
  got = Buffer.alloc(0);
  ended = false;
  closed = false;
  error: NodeJS.ErrnoException | undefined;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    this.socket.on('data', (bytes) => void (this.got = Buffer.concat([this.got, bytes])));
    this.socket.on('end', () => void (this.ended = true));
    this.socket.on('error', (error) => void (this.error = error));
    this.socket.on('close', () => void (this.closed = true));
  }

  async saw(what: string, condition: () => boolean): Promise<void> {
    await until(() => (condition() ? true : undefined), { withinMs: 10_000, everyMs: 2, what });
  }

  async asks(text: string): Promise<void> {
    const wanted = this.got.length + text.length;
    this.socket.write(text, 'latin1');
    await this.saw(`the echo of ${text}`, () => this.got.length >= wanted);
  }
}

const recordingOf = (...texts: string[]): TapRecording => ({
  connection: 1,
  openedAtMs: 0,
  bursts: texts.map((text, index) => ({
    atMs: index * 100,
    direction: 'to-device',
    bytes: Buffer.from(text, 'latin1'),
  })),
});

const settingsFor = (targetPort: number, more: Partial<TcpTapSettings> = {}): TcpTapSettings =>
  tcpTapSettings.parse({ targetHost: '127.0.0.1', targetPort, quietMs: 60, ...more });

driverContract('tcp-tap', async () => {
  const device = new FakeDevice();
  const port = await device.listen();
  const { context, losses, logged } = testContext();
  let listener: Server | undefined;
  const driver = new TcpTap(
    settingsFor(port),
    context,
    () => (listener = createServer({ allowHalfOpen: true })),
  );
  return {
    driver,
    exchange: async () => {
      const outcome = await driver.tap.replayOnNewConnection(recordingOf('hello'), { withinMs: 1000 });
      if (outcome.connection !== 'answered') throw new TimeoutError('silent', outcome.connection);
    },
    breakLink: async () => void listener?.close(),
    mendLink: async () => undefined,
    silence: async () => void (device.onBytes = () => undefined),
    losses,
    logged,
    unreachable: () => new TcpTap(settingsFor(1, { listenPort: port }), testContext().context),
    replyWithinMs: 1000,
    dispose: () => device.stop(),
  };
});

describe('tcp-tap', () => {
  const cleanUps: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function bench(more: Partial<TcpTapSettings> = {}) {
    const device = new FakeDevice();
    cleanUps.push(() => device.stop());
    const targetPort = await device.listen();
    const test = testContext();
    const wire = { sent: '', received: '' };
    test.context.wire.sent = (bytes) => void (wire.sent += Buffer.from(bytes).toString('latin1'));
    test.context.wire.received = (bytes) => void (wire.received += Buffer.from(bytes).toString('latin1'));
    const driver = new TcpTap(settingsFor(targetPort, more), test.context);
    cleanUps.push(() => driver.close());
    await driver.open();
    const client = (): Client => {
      const made = new Client(Number(driver.provides['port']));
      cleanUps.push(() => void made.socket.destroy());
      return made;
    };
    return { device, driver, tap: driver.tap, client, wire, targetPort, ...test };
  }

  describe('passing on', () => {
    it('passes every byte of several connections, and logs it', async () => {
      const { client, driver, device, wire, log } = await bench();
      const [one, two] = [client(), client()];
      await one.asks('one');
      await two.asks('two');
      await one.asks('more');
      assert.equal(driver.tap.liveConnections, 2);
      assert.deepEqual(device.heard.map((_, index) => device.text(index)).sort(), ['onemore', 'two']);
      assert.equal(wire.sent, 'onetwomore');
      assert.equal(wire.received, 'onetwomore');
      assert.deepEqual(
        log.filter((text) => text.startsWith('bytes of')).length,
        3,
        'the log says whose bytes follow whenever that changes',
      );
    });

    it('keeps half-open connections half open', async () => {
      const { client, device, driver } = await bench();
      device.onConnect = (socket) => void socket.on('end', () => socket.end('goodbye'));
      const one = client();
      await one.asks('hi');
      one.socket.end();
      await one.saw('the end', () => one.ended);
      assert.equal(one.got.toString(), 'higoodbye');
      await one.saw('no connection', () => driver.tap.liveConnections === 0);
    });

    it('passes on a reset as a reset', async () => {
      const { client, device } = await bench();
      const one = client();
      await one.asks('hi');
      device.sockets[0]?.resetAndDestroy();
      await one.saw('the close', () => one.closed);
      assert.equal(one.error?.code, 'ECONNRESET');

      const two = client();
      await two.asks('hi');
      const seen = new Promise<string>((resolve) =>
        device.sockets[1]?.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')),
      );
      two.socket.resetAndDestroy();
      assert.equal(await within(seen, 10_000, 'reset at the device'), 'ECONNRESET');
    });

    it('holds a fast sender back until the slow side reads', async () => {
      const { client, device } = await bench();
      const total = 64 * 1024 * 1024;
      device.onConnect = (socket) => void socket.pause();
      device.onBytes = () => undefined;
      const one = client();
      await one.saw('the connection', () => device.sockets.length === 1);
      const block = Buffer.alloc(1024 * 1024, 7);
      for (let sent = 0; sent < total; sent += block.length) one.socket.write(block);
      // It stalls: what is in flight fits into socket buffers and the tap holds almost nothing.
      let before = -1;
      await until(
        () => {
          const now = one.socket.writableLength;
          const stalled = now === before && now < total;
          before = now;
          return stalled ? true : undefined;
        },
        { withinMs: 20_000, everyMs: 150, what: 'the sender to stall' },
      );
      assert.ok(
        one.socket.writableLength > total / 2,
        `${one.socket.writableLength} bytes are still held back`,
      );
      let received = 0;
      device.sockets[0]?.on('data', (bytes) => void (received += bytes.length)).resume();
      await one.saw('all bytes', () => received === total);
    });

    it('resets the client when the device refuses, and stays open', async () => {
      const { client, device, driver, losses, log, targetPort } = await bench();
      await device.stop();
      const one = client();
      await one.saw('the close', () => one.closed);
      assert.equal(one.error?.code, 'ECONNRESET');
      assert.ok(
        log.some((text) => text.includes('ECONNREFUSED; client reset')),
        log.join('\n'),
      );
      assert.deepEqual(losses, []);
      const again = new FakeDevice();
      cleanUps.push(() => again.stop());
      await again.listen(targetPort);
      await client().asks('back');
      assert.equal(driver.state, 'open');
    });
  });

  describe('recording', () => {
    it('keeps bursts of each connection, in order, with direction and time', async () => {
      const { client, tap } = await bench();
      const one = client();
      await one.asks('before');
      const end = tap.record();
      await one.asks('first');
      await one.asks('second');
      const two = client();
      await two.asks('other');
      const recordings = end();
      await one.asks('after');
      assert.deepEqual(
        recordings.map(({ bursts }) =>
          bursts.map(({ direction, bytes }) => `${direction === 'to-device' ? '>' : '<'}${String(bytes)}`),
        ),
        [
          ['>first', '<first', '>second', '<second'],
          ['>other', '<other'],
        ],
      );
      const times = recordings[0]?.bursts.map(({ atMs }) => atMs) ?? [];
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
      assert.equal(end(), recordings);
    });

    it('cuts Modbus messages out of whatever chunks come', async () => {
      const { client, tap, device } = await bench({ framing: 'modbus-tcp' });
      device.onBytes = () => undefined;
      const end = tap.record();
      const one = client();
      const [a, b] = ['000100000006110300000001', '000200000006110300010001'];
      const bytes = Buffer.from(a + b, 'hex');
      one.socket.write(bytes.subarray(0, 5));
      await one.saw('five bytes', () => device.text().length === 5);
      one.socket.write(bytes.subarray(5));
      await one.saw('all bytes', () => device.text().length === bytes.length);
      const [recording] = end();
      assert.deepEqual(
        recording?.bursts.map((burst) => Buffer.from(burst.bytes).toString('hex')),
        [a, b],
      );
    });
  });

  describe('attacking', () => {
    it('replays on a new connection what went to the device, and only that', async () => {
      const { client, tap, device } = await bench();
      const end = tap.record();
      const one = client();
      await one.asks('login');
      await one.asks('command');
      const [recording] = end();
      assert.ok(recording);
      const outcome = await tap.replayOnNewConnection(recording, { withinMs: 5000 });
      assert.equal(outcome.connection, 'answered');
      assert.equal(String(outcome.received), 'logincommand');
      assert.equal(device.text(1), 'logincommand');
    });

    it('keeps the original timing when asked', async () => {
      const { tap, device } = await bench();
      const arrivals: number[] = [];
      device.onBytes = () => void arrivals.push(performance.now());
      await tap.replayOnNewConnection(recordingOf('a', 'b', 'c'), { withinMs: 100, originalTiming: true });
      assert.equal(arrivals.length, 3);
      assert.ok((arrivals[2] ?? 0) - (arrivals[0] ?? 0) >= 150, arrivals.join(' '));
    });

    it('tells refused, silent, closed and answered apart', async () => {
      const { tap, device } = await bench();
      const attempt = () => tap.replayOnNewConnection(recordingOf('x'), { withinMs: 300 });
      device.onBytes = () => undefined;
      assert.equal((await attempt()).connection, 'silent');
      device.onBytes = (socket) => void socket.end('ERR');
      const closed = await attempt();
      assert.equal(closed.connection, 'closed');
      assert.equal(String(closed.received), 'ERR');
      device.onBytes = (socket) => void socket.resetAndDestroy();
      assert.equal((await attempt()).connection, 'closed');
      await device.stop();
      assert.equal((await attempt()).connection, 'refused');
    });

    it('injects into the connection that was used last', async () => {
      const { client, tap, device } = await bench();
      const [one, two] = [client(), client()];
      await one.asks('1');
      await two.asks('2');
      await one.asks('1');
      const outcome = await tap.injectInLive(Buffer.from('X'), { withinMs: 5000 });
      assert.equal(outcome.connection, 'answered');
      assert.equal(String(outcome.received), 'X');
      await one.saw('what the device said', () => one.got.toString() === '11X');
      assert.deepEqual(device.heard.map((_, index) => device.text(index)).sort(), ['11X', '2']);
    });

    it('duplicates exactly the last burst, again and again', async () => {
      const { client, tap, device } = await bench();
      const one = client();
      await one.asks('first.');
      await one.asks('second.');
      await tap.duplicateLast({ withinMs: 5000 });
      await tap.duplicateLast({ withinMs: 5000 });
      assert.equal(device.text(), 'first.second.second.second.');
    });

    it('duplicates the last message when two came in one chunk', async () => {
      const { client, tap, device } = await bench({ framing: 'opcua' });
      const message = (type: string, body: string): string => {
        const header = Buffer.from(`${type}F\0\0\0\0`);
        header.writeUInt32LE(8 + body.length, 4);
        return header.toString('latin1') + body;
      };
      const one = client();
      const last = message('MSG', 'write once');
      await one.asks(message('OPN', 'channel') + last);
      await tap.duplicateLast({ withinMs: 5000 });
      assert.equal(device.text(), message('OPN', 'channel') + last + last);
    });

    it('never cuts a message of the client in two', async () => {
      const { client, tap, device } = await bench({ framing: 'modbus-tcp' });
      device.onBytes = () => undefined;
      const one = client();
      const whole = Buffer.from('000100000006110300000001', 'hex');
      one.socket.write(whole.subarray(0, 7));
      await one.saw('half a message', () => device.text().length === 7);
      const injected = Buffer.from('000900000006110500010000', 'hex');
      const attack = tap.injectInLive(injected, { withinMs: 3000 });
      one.socket.write(whole.subarray(7));
      assert.equal((await attack).connection, 'silent');
      assert.equal(device.text(), Buffer.concat([whole, injected]).toString('latin1'));

      one.socket.write(whole.subarray(0, 7)); // and never the rest
      await one.saw('half a message', () => device.text().length === 2 * whole.length + 7);
      await assert.rejects(tap.injectInLive(injected, { withinMs: 100 }), TimeoutError);
    });

    it('does not take what the device owed to the client for an answer to the attack', async () => {
      const { client, tap, device } = await bench({ quietMs: 2000 });
      let first = true;
      device.onBytes = (socket) => {
        if (first) setTimeout(() => socket.write('late answer'), 80);
        first = false;
      };
      const one = client();
      one.socket.write('question');
      await one.saw('the question', () => device.text() === 'question');
      const outcome = await tap.injectInLive(Buffer.from('X'), { withinMs: 300 });
      assert.equal(outcome.connection, 'silent');
      assert.equal(one.got.toString(), 'late answer');
    });

    it('passes bytes on uncut when they are not the protocol', async () => {
      const { client, log } = await bench({ framing: 'opcua' });
      await client().asks('GET / HTTP/1.1\r\n\r\n');
      assert.ok(
        log.some((text) => /to-device is not opcua: a message length of \d+ bytes/.test(text)),
        log.join('\n'),
      );
    });

    it('says when there is nothing to attack', async () => {
      const { client, tap, driver } = await bench();
      await assert.rejects(tap.duplicateLast({ withinMs: 100 }), { code: 'no-live-connection' });
      const one = client();
      await one.saw('the connection', () => tap.liveConnections === 1);
      await assert.rejects(tap.duplicateLast({ withinMs: 100 }), { code: 'nothing-sent' });
      await driver.close();
      await assert.rejects(tap.duplicateLast({ withinMs: 100 }), DriverError);
      assert.throws(() => tap.record(), DriverError);
    });

    it('ends an attack under way when it is closed', async () => {
      const { client, tap, device, driver } = await bench();
      device.onBytes = () => undefined;
      const one = client();
      await one.saw('the connection', () => tap.liveConnections === 1);
      const live = assert.rejects(tap.injectInLive(Buffer.from('X'), { withinMs: 60_000 }), DriverError);
      const fresh = assert.rejects(
        tap.replayOnNewConnection(recordingOf('x'), { withinMs: 60_000 }),
        DriverError,
      );
      await one.saw('both', () => device.heard.flat().length === 2);
      await driver.close();
      await live;
      await fresh;
    });
  });

  it('says how to proceed when its port is taken', async () => {
    const { targetPort } = await bench();
    const second = new TcpTap(settingsFor(1, { listenPort: targetPort }), testContext().context);
    await assert.rejects(second.open(), (error: unknown) => {
      assert.ok(error instanceof PortError);
      assert.match(error.message, /EADDRINUSE/);
      assert.match(error.hint ?? '', /listenPort 0/);
      return true;
    });
    assert.equal(second.state, 'closed');
  });
});
