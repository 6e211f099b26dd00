/** A recording man in the middle on a TCP link. */

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { LinkTap } from '../../harness/capabilities.ts';
import type { Driver, DriverContext, DriverState } from '../../harness/driver.ts';
import { DriverError, PortError, type BenchError } from '../../harness/errors.ts';
import type { Burst, Direction, Recorder } from './bursts.ts';
import { TappedConnection } from './connection.ts';
import type { TcpTapSettings } from './settings.ts';
import { TapAttacks } from './tap-attacks.ts';

/**
 * Driver `tcp-tap`. Clients connect to `provides.host` and `provides.port`; each connection is passed on to the
 * target, byte for byte, and every byte goes to the wire log. A target that refuses is an event, no loss: the device
 * may be off. A listener that dies is a loss.
 */
export class TcpTap implements Driver {
  readonly kind = 'tcp-tap';
  readonly name: string;
  readonly tap: LinkTap;
  readonly #settings: TcpTapSettings;
  readonly #context: DriverContext;
  readonly #makeServer: () => Server;
  readonly #connections = new Map<number, TappedConnection>();
  readonly #sockets = new Set<Socket>();
  readonly #recorders = new Set<Recorder>();
  #state: DriverState = 'closed';
  #server: Server | undefined;
  #session = new AbortController();
  #provides: { host: string; port: number } | undefined;
  #nextConnection = 1;
  #loggedConnection: number | undefined;

  /** @param makeServer the listener, for tests that break it */
  constructor(
    settings: TcpTapSettings,
    context: DriverContext,
    makeServer = (): Server => createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }),
  ) {
    this.name = context.name;
    this.#settings = settings;
    this.#context = context;
    this.#makeServer = makeServer;
    this.tap = new TapAttacks(this.name, settings, context.wire, {
      session: () => {
        this.#requireOpen();
        return this.#session.signal;
      },
      connections: () => [...this.#connections.values()],
      recorders: this.#recorders,
      takeConnectionId: () => this.#nextConnection++,
      log: (whose, id, direction, bytes) => this.#log(whose, id, direction, bytes),
    });
  }

  get state(): DriverState {
    return this.#state;
  }

  /** host and port where clients connect instead. */
  get provides(): Readonly<Record<string, string | number>> {
    return this.#provides ?? {};
  }

  async open(): Promise<void> {
    if (this.#state === 'lost') await this.close();
    if (this.#state !== 'closed' || this.#server !== undefined) {
      throw new DriverError('not-closed', `${this.name}: open() in state ${this.#state}`, {
        hint: 'Close the wire first.',
      });
    }
    const server = this.#makeServer();
    this.#server = server;
    this.#session = new AbortController();
    try {
      await this.#listen(server);
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
    const { port } = server.address() as AddressInfo;
    this.#provides = { host: this.#settings.listenHost, port };
    this.#state = 'open';
    server.on('connection', (client) => this.#accept(client));
    server.on('error', (cause) => this.#onLoss(server, cause));
    server.on('close', () => this.#onLoss(server, undefined));
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#state = 'closed';
    this.#provides = undefined;
    this.#endSession(new DriverError('closed', `${this.name}: the tap was closed`));
    if (server?.listening === true) {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }

  /** The listener listens; the device is not asked. */
  async selfTest(): Promise<void> {
    this.#requireOpen();
    if (this.#server?.listening !== true) throw new PortError('not-listening', `${this.name}: no listener`);
  }

  devicePowerChanged(on: boolean): void {
    this.#context.wire.event(`the device was switched ${on ? 'on' : 'off'}`);
  }

  // -------------------------------------------------------------------------------------------------------------
  // Passing on

  async #listen(server: Server): Promise<void> {
    const { listenHost, listenPort } = this.#settings;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new PortError(
            'cannot-listen',
            `${this.name}: cannot listen on ${listenHost} port ${listenPort}: ${cause.message}`,
            {
              cause,
              hint: 'Take listenPort 0 for a free port, or end the program that has this one.',
            },
          ),
        ),
      );
      server.listen(listenPort, listenHost, resolve);
    });
    server.removeAllListeners('error');
  }

  #accept(client: Socket): void {
    const { targetHost, targetPort, connectWithinMs } = this.#settings;
    const id = this.#nextConnection++;
    const { wire } = this.#context;
    wire.event(`connection ${id}: from ${client.remoteAddress ?? '?'} port ${client.remotePort ?? 0}`);
    const device = connect({ host: targetHost, port: targetPort, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, device]) {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    const turnAway = (why: string): void => {
      wire.event(`connection ${id}: target ${targetHost} port ${targetPort} ${why}; client reset`);
      device.destroy();
      client.resetAndDestroy();
    };
    const onEarlyError = (error: NodeJS.ErrnoException): void => turnAway(error.code ?? error.message);
    const onClientError = (): void => void device.destroy();
    const timer = setTimeout(() => turnAway(`silent for ${connectWithinMs} ms`), connectWithinMs);
    device.once('error', onEarlyError);
    client.on('error', onClientError);
    device.once('close', () => clearTimeout(timer));
    device.once('connect', () => {
      clearTimeout(timer);
      device.off('error', onEarlyError);
      client.off('error', onClientError);
      this.#join(id, client, device);
    });
  }

  #join(id: number, client: Socket, device: Socket): void {
    const { framing, burstGapMs } = this.#settings;
    const connection = new TappedConnection(
      id,
      client,
      device,
      { framing, burstGapMs },
      {
        passed: (from, direction, bytes, bursts) => this.#passed(from, direction, bytes, bursts),
        event: (text) => this.#context.wire.event(text),
        ended: ({ id }) => {
          this.#connections.delete(id);
          this.#context.wire.event(`connection ${id}: ended`);
        },
      },
    );
    this.#connections.set(id, connection);
    for (const recorder of this.#recorders) recorder.opened(id, connection.openedAtMs);
    client.resume();
  }

  #passed(from: TappedConnection, direction: Direction, bytes: Uint8Array, bursts: readonly Burst[]): void {
    this.#log(`connection ${from.id}`, from.id, direction, bytes);
    for (const recorder of this.#recorders) recorder.took(from.id, bursts, bytes.length);
  }

  /** Bytes to the wire log, with a word on whose they are whenever that changes. */
  #log(whose: string, id: number, direction: Direction, bytes: Uint8Array): void {
    const { wire } = this.#context;
    if (this.#loggedConnection !== id) {
      this.#loggedConnection = id;
      wire.event(`bytes of ${whose}:`);
    }
    if (direction === 'to-device') wire.sent(bytes);
    else wire.received(bytes);
  }

  #onLoss(server: Server, cause: Error | undefined): void {
    if (this.#server !== server || this.#state !== 'open') return;
    this.#state = 'lost';
    const loss: BenchError = new PortError('listener-gone', `${this.name}: the tap's listener died`, {
      ...(cause === undefined ? {} : { cause }),
      hint: 'Close and open the wire again.',
    });
    this.#endSession(loss);
    this.#context.lost(loss);
  }

  #endSession(reason: BenchError): void {
    this.#session.abort(reason);
    for (const socket of this.#sockets) socket.destroy();
    this.#connections.clear();
    this.#recorders.clear();
  }

  #requireOpen(): void {
    if (this.#state === 'open') return;
    throw new DriverError('not-open', `${this.name}: the tap is ${this.#state}`, {
      hint: 'Open the wire first.',
    });
  }
}
