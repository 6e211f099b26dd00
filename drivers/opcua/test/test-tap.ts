/** A small man in the middle for tests: passes bytes, keeps the last burst, and breaks the link on request. */

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { LinkTap, ReplayOutcome, TapRecording } from '../../../harness/capabilities.ts';
import { monotonicMs, pause } from '../../../harness/clock.ts';
import type { Driver } from '../../../harness/driver.ts';

interface Pair {
  client: Socket;
  device: Socket;
  last: Buffer;
}

/** How many whole messages of OPC UA binary these bytes are; 0 while one is cut (OPC 10000-6, 7.1.2.2: size at byte 4). */
function wholeMessages(bytes: Buffer): number {
  let count = 0;
  let at = 0;
  for (; at + 8 <= bytes.length; at += bytes.readUInt32LE(at + 4)) count += 1;
  return at === bytes.length ? count : 0;
}

/** After the first answer to injected bytes, a close may still follow. */
const closeFollowsWithinMs = 150;

export class TestTap implements LinkTap {
  readonly #targetPort: number;
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #port = 0;
  #silent = false;
  #together: { request: Buffer; messages: number; held: Buffer | undefined } | undefined;
  connections = 0;
  /** What `duplicateLast` sent again. */
  duplicated: Buffer | undefined;
  /** Every byte that passed, by direction. */
  readonly passed = { toDevice: [] as Buffer[], fromDevice: [] as Buffer[] };

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  get port(): number {
    return this.#port;
  }

  get liveConnections(): number {
    return this.#pairs.size;
  }

  async listen(): Promise<void> {
    const server = createServer((client) => this.#join(client));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  #join(client: Socket): void {
    this.connections += 1;
    const device = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    const pair: Pair = { client, device, last: Buffer.alloc(0) };
    this.#pairs.add(pair);
    const part = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      device.destroy();
    };
    for (const socket of [client, device]) socket.on('error', () => {}).on('close', part);
    client.on('data', (bytes: Buffer) => {
      pair.last = bytes;
      this.passed.toDevice.push(bytes);
      if (this.#together !== undefined && bytes.includes(this.#together.request))
        this.#together.held = Buffer.alloc(0);
      if (!this.#silent) device.write(bytes);
    });
    device.on('data', (bytes: Buffer) => {
      this.passed.fromDevice.push(bytes);
      if (!this.#silent) client.write(this.#collected(bytes));
    });
  }

  /** The next messages after this request, a busy client's view: they come in one piece. */
  deliverTogether(request: Buffer, messages: number): void {
    this.#together = { request, messages, held: undefined };
  }

  #collected(bytes: Buffer): Buffer {
    if (this.#together?.held === undefined) return bytes;
    const all = Buffer.concat([this.#together.held, bytes]);
    if (wholeMessages(all) >= this.#together.messages) {
      this.#together = undefined;
      return all;
    }
    this.#together.held = all;
    return Buffer.alloc(0);
  }

  /** Bytes are swallowed from now on. */
  silence(): void {
    this.#silent = true;
  }

  /** Resets the connections, and goes on taking new ones. */
  cut(): void {
    for (const { client, device } of this.#pairs) {
      client.resetAndDestroy();
      device.destroy();
    }
  }

  /** Cuts all connections and takes no more. */
  async break(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
    this.#server = undefined;
  }

  async mend(): Promise<void> {
    this.#silent = false;
    await this.listen();
  }

  async stop(): Promise<void> {
    if (this.#server !== undefined) await this.break();
  }

  record(): () => readonly TapRecording[] {
    return () => [];
  }

  replayOnNewConnection(): Promise<ReplayOutcome> {
    return Promise.reject(new Error('not part of this tap'));
  }

  async injectInLive(bytes: Uint8Array, options: { withinMs: number }): Promise<ReplayOutcome> {
    const pair = [...this.#pairs].at(-1);
    if (pair === undefined) throw new Error('nothing passes through the tap');
    const startedAtMs = monotonicMs();
    const received: Buffer[] = [];
    let closed = false;
    const answered = new Promise<void>((resolve) => {
      pair.device.on('data', (part: Buffer) => {
        received.push(part);
        resolve();
      });
      pair.device.on('close', () => {
        closed = true;
        resolve();
      });
    });
    pair.device.write(bytes);
    await Promise.race([answered, pause(options.withinMs)]);
    if (!closed && received.length > 0) await pause(closeFollowsWithinMs);
    return {
      connection: closed ? 'closed' : received.length > 0 ? 'answered' : 'silent',
      received: Buffer.concat(received),
      elapsedMs: monotonicMs() - startedAtMs,
    };
  }

  duplicateLast(options: { withinMs: number }): Promise<ReplayOutcome> {
    const pair = [...this.#pairs].at(-1);
    this.duplicated = pair?.last ?? Buffer.alloc(0);
    return this.injectInLive(this.duplicated, options);
  }

  /** The tap as a wire of a board. */
  asDriver(): Driver {
    return {
      kind: 'tcp-tap',
      name: 'tap',
      state: 'open',
      provides: { host: '127.0.0.1', port: this.#port },
      tap: this,
      open: async () => {},
      close: async () => {},
      selfTest: async () => {},
    };
  }
}
