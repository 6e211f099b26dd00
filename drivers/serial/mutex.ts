/** One at a time, in order of asking. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs the work when all work asked for earlier has ended, well or not. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#tail.then(work);
    this.#tail = mine.catch(() => undefined);
    return mine;
  }
}
