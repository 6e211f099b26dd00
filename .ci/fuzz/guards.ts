/** What an input may cost beside reading: time, and memory outside the heap, which the heap's limit does not see. */

import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { FuzzInput } from './job.ts';

const slowMs = 5000;
/** Buffers that one input may cause, beside so many times its own size. */
const mostMiB = 64;
const mostTimes = 64;

export class Guards {
  #at = 0;
  #external = 0;

  before(): void {
    this.#external = getHeapStatistics().external_memory;
    this.#at = performance.now();
  }

  /** @throws Error when the input was slow or greedy */
  after({ bytes }: FuzzInput): void {
    const tookMs = performance.now() - this.#at;
    if (tookMs > slowMs) throw new Error(`too slow: ${Math.round(tookMs)} ms`);
    const grown = getHeapStatistics().external_memory - this.#external;
    if (grown > mostMiB * 1024 * 1024 + mostTimes * bytes.length) {
      throw new Error(`too greedy: ${Math.round(grown / 1024 / 1024)} MiB of buffers`);
    }
  }
}
