/** The end of a run that the bench wrote and did not come to sign. */

import { combine, type Verdict } from '../verdict.ts';
import type { Entry, EntryOf } from './entry.ts';
import { countVerdicts } from './run-model.ts';
import { countingEntries } from './signed-part.ts';

/**
 * Why the end of a run that stands behind the checkpoint is not taken for its own; undefined when all is well. A crash
 * may come between the two: then the end says nothing but what signed verdicts say.
 */
export function whyNotEnded(entries: readonly Entry[], signedTo: number): string | undefined {
  const ends = entries.filter((entry): entry is EntryOf<'run-closed'> => entry.kind === 'run-closed');
  const late = ends.find(({ seq }) => seq > signedTo);
  if (late === undefined) return undefined;
  const said = `entry ${late.seq}, the end of the run, stands behind the last signed checkpoint`;
  if (ends.length > 1) return `${said}, and there are ${ends.length} of them`;
  if (entries.some(({ kind, seq }) => kind === 'verdict' && seq > signedTo))
    return `${said}, and so does a verdict`;
  const given = givenVerdicts(countingEntries(entries, signedTo));
  if (given === undefined) return `${said}, and a verdict still awaits the control of its batch`;
  const { verdict, counts } = late.payload;
  const found = countVerdicts(given);
  const same = Object.entries(found).every(([each, count]) => counts[each as Verdict] === count);
  return same && verdict === combine(given) ? undefined : `${said}, and says other than the signed verdicts`;
}

/** The last verdict of each selected case; undefined when one of them was not the last word. */
function givenVerdicts(entries: readonly Entry[]): Verdict[] | undefined {
  const [opened] = entries;
  const selected = opened?.kind === 'run-opened' ? opened.payload.selected : [];
  const last = selected.map((id) =>
    entries.findLast((entry): entry is EntryOf<'verdict'> => entry.kind === 'verdict' && entry.caseId === id),
  );
  if (last.some((entry) => entry?.payload.provisional === true)) return undefined;
  return last.map((entry) => entry?.payload.verdict ?? 'not-executed');
}
