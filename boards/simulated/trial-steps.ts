/** The two ends of a trial: it is confirmed, or it gives way to the image before it. */

import { type AuditLog } from './audit-log.ts';
import { type Defects } from './defects.ts';
import { type SecurityFloor } from './security-floor.ts';
import { believe, type Slots } from './slots.ts';

/** `state` with a sentence, where there is nothing to act on; `refused` where it will not be done. */
export type Step = { ok: true } | { ok: false; word: 'state' | 'refused'; text: string };

export interface TrialParts {
  slots: Slots;
  floor: SecurityFloor;
  log: AuditLog;
  defects: Defects;
  /** The running image; undefined in recovery. */
  running: { counter: number } | undefined;
}

/** Makes the trial permanent: first the record, then the floor; the boot loader completes a cut between them. */
export function confirm({ slots, floor, log, running }: TrialParts): Step {
  if (slots.record.state !== 'trial') return cannot('the running image is not a trial');
  const counter = running?.counter ?? 0;
  slots.update({ state: 'settled' });
  log.append('update-confirmed', 'firmware', 'ok', `counter ${counter}`);
  if (floor.raiseTo(counter)) log.append('counter-raised', 'firmware', 'ok', `floor ${floor.value}`);
  return { ok: true };
}

/** Orders the swap back; a confirmed image stays. @param idle no transfer is under way */
export function revert({ slots, log, defects }: TrialParts, idle: boolean): Step {
  const { state, staged, secondary } = slots.record;
  const isTrial = state === 'trial';
  if (!isTrial && !(defects.has('revert-after-confirm') && idle && !staged)) {
    log.append('update-refused', 'firmware', 'refused', 'revert');
    return { ok: false, word: 'refused', text: 'confirmed' };
  }
  const before = isTrial ? slots.verify('secondary') : believe(slots.imageBytes('secondary'));
  if (before?.ok !== true) return cannot('there is no image to go back to');
  // Confirming may have raised the floor above the image before; the defect does not mind.
  if (!isTrial) slots.update({ secondary: { ...secondary, trusted: true } });
  slots.requestSwap('swap-revert');
  return { ok: true };
}

export function cannot(text: string): Step {
  return { ok: false, word: 'state', text };
}
