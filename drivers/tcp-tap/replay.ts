/** Sends recorded bytes again over a connection of its own. */

import { connect, type Socket } from 'node:net';
import type { ReplayOutcome, TapRecording } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import { PortError } from '../../harness/errors.ts';
import { Observation } from './observation.ts';

export interface ReplayOptions {
  host: string;
  port: number;
  connectWithinMs: number;
  withinMs: number;
  quietMs: number;
  originalTiming: boolean;
  /** Aborts with its reason when the tap is closed or lost. */
  session: AbortSignal;
  sent(bytes: Uint8Array): void;
  received(bytes: Uint8Array): void;
  event(text: string): void;
}

type Dialled = { socket: Socket } | { outcome: ReplayOutcome['connection'] };

/**
 * Replays the device-bound bursts of a recording.
 *
 * @throws PortError when the network, not the device, prevents it; the session's reason when that ends
 */
export async function replay(recording: TapRecording, options: ReplayOptions): Promise<ReplayOutcome> {
  const startedAtMs = monotonicMs();
  const dialled = await dial(options);
  if ('outcome' in dialled) {
    options.event(`replay: connection ${dialled.outcome}`);
    return {
      connection: dialled.outcome,
      received: new Uint8Array(),
      elapsedMs: monotonicMs() - startedAtMs,
    };
  }
  const { socket } = dialled;
  const early: Uint8Array[] = [];
  let observation: Observation | undefined;
  let closed = false;
  socket.on('data', (chunk: Buffer) => {
    options.received(chunk);
    if (observation === undefined) early.push(chunk);
    else observation.bytes(chunk);
  });
  const onClosed = (): void => {
    closed = true;
    observation?.closed();
  };
  socket.on('end', onClosed).on('close', onClosed);
  const onAbort = (): void => observation?.abort(options.session.reason as Error);
  options.session.addEventListener('abort', onAbort, { once: true });
  try {
    await sendBursts(socket, recording, options, () => closed);
    options.session.throwIfAborted();
    observation = new Observation(options);
    for (const chunk of early) observation.bytes(chunk);
    if (closed) observation.closed();
    const outcome = await observation.outcome;
    options.event(`replay: ${outcome.connection}, ${outcome.received.length} bytes received`);
    return outcome;
  } finally {
    options.session.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

async function sendBursts(
  socket: Socket,
  recording: TapRecording,
  options: ReplayOptions,
  isClosed: () => boolean,
): Promise<void> {
  const bursts = recording.bursts.filter((burst) => burst.direction === 'to-device');
  const firstAtMs = bursts[0]?.atMs ?? 0;
  const startedAtMs = monotonicMs();
  for (const burst of bursts) {
    if (options.originalTiming) {
      await pauseUnless(startedAtMs + burst.atMs - firstAtMs - monotonicMs(), options.session);
    }
    if (isClosed()) return;
    options.sent(burst.bytes);
    socket.write(burst.bytes);
  }
}

async function pauseUnless(ms: number, session: AbortSignal): Promise<void> {
  session.throwIfAborted();
  if (ms <= 0) return;
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(session.reason as Error);
    };
    const timer = setTimeout(() => {
      session.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    session.addEventListener('abort', onAbort, { once: true });
  });
}

/** A connected socket, or how the device declined the connection. */
function dial(options: ReplayOptions): Promise<Dialled> {
  options.session.throwIfAborted();
  options.event(`replay: connecting to ${options.host} port ${options.port}`);
  const socket = connect({ host: options.host, port: options.port, noDelay: true });
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      socket.destroy();
      settle(() => reject(options.session.reason as Error));
    };
    const timer = setTimeout(() => {
      socket.destroy();
      settle(() => resolve({ outcome: 'silent' }));
    }, options.connectWithinMs);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      options.session.removeEventListener('abort', onAbort);
      act();
    };
    options.session.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => settle(() => resolve({ socket })));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      options.event(`replay: ${error.code ?? error.message}`);
      if (error.code === 'ECONNREFUSED') settle(() => resolve({ outcome: 'refused' }));
      else if (error.code === 'ECONNRESET') settle(() => resolve({ outcome: 'closed' }));
      else settle(() => reject(unreachable(options, error)));
    });
  });
}

function unreachable(options: ReplayOptions, cause: Error): PortError {
  return new PortError('unreachable', `cannot reach ${options.host} port ${options.port}: ${cause.message}`, {
    cause,
    hint: 'Check the cable and the address of the device.',
  });
}
