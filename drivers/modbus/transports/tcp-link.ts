/** A TCP connection, for Modbus TCP and for RTU behind a serial device server. */

import dgram from 'node:dgram';
import dns from 'node:dns/promises';
import net from 'node:net';
import { within } from '../../../harness/clock.ts';
import { PortError } from '../../../harness/errors.ts';
import { type Connector, type Link, type LinkEvents } from './link.ts';

/** How long an ended socket may take to be gone. */
const CLOSE_WITHIN_MS = 1000;

export class TcpConnector implements Connector {
  readonly where: string;
  readonly remote = true;
  readonly #host: string;
  readonly #port: number;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
    this.where = `${host}:${port}`;
  }

  connect(events: LinkEvents, withinMs: number, signal: AbortSignal): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: this.#host, port: this.#port, noDelay: true, keepAlive: true });
      const fail = (error: PortError): void => {
        settle();
        socket.on('error', () => undefined); // a late error of a socket nobody waits for
        socket.destroy();
        reject(error);
      };
      const onError = (error: NodeJS.ErrnoException): void => fail(this.#notConnected(error));
      const onAbort = (): void =>
        fail(new PortError('closing', `connection to ${this.where} given up: closing`));
      const timer = setTimeout(() => {
        fail(
          new PortError('connect-timeout', `no connection to ${this.where} within ${withinMs} ms`, {
            data: { where: this.where, withinMs },
            hint: 'Check that the device is powered, on this network, and that no firewall drops the port.',
          }),
        );
      }, withinMs);
      const settle = (): void => {
        clearTimeout(timer);
        socket.off('error', onError);
        signal.removeEventListener('abort', onAbort);
      };
      socket.once('connect', () => {
        settle();
        resolve(new TcpLink(socket, this.where, events));
      });
      socket.on('error', onError);
      signal.addEventListener('abort', onAbort);
    });
  }

  /** Asks the kernel for a route, without sending anything. */
  async check(): Promise<void> {
    try {
      const { address, family } = await dns.lookup(this.#host);
      const probe = dgram.createSocket(family === 6 ? 'udp6' : 'udp4');
      try {
        await new Promise<void>((resolve, reject) => {
          probe.once('error', reject);
          probe.connect(this.#port, address, resolve);
        });
      } finally {
        probe.close();
      }
    } catch (cause) {
      throw new PortError('no-route', `this machine has no way to ${this.where}`, {
        data: { where: this.where },
        hint: 'Check the host name and that the network interface towards the device is up.',
        cause,
      });
    }
  }

  #notConnected(cause: NodeJS.ErrnoException): PortError {
    const refused = cause.code === 'ECONNREFUSED';
    return new PortError(
      refused ? 'connect-refused' : 'connect-failed',
      refused ? `${this.where} refused the connection` : `no connection to ${this.where}: ${cause.message}`,
      {
        data: { where: this.where, code: cause.code },
        hint: refused
          ? 'Check that the device has booted, that Modbus is enabled on it, and the port number.'
          : 'Check host name, cabling and routing.',
        cause,
      },
    );
  }
}

class TcpLink implements Link {
  readonly #socket: net.Socket;
  readonly #where: string;
  readonly #events: LinkEvents;
  #ended = false;

  constructor(socket: net.Socket, where: string, events: LinkEvents) {
    this.#socket = socket;
    this.#where = where;
    this.#events = events;
    socket.on('data', (chunk: Buffer) => {
      if (!this.#ended) events.received(chunk);
    });
    socket.on('error', (error) => this.#die('peer-reset', 'was reset by the peer', error));
    socket.on('end', () => this.#die('peer-closed', 'was closed by the peer'));
    socket.on('close', () => this.#die('peer-closed', 'ended'));
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  async close(): Promise<void> {
    this.#ended = true;
    if (this.#socket.closed) return;
    const gone = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.destroy();
    await within(gone, CLOSE_WITHIN_MS, `closing the connection to ${this.#where}`);
  }

  #die(code: string, what: string, cause?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#events.died(
      new PortError(code, `the connection to ${this.#where} ${what}`, {
        data: {
          where: this.#where,
          ...(cause === undefined ? {} : { code: (cause as NodeJS.ErrnoException).code }),
        },
        hint: 'Check whether the device restarted, or allows fewer connections than are open.',
        cause,
      }),
    );
  }
}
