/** Several attacks in one case: one that decides nothing must not keep the others from being made. */

import { Inconclusive, NotExecuted } from '../errors.ts';
import type { CaseContext } from './case-context.ts';

/**
 * Works on each item in turn. What is inconclusive or could not be executed is kept until all others were tried, for
 * one of them may show a violation; the first such error is thrown in the end. Any other error ends it at once, and
 * so does a board that did not return to its baseline.
 */
export async function everyOne<T>(
  t: CaseContext,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let undecided: Inconclusive | NotExecuted | undefined;
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      if (!(error instanceof Inconclusive || error instanceof NotExecuted)) throw error;
      if (t.run.poisoned !== undefined || t.ended) throw error;
      undecided ??= error;
    }
  }
  if (undecided !== undefined) throw undecided;
}
