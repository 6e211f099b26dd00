/**
 * The TCP transport under node-opcua: records every byte, knows why a connection ended, and never breaks it itself.
 *
 * node-opcua's chunk events miss HEL, ACK and OPN, and its own TCP transport destroys an idle connection after half
 * of `transportTimeout`. A transport of our own, through the public `transportFactory`, owns the socket instead.
 */

import { connect, type Socket } from 'node:net';
import type { IClientTransportFactory } from 'node-opcua-transport';
import { monotonicMs } from '../../harness/clock.ts';
import type { WireLog } from '../../harness/driver.ts';
import type { OpcUaLibrary } from './library.ts';
import { MessageScanner } from './message-scanner.ts';

/** One connection, as the driver sees it. */
export interface Wire {
  /** Monotonic ms of the last byte from the device. */
  lastReceivedAtMs: number;
  receivedBytes: number;
  /** What the device sends, message by message; keeps its ERR message, the reason for closing. */
  readonly scanner: MessageScanner;
  /** Why the socket ended: an errno such as ECONNRESET, or a sentence about bytes that are no OPC UA. */
  cause: Error | undefined;
  connected: boolean;
  /** The peer has closed its half (FIN) or all; `ended` follows when the socket is gone. */
  peerEnded: boolean;
  ended: boolean;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  destroy(): void;
}

export interface RecordingOptions {
  host: string;
  port: number;
  log: WireLog;
  /** Called for each connection made, before its first byte. */
  onWire: (wire: Wire) => void;
  /** Called once per connection, when its socket has closed. */
  onEnd: (wire: Wire) => void;
}

/**
 * A factory for `OPCUAClientOptions.transportFactory`.
 *
 * It dials `host:port` whatever the endpoint URL says, so that a tap can stand in between while HEL and
 * CreateSession still name the device's own URL.
 */
export function recordingTransports(
  library: OpcUaLibrary,
  options: RecordingOptions,
): IClientTransportFactory {
  const { log } = options;

  class RecordingTransport extends library.transport.ClientTransportBase {
    override connect(endpointUrl: string, callback: (error?: Error) => void): void {
      this.endpointUrl = endpointUrl;
      const socket = connect({ host: options.host, port: options.port, noDelay: true });
      const wire = watch(socket);
      record(socket, log);
      guard(socket, wire);
      this._install_socket(socket as unknown as Parameters<typeof this._install_socket>[0]);
      socket.setTimeout(0); // node-opcua would break a connection that is idle for transportTimeout
      options.onWire(wire);
      const failed = (error: Error): void => callback(error);
      socket.once('error', failed);
      socket.once('connect', () => {
        socket.removeListener('error', failed);
        wire.connected = true;
        log.event(`connected to ${options.host}:${options.port}`);
        this._perform_HEL_ACK_transaction((error) => {
          if (!error && this._socket) this._install_post_connect_error_handler(endpointUrl);
          callback(error ?? (this._socket ? undefined : new Error('abandoned')));
        });
      });
    }
  }

  const watch = (socket: Socket): Wire => {
    const wire: Wire = {
      lastReceivedAtMs: monotonicMs(),
      receivedBytes: 0,
      scanner: new MessageScanner(),
      cause: undefined,
      connected: false,
      peerEnded: false,
      ended: false,
      closed: new Promise((resolve) => socket.once('close', () => resolve())),
      destroy: () => void socket.destroy(),
    };
    socket.on('error', (error) => (wire.cause ??= error));
    socket.on('data', (bytes: Buffer) => {
      wire.lastReceivedAtMs = monotonicMs();
      wire.receivedBytes += bytes.length;
      wire.scanner.feed(bytes);
    });
    socket.prependListener('end', () => (wire.peerEnded = true));
    socket.once('close', () => {
      wire.ended = true;
      if (wire.connected) log.event(`connection ended${wire.cause ? `: ${wire.cause.message}` : ''}`);
      options.onEnd(wire);
    });
    return wire;
  };

  return { create: (settings) => new RecordingTransport(settings) };
}

/** Puts every byte of both directions into the log: at the socket, so HEL, OPN and discovery are included. */
function record(socket: Socket, log: WireLog): void {
  socket.on('data', (bytes: Buffer) => log.received(bytes));
  type Write = (bytes: Uint8Array, ...rest: never[]) => boolean;
  const write: Write = socket.write.bind(socket);
  const recorded: Write = (bytes, ...rest) => {
    if (!socket.destroyed) log.sent(bytes);
    return write(bytes, ...rest);
  };
  socket.write = recorded;
}

/**
 * An exception inside node-opcua's reader of incoming bytes would end the process, for it is thrown in a socket
 * event. Here it ends the connection, which is what bytes that mean nothing deserve.
 */
function guard(socket: Socket, wire: Wire): void {
  const emit = socket.emit.bind(socket);
  socket.emit = ((event: string, ...args: unknown[]) => {
    if (event !== 'data') return emit(event, ...args);
    try {
      return emit(event, ...args);
    } catch (error) {
      wire.scanner.garbage = true;
      wire.cause ??= error instanceof Error ? error : new Error(String(error));
      socket.destroy();
      return true;
    }
  }) as typeof socket.emit;
}
