/** The third term of the oracle: the device goes on doing its job while it is attacked. */

import { Deadline, monotonicMs, pause } from '../clock.ts';
import { BenchError } from '../errors.ts';
import type { CaseContext } from './case-context.ts';

export interface ProcessWatch {
  stop(): Promise<void>;
}

/** Steps of the golden ratio: looks that never fall into step with a value that changes at a fixed rate. */
const irregular = (index: number): number => (index * 0.618) % 1;

/** Good samples in a row that stand still before a value is called frozen. */
const enoughSamples = 4;

/** A run of equal samples. A gap longer than the declared period ends it: anything may have happened in between. */
export class StandStill {
  readonly #periodMs: number;
  #value: number | undefined;
  #sinceMs = 0;
  #lastMs = 0;
  #count = 0;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /**
   * @param value of a good sample, or undefined for one that failed
   * @returns how long the value has stood still for certain, in ms
   */
  sample(value: number | undefined, atMs: number): number {
    const goesOn = value !== undefined && value === this.#value && atMs - this.#lastMs <= this.#periodMs;
    if (!goesOn) {
      this.#value = value;
      this.#sinceMs = atMs;
      this.#count = 0;
    }
    this.#lastMs = atMs;
    this.#count += 1;
    return this.#count >= enoughSamples ? atMs - this.#sinceMs : 0;
  }
}

/**
 * Samples the process value in the background. A value that stands still over good, close samples for more than
 * twice its declared period is a finding; samples that fail are no evidence (the wire may be busy with the attack).
 */
export function watchProcess(t: CaseContext): ProcessWatch {
  const { process } = t.device;
  if (process === undefined || t.declaration.processDuringUpdate === 'interrupted') {
    return { stop: () => Promise.resolve() };
  }
  const { changesWithinMs } = process;
  const still = new StandStill(changesWithinMs);
  let running = true;
  let longestMs = 0;
  let broken: Error | undefined;
  const loop = async (): Promise<void> => {
    for (let index = 0; running; index += 1) {
      const value = await process.read().catch((error: unknown) => {
        if (error instanceof BenchError) return undefined;
        throw error;
      });
      longestMs = Math.max(longestMs, still.sample(value, monotonicMs()));
      await pause(changesWithinMs * (0.2 + 0.2 * irregular(index)));
    }
  };
  const done = loop().catch((error: unknown) => {
    broken = error instanceof Error ? error : new Error(String(error));
  });
  return {
    stop: async () => {
      running = false;
      await done;
      if (broken !== undefined) throw broken;
      if (longestMs <= 2 * changesWithinMs) return;
      t.found({
        code: 'process-stopped',
        expected: `a process value that changes within ${changesWithinMs} ms throughout`,
        observed: `the same value for ${longestMs.toFixed(0)} ms`,
      });
    },
  };
}

/**
 * Demands that the process value changes now; of a device whose process an update may interrupt, within the time of a boot.
 *
 * @throws Nonconformity when it answers, again and again, and stands still
 * @throws BenchError when it does not answer: silence is no standstill
 */
export async function mustBeAlive(t: CaseContext): Promise<void> {
  const { process } = t.device;
  if (process === undefined) {
    t.note('process value not observable: the board names none');
    return;
  }
  const { changesWithinMs, unit } = process;
  const first = await process.read();
  const interrupted = t.declaration.processDuringUpdate === 'interrupted';
  const clock = new Deadline(Math.max(3 * changesWithinMs, interrupted ? t.bootsWithinMs : 0));
  for (let samples = 1; !clock.passed || samples < enoughSamples; samples += 1) {
    await pause(Math.max(10, changesWithinMs * (0.05 + 0.1 * irregular(samples))));
    if ((await process.read()) !== first) return;
  }
  t.violates({
    code: 'process-stopped',
    expected: `a process value that changes within ${changesWithinMs} ms`,
    observed: `${first} ${unit} for ${clock.elapsedMs.toFixed(0)} ms`,
  });
}
