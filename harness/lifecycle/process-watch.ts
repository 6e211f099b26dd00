/** The third term of the oracle: the device goes on doing its job while it is attacked. */

import { monotonicMs, pause, until } from '../clock.ts';
import { BenchError, TimeoutError } from '../errors.ts';
import type { CaseContext } from './case-context.ts';

export interface ProcessWatch {
  stop(): Promise<void>;
}

/**
 * Samples the process value in the background. A value that stands still between two good samples for more than
 * twice its declared period is a finding; samples that fail are no evidence (the wire may be busy with the attack).
 */
export function watchProcess(t: CaseContext): ProcessWatch {
  const { process } = t.device;
  if (process === undefined || t.declaration.processDuringUpdate === 'interrupted') {
    return { stop: () => Promise.resolve() };
  }
  let running = true;
  let standingSinceMs: number | undefined;
  let last: number | undefined;
  let longestMs = 0;
  const loop = async (): Promise<void> => {
    while (running) {
      const value = await process.read().catch((error: unknown) => {
        if (error instanceof BenchError) return undefined;
        throw error;
      });
      const now = monotonicMs();
      if (value === undefined || value !== last) standingSinceMs = value === undefined ? undefined : now;
      else if (standingSinceMs !== undefined) longestMs = Math.max(longestMs, now - standingSinceMs);
      last = value;
      await pause(process.changesWithinMs / 3);
    }
  };
  const done = loop();
  return {
    stop: async () => {
      running = false;
      await done;
      const limit = 2 * process.changesWithinMs;
      if (longestMs <= limit) return;
      t.found({
        code: 'process-stopped',
        expected: `a process value that changes within ${process.changesWithinMs} ms throughout`,
        observed: `the same value for ${longestMs.toFixed(0)} ms`,
      });
    },
  };
}

/**
 * Demands that the process value changes now.
 *
 * @throws Nonconformity when it answers and stands still
 */
export async function mustBeAlive(t: CaseContext): Promise<void> {
  const { process } = t.device;
  if (process === undefined) {
    t.note('process value not observable: the board names none');
    return;
  }
  const first = await process.read();
  try {
    await until(async () => ((await process.read()) === first ? undefined : true), {
      withinMs: 3 * process.changesWithinMs,
      everyMs: Math.max(10, process.changesWithinMs / 10),
      what: 'a changed process value',
    });
  } catch (error) {
    if (!(error instanceof TimeoutError) || error.code !== 'deadline') throw error;
    t.violates({
      code: 'process-stopped',
      expected: `a process value that changes within ${process.changesWithinMs} ms`,
      observed: `${first} ${process.unit} for ${3 * process.changesWithinMs} ms`,
    });
  }
}
