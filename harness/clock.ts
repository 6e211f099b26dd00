/** Time: one monotonic clock for measuring, one wall clock for people, and waits that end. */

import { performance } from 'node:perf_hooks';
import { TimeoutError } from './errors.ts';

/** Milliseconds on the monotonic clock; only differences mean anything. */
export function monotonicMs(): number {
  return performance.now();
}

/** UTC now, ISO 8601 with milliseconds. */
export function utcNow(): string {
  return new Date().toISOString();
}

/** A moment by which something must have happened. */
export class Deadline {
  readonly withinMs: number;
  readonly startedAtMs = monotonicMs();

  constructor(withinMs: number) {
    this.withinMs = withinMs;
  }

  /** Milliseconds left, never negative. */
  get leftMs(): number {
    return Math.max(0, this.startedAtMs + this.withinMs - monotonicMs());
  }

  get elapsedMs(): number {
    return monotonicMs() - this.startedAtMs;
  }

  get passed(): boolean {
    return this.leftMs === 0;
  }
}

/** Resolves after `ms`. For pacing of a protocol or an attack that is defined by time; never to wait for a condition. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * The promise's result, or a TimeoutError that names what was awaited.
 *
 * @param work what must finish; it is not cancelled
 * @param withinMs deadline in milliseconds
 * @param what completes the sentence "… did not finish within N ms"
 * @throws TimeoutError when the deadline passes first
 */
export async function within<T>(work: Promise<T>, withinMs: number, what: string, hint?: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new TimeoutError('deadline', `${what} did not finish within ${withinMs} ms`, {
          data: { withinMs },
          ...(hint === undefined ? {} : { hint }),
        }),
      );
    }, withinMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks again and again until the answer is not `undefined`.
 *
 * @param probe returns the wanted value, or undefined for "not yet"; errors pass through
 * @param options.everyMs pause between two questions (default 20)
 * @throws TimeoutError when the deadline passes first
 */
export async function until<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: { withinMs: number; everyMs?: number; what: string; hint?: string },
): Promise<T> {
  const deadline = new Deadline(options.withinMs);
  for (;;) {
    const last = deadline.passed; // one look begins after the time is up: our own lag must hide nothing
    const value = await probe();
    if (value !== undefined) return value;
    if (last) {
      throw new TimeoutError('deadline', `${options.what} not seen within ${options.withinMs} ms`, {
        data: { withinMs: options.withinMs },
        ...(options.hint === undefined ? {} : { hint: options.hint }),
      });
    }
    await pause(Math.min(options.everyMs ?? 20, deadline.leftMs));
  }
}

/**
 * Measures how late this process itself was, so that no device is blamed for it. From the first to the last instant:
 * `monitorEventLoopDelay` counts only between two of its own ticks, and misses a block right after the start.
 */
export class LagMeter {
  static readonly #everyMs = 10;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #worstMs = 0;

  start(): void {
    this.stopMs();
    this.#worstMs = 0;
    this.#lastMs = monotonicMs();
    this.#timer = setInterval(() => this.#tick(), LagMeter.#everyMs).unref();
  }

  /** Worst lag of the event loop between `start` and the first `stopMs`, in milliseconds beyond the sampling step. */
  stopMs(): number {
    if (this.#timer === undefined) return this.#worstMs;
    this.#tick();
    clearInterval(this.#timer);
    this.#timer = undefined;
    return this.#worstMs;
  }

  #tick(): void {
    const now = monotonicMs();
    this.#worstMs = Math.max(this.#worstMs, now - this.#lastMs - LagMeter.#everyMs);
    this.#lastMs = now;
  }
}
