/** One client's connection through the tap: bytes pass both ways as they are, at the pace of the slower side. */

import type { Socket } from 'node:net';
import { monotonicMs } from '../../harness/clock.ts';
import { BurstLog, type Burst, type Direction } from './bursts.ts';
import type { Framing } from './framing.ts';

export interface ConnectionEvents {
  /** Bytes that are about to be passed on, with the bursts that they made or lengthened. */
  passed(
    connection: TappedConnection,
    direction: Direction,
    bytes: Uint8Array,
    bursts: readonly Burst[],
  ): void;
  event(text: string): void;
  /** Both sides are gone. */
  ended(connection: TappedConnection): void;
}

/** What an attack watches on a live connection. */
export interface DeviceWatcher {
  bytes(bytes: Uint8Array): void;
  closed(): void;
}

export class TappedConnection {
  readonly id: number;
  readonly openedAtMs = monotonicMs();
  readonly bursts: BurstLog;
  readonly watchers = new Set<DeviceWatcher>();
  /** Monotonic ms of the newest bytes towards the device. */
  lastToDeviceAtMs = 0;
  readonly #client: Socket;
  readonly #device: Socket;
  readonly #events: ConnectionEvents;
  #deviceEnded = false;

  /** @param device connected; `client` is paused until now */
  constructor(
    id: number,
    client: Socket,
    device: Socket,
    options: { framing: Framing; burstGapMs: number },
    events: ConnectionEvents,
  ) {
    this.id = id;
    this.#client = client;
    this.#device = device;
    this.#events = events;
    this.bursts = new BurstLog(options.framing, options.burstGapMs, (direction, what) =>
      events.event(`connection ${id}: ${direction} is not ${options.framing}: ${what}; passed on uncut`),
    );
    this.#pump(client, device, 'to-device', 'client');
    this.#pump(device, client, 'from-device', 'device');
  }

  get alive(): boolean {
    return !this.#device.destroyed && !this.#deviceEnded;
  }

  /** Puts bytes into the stream towards the device, as a burst of its own. */
  inject(bytes: Uint8Array): void {
    this.bursts.split();
    this.#pass('to-device', bytes);
    this.#device.write(bytes);
    this.bursts.split();
  }

  destroy(): void {
    this.#client.destroy();
    this.#device.destroy();
  }

  #pass(direction: Direction, bytes: Uint8Array): void {
    const nowMs = monotonicMs();
    if (direction === 'to-device') this.lastToDeviceAtMs = nowMs;
    this.#events.passed(this, direction, bytes, this.bursts.add(direction, bytes, nowMs));
    if (direction === 'from-device') for (const watcher of this.watchers) watcher.bytes(bytes);
  }

  #pump(from: Socket, to: Socket, direction: Direction, who: 'client' | 'device'): void {
    const tell = (what: string): void => this.#events.event(`connection ${this.id}: ${who} ${what}`);
    from.on('data', (chunk: Buffer) => {
      this.#pass(direction, chunk);
      if (!to.writable) return; // the far side is gone; its own events tell
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => {
      tell('closed its half');
      if (who === 'device') this.#onDeviceEnd();
      to.end();
    });
    from.on('error', (error: NodeJS.ErrnoException) => {
      tell(`failed: ${error.code ?? error.message}`);
      // A reset is passed on as a reset, not as an orderly end.
      if (!to.destroyed) to.resetAndDestroy();
    });
    from.on('close', () => {
      if (who === 'device') this.#onDeviceEnd();
      if (to.destroyed) this.#events.ended(this);
      else if (from.destroyed && !to.writableEnded) to.end();
      // What the far side still sends has nowhere to go.
      to.resume();
    });
  }

  #onDeviceEnd(): void {
    this.#deviceEnded = true;
    for (const watcher of this.watchers) watcher.closed();
  }
}
