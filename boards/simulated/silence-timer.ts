/** Notices when somebody who should go on has been silent for too long. */

export class SilenceTimer {
  readonly #afterMs: number;
  readonly #onSilence: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param afterMs Infinity: any silence is borne */
  constructor(afterMs: number, onSilence: () => void) {
    this.#afterMs = afterMs;
    this.#onSilence = onSilence;
  }

  /** Starts to listen, or has heard something: the time runs anew. */
  heard(): void {
    this.stop();
    if (this.#afterMs !== Infinity) this.#timer = setTimeout(this.#onSilence, this.#afterMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
