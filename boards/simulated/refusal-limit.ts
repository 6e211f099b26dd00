/** How many bad images a sender may offer: after too many refused in a row none is taken for a while. */

import { performance } from 'node:perf_hooks';
import { type Defects } from './defects.ts';

/** Refused images in a row after which none is taken. */
export const LOCK_AFTER = 50;
/** Defect leaks-storage: so many refused images fill the room that is never given back. */
const LEAK_FULL_AFTER = 30;

export class RefusalLimit {
  readonly #lockedForMs: number;
  readonly #defects: Defects;
  #inARow = 0;
  #sinceStart = 0;
  #lockedUntilMs = 0;

  constructor(lockedForMs: number, defects: Defects) {
    this.#lockedForMs = lockedForMs;
    this.#defects = defects;
  }

  get locked(): boolean {
    return performance.now() < this.#lockedUntilMs;
  }

  /** False only with the defect leaks-storage. */
  get hasRoom(): boolean {
    return !this.#defects.has('leaks-storage') || this.#sinceStart < LEAK_FULL_AFTER;
  }

  succeeded(): void {
    this.#inARow = 0;
  }

  /** @returns true when this was one too many: from now on it is locked, and then counts anew */
  refused(): boolean {
    this.#sinceStart += 1;
    this.#inARow += 1;
    if (this.#inARow < LOCK_AFTER || this.#defects.has('no-rate-limit')) return false;
    this.#inARow = 0;
    this.#lockedUntilMs = performance.now() + this.#lockedForMs;
    return true;
  }
}
