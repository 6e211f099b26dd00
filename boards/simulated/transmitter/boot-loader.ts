/**
 * The boot loader: begins or finishes a copy, verifies, and hands over an image.
 *
 * At every start it ends with an image that verifies in the slot, or with the recovery console.
 */

import { createHash } from 'node:crypto';
import { type AuditLog } from '../audit-log.ts';
import { type OtpCounter } from '../otp.ts';
import { type Defects } from './defects.ts';
import { believe, type Verdict } from './image-verifier.ts';
import { type Place, type Store } from './store.ts';

export interface RunningImage {
  version: string;
  /** SHA-256 of the whole image as it stands in the slot, lower-case hex. */
  digest: string;
}

export interface BootParts {
  store: Store;
  floor: OtpCounter;
  log: AuditLog;
  defects: Defects;
  /** One line of the console. */
  print(line: string): void;
}

/** @returns undefined where nothing may run */
export function boot(parts: BootParts): RunningImage | undefined {
  const { store, defects } = parts;
  parts.print('TR-1 boot loader 1.0');
  if (defects.has('tr-restart-forgets')) takeWhatIsThere(store);
  if (store.record.state === 'copying') finishCopy(parts);
  const verdict = verifiedSlot(parts);
  parts.print(`slot: ${told(verdict)}`);
  parts.print(`staging: ${told(store.verify('staging'))}`);
  if (verdict?.ok !== true) return undefined;
  raiseFloor(parts, verdict.counter);
  const digest = createHash('sha256').update(store.imageBytes('slot')).digest('hex');
  return { version: verdict.version, digest };
}

/** Before the first mark the staged image is whole and is looked at again; after it the copy must be finished. */
function finishCopy(parts: BootParts): void {
  const { store, log } = parts;
  if (!store.copyHasBegun) {
    const verdict = store.verify('staging');
    if (verdict?.ok !== true) {
      refuse(parts, 'staging', verdict);
      store.update({ state: 'settled', staging: { bytes: 0, status: 'empty' } });
      return;
    }
  }
  store.copyToSlot();
  log.append('update-installed', 'firmware', 'ok', told(store.verify('slot')));
}

/** The slot if it verifies, else what is staged, copied into it. */
function verifiedSlot(parts: BootParts): Verdict | undefined {
  const { store, log } = parts;
  const slot = store.verify('slot');
  if (slot?.ok === true) return slot;
  refuse(parts, 'slot', slot);
  if (store.verify('staging')?.ok !== true) return slot;
  store.orderCopy();
  store.copyToSlot();
  const restored = store.verify('slot');
  log.append('image-restored', 'firmware', 'ok', told(restored));
  return restored;
}

/** The floor rises with the installation; a rise that was cut is completed here. */
function raiseFloor({ floor, log }: BootParts, counter: number | undefined): void {
  if (counter === undefined || counter <= floor.value) return;
  floor.raiseTo(counter);
  log.append('counter-raised', 'firmware', 'ok', `floor ${floor.value}`);
}

function refuse({ log }: BootParts, place: Place, verdict: Verdict | undefined): void {
  const reason = verdict === undefined ? 'empty' : verdict.ok ? 'ok' : verdict.reason;
  log.append('boot-refused', place, 'refused', reason);
}

function told(verdict: Verdict | undefined): string {
  if (verdict === undefined) return 'empty';
  return verdict.ok ? `verified ${verdict.version}` : `refused ${verdict.reason}`;
}

/** Defect tr-restart-forgets: that an image was refused was known in RAM only. */
function takeWhatIsThere(store: Store): void {
  const { staging } = store.record;
  if (staging.status !== 'received' || !believe(store.imageBytes('staging')).ok) return;
  store.update({ staging: { ...staging, trusted: true } });
  store.orderCopy();
}
