/** What of an interrupted run counts: what the bench's key had signed, and nothing that stands behind that. */

import type { Entry, RecordEventKind } from './entry.ts';

/** What decides about a device. */
const judging: ReadonlySet<RecordEventKind> = new Set(['verdict', 'finding', 'finding-withdrawn']);

/**
 * The entries without the verdicts and findings that stood behind the last signed checkpoint when a run went on. Which
 * those were is said by each `record-resumed`.
 *
 * @param signedTo last entry that is signed now, of a run that is about to go on
 */
export function countingEntries(entries: readonly Entry[], signedTo = Infinity): readonly Entry[] {
  let covered = signedTo;
  return entries
    .toReversed()
    .filter((entry) => {
      if (entry.kind === 'record-resumed' && entry.seq <= covered)
        covered = entry.payload.checkpoint ?? Infinity;
      return entry.seq <= covered || !judging.has(entry.kind);
    })
    .reverse();
}
