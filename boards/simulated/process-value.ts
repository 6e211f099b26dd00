/** The process that the gateway serves: a pressure that swings slowly about 4 bar. */

import { performance } from 'node:perf_hooks';
import { type Defects } from './defects.ts';

const EVERY_MS = 50;
const MEAN_MILLIBAR = 4000;
const SWING_MILLIBAR = 800;
const PERIOD_MS = 20_000;

export class ProcessValue {
  #milliBar = MEAN_MILLIBAR;

  /** @param stopped asked at each step; a firmware that hangs measures nothing */
  constructor(defects: Defects, stopped: () => boolean) {
    if (defects.has('dead-process-value')) return;
    setInterval(() => {
      if (!stopped()) this.#step();
    }, EVERY_MS);
  }

  /** Thousandths of a bar. */
  get milliBar(): number {
    return this.#milliBar;
  }

  get bar(): number {
    return this.#milliBar / 1000;
  }

  /** At the turning points the value would stand still; the last digit moves even there. */
  #step(): void {
    const phase = (2 * Math.PI * performance.now()) / PERIOD_MS;
    const next = Math.round(MEAN_MILLIBAR + SWING_MILLIBAR * Math.sin(phase));
    this.#milliBar = next === this.#milliBar ? next + 1 : next;
  }
}
