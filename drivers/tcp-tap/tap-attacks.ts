/** What a tap can do to the link: record, replay, inject, duplicate. */

import type { LinkTap, ReplayOutcome, TapRecording } from '../../harness/capabilities.ts';
import { monotonicMs, until } from '../../harness/clock.ts';
import type { WireLog } from '../../harness/driver.ts';
import { DriverError, EvidenceError } from '../../harness/errors.ts';
import { burstBytes, Recorder, type Direction } from './bursts.ts';
import type { TappedConnection } from './connection.ts';
import { Observation } from './observation.ts';
import { replay } from './replay.ts';
import type { TcpTapSettings } from './settings.ts';

const mostRecordedBytes = 64 * 1024 * 1024;

/** What the attacks need of the tap. */
export interface TapHost {
  /** Aborts with its reason when the tap is closed or lost. @throws DriverError when the tap is not open */
  session(): AbortSignal;
  connections(): readonly TappedConnection[];
  recorders: Set<Recorder>;
  takeConnectionId(): number;
  log(whose: string, id: number, direction: Direction, bytes: Uint8Array): void;
}

export class TapAttacks implements LinkTap {
  readonly #name: string;
  readonly #settings: TcpTapSettings;
  readonly #wire: WireLog;
  readonly #host: TapHost;

  constructor(name: string, settings: TcpTapSettings, wire: WireLog, host: TapHost) {
    this.#name = name;
    this.#settings = settings;
    this.#wire = wire;
    this.#host = host;
  }

  get liveConnections(): number {
    return this.#host.connections().length;
  }

  /** @throws (the returned function) EvidenceError when more than 64 MiB passed */
  record(): () => readonly TapRecording[] {
    this.#host.session();
    const recorder = new Recorder(mostRecordedBytes);
    for (const connection of this.#host.connections()) {
      connection.bursts.split();
      recorder.opened(connection.id, connection.openedAtMs);
    }
    this.#host.recorders.add(recorder);
    let result: readonly TapRecording[] | undefined;
    return () => {
      this.#host.recorders.delete(recorder);
      if (recorder.overflowed) {
        throw new EvidenceError(
          'recording-too-long',
          `${this.#name}: more than ${mostRecordedBytes} bytes to record`,
          { hint: 'Record a shorter exchange.' },
        );
      }
      return (result ??= recorder.result());
    };
  }

  async replayOnNewConnection(
    recording: TapRecording,
    options: { withinMs: number; originalTiming?: boolean },
  ): Promise<ReplayOutcome> {
    const session = this.#host.session();
    const { targetHost, targetPort, connectWithinMs, quietMs } = this.#settings;
    const id = this.#host.takeConnectionId();
    const log = (direction: Direction) => (bytes: Uint8Array) =>
      this.#host.log(`connection ${id} (replay)`, id, direction, bytes);
    return replay(recording, {
      host: targetHost,
      port: targetPort,
      connectWithinMs,
      quietMs,
      withinMs: options.withinMs,
      originalTiming: options.originalTiming ?? false,
      session,
      sent: log('to-device'),
      received: log('from-device'),
      event: (text) => this.#wire.event(`connection ${id}: ${text}`),
    });
  }

  /** The answer goes to the client too, as it would with a real attacker in the middle. */
  async injectInLive(bytes: Uint8Array, { withinMs }: { withinMs: number }): Promise<ReplayOutcome> {
    return this.#inject(this.#live(), () => bytes, withinMs);
  }

  /** With framing the last whole message, without it the last run of bytes. */
  async duplicateLast({ withinMs }: { withinMs: number }): Promise<ReplayOutcome> {
    const live = this.#live();
    const lastBurst = (): Uint8Array => {
      if (live.bursts.lastToDevice !== undefined) return burstBytes(live.bursts.lastToDevice);
      throw new DriverError('nothing-sent', `${this.#name}: nothing was sent to the device yet`);
    };
    return this.#inject(live, lastBurst, withinMs);
  }

  /** The connection that last sent to the device. @throws DriverError when none is live */
  #live(): TappedConnection {
    this.#host.session();
    const [latest] = this.#host
      .connections()
      .filter((connection) => connection.alive)
      .sort((a, b) => b.lastToDeviceAtMs - a.lastToDeviceAtMs || b.id - a.id);
    if (latest !== undefined) return latest;
    throw new DriverError('no-live-connection', `${this.#name}: no connection passes through the tap`, {
      hint: 'Connect a client through it first.',
    });
  }

  async #inject(live: TappedConnection, bytes: () => Uint8Array, withinMs: number): Promise<ReplayOutcome> {
    const session = this.#host.session();
    await this.#awaitGap(live, withinMs, session);
    if (!live.alive) {
      throw new DriverError(
        'no-live-connection',
        `${this.#name}: connection ${live.id} ended before the attack`,
      );
    }
    const injected = bytes();
    this.#wire.event(`connection ${live.id}: ${injected.length} bytes injected`);
    const observation = new Observation({ withinMs, quietMs: this.#settings.quietMs });
    const onAbort = (): void => observation.abort(session.reason as Error);
    session.addEventListener('abort', onAbort, { once: true });
    live.watchers.add(observation);
    try {
      live.inject(injected);
      return await observation.outcome;
    } finally {
      live.watchers.delete(observation);
      session.removeEventListener('abort', onAbort);
    }
  }

  /**
   * Waits until a message may be put in: the client's own is whole, and what the device still owes it has come, so
   * that this is not taken for an answer to the attack. For the latter no longer than `quietMs`: not every message
   * is answered.
   */
  async #awaitGap(live: TappedConnection, withinMs: number, session: AbortSignal): Promise<void> {
    const { quietMs } = this.#settings;
    const ready = (): true | undefined => {
      session.throwIfAborted();
      if (!live.alive) return true;
      const owed =
        live.bursts.lastDirection === 'to-device' && monotonicMs() - live.lastToDeviceAtMs < quietMs;
      return live.bursts.atBoundary && !owed ? true : undefined;
    };
    await until(ready, {
      withinMs: withinMs + quietMs,
      everyMs: 5,
      what: `${this.#name}: the end of the client's message on connection ${live.id}`,
    });
  }
}
