/** How long a serial line must still be left alone, and when to stop waiting for that. */

import { monotonicMs } from '../../harness/clock.ts';

export class LineRest {
  readonly #patienceMs: number;
  readonly #onRested: () => void;
  #untilMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #waitingSinceMs: number | undefined;

  /**
   * @param patienceMs a line that does not rest for so long is disturbed
   * @param onRested called after a wait; look at `leftMs` again then
   */
  constructor(patienceMs: number, onRested: () => void) {
    this.#patienceMs = patienceMs;
    this.#onRested = onRested;
  }

  /** The line must rest for so long from now. */
  atLeast(ms: number): void {
    if (ms > 0) this.#untilMs = Math.max(this.#untilMs, monotonicMs() + ms);
  }

  get leftMs(): number {
    return this.#untilMs === 0 ? 0 : Math.max(0, this.#untilMs - monotonicMs());
  }

  /**
   * Waits on behalf of the request next in line.
   *
   * @returns how long it has waited in ms when that is more than patience allows, else undefined
   */
  wait(): number | undefined {
    this.#waitingSinceMs ??= monotonicMs();
    const waitedMs = monotonicMs() - this.#waitingSinceMs;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#onRested();
    }, Math.ceil(this.leftMs));
    if (waitedMs <= this.#patienceMs) return undefined;
    this.#waitingSinceMs = undefined;
    return waitedMs;
  }

  /** The request next in line has gone. */
  over(): void {
    this.#waitingSinceMs = undefined;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waitingSinceMs = undefined;
  }
}
