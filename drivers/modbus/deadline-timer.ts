/** One timer for all deadlines of a session: requests cost no timer of their own. */

import { monotonicMs } from '../../harness/clock.ts';

export class DeadlineTimer {
  readonly #onDue: () => number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #armedForMs = Infinity;

  /** @param onDue settles what is due and returns the next deadline (monotonic ms), if any is left */
  constructor(onDue: () => number | undefined) {
    this.#onDue = onDue;
  }

  /** Makes sure that the timer fires no later than shortly after this moment (monotonic ms). */
  atLatest(dueAtMs: number): void {
    if (dueAtMs >= this.#armedForMs) return; // it fires earlier and looks again
    clearTimeout(this.#timer);
    this.#armedForMs = dueAtMs;
    this.#timer = setTimeout(
      () => {
        this.#armedForMs = Infinity;
        const next = this.#onDue();
        if (next !== undefined) this.atLatest(next);
      },
      Math.max(1, Math.ceil(dueAtMs - monotonicMs())),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedForMs = Infinity;
  }
}
