/**
 * The boot loader: finishes or begins a swap, reverts an unconfirmed trial, verifies, and hands over an image.
 *
 * At every start it ends with an image that verifies in the primary slot, or with serial recovery.
 */

import { createHash } from 'node:crypto';
import { type AuditLog } from './audit-log.ts';
import { type DefectName, type Defects } from './defects.ts';
import { type Verdict } from './image-verifier.ts';
import { shortVersion, type ImageVersion } from './mcuboot-image.ts';
import { type SecurityFloor } from './security-floor.ts';
import { believe, type SlotName, type Slots } from './slots.ts';

export interface RunningImage {
  version: ImageVersion;
  counter: number;
  bytes: Buffer;
  /** SHA-256 of the image as it stands in the slot, lower-case hex. */
  digest: string;
}

export interface BootReport {
  /** `dead`: nothing further happens until the flash is replaced; only a defect does this. */
  outcome: 'image' | 'recovery' | 'dead';
  running?: RunningImage;
  /** An image was refused at this start: the alarm objects that say so. */
  alarms: { object: 'boot' | 'update'; text: string }[];
}

export interface BootParts {
  slots: Slots;
  floor: SecurityFloor;
  log: AuditLog;
  defects: Defects;
  /** One line of the console. */
  print(line: string): void;
}

export function boot(parts: BootParts): BootReport {
  const alarms: BootReport['alarms'] = [];
  parts.print('SG-1 boot loader 1.0');
  if (isBricked(parts)) return { outcome: 'dead', alarms };
  settleSwaps(parts, alarms);
  const verdict = choosePrimary(parts, alarms);
  reportSlot(parts, 'primary', verdict);
  reportSlot(parts, 'secondary', parts.slots.verify('secondary'));
  if (verdict?.ok !== true) return { outcome: 'recovery', alarms };
  finishConfirmation(parts, verdict.counter);
  const bytes = parts.slots.imageBytes('primary');
  const digest = createHash('sha256').update(bytes).digest('hex');
  const running = { version: verdict.version, counter: verdict.counter, bytes, digest };
  return { outcome: 'image', running, alarms };
}

/** Only defects cannot finish what a cut has torn. */
function isBricked({ slots, defects }: BootParts): boolean {
  const { state } = slots.record;
  if (!state.startsWith('swap-') || !slots.swapHasBegun) return false;
  if (defects.has('torn-update-bricks')) return true;
  if (defects.has('torn-revert-bricks') && state === 'swap-revert') return true;
  if (!defects.has('second-cut-bricks')) return false;
  if (slots.swapWasResumed) return true;
  slots.markSwapResumed();
  return false;
}

function settleSwaps(parts: BootParts, alarms: BootReport['alarms']): void {
  const { slots } = parts;
  const { state } = slots.record;
  if (state === 'swap-test') beginOrFinishUpdate(parts, alarms);
  else if (state === 'swap-revert') finishRevert(parts);
  else if (state === 'trial' && !parts.defects.has('no-revert') && slots.verify('secondary')?.ok === true) {
    slots.requestSwap('swap-revert');
    finishRevert(parts);
  }
}

function beginOrFinishUpdate(parts: BootParts, alarms: BootReport['alarms']): void {
  const { slots, floor, log } = parts;
  // Before the first mark the secondary slot is whole and is looked at again; after it the swap must be finished.
  const verdict = slots.swapHasBegun ? undefined : slots.verify('secondary');
  if (!slots.swapHasBegun && verdict?.ok !== true) {
    refuse(parts, 'secondary', verdict);
    alarms.push({ object: 'update', text: 'the staged image was refused at boot' });
    slots.update({ state: 'settled', staged: false });
    return;
  }
  slots.runSwap('trial');
  if (!parts.defects.has('counter-burned-early')) return;
  const trial = slots.verify('primary');
  if (trial?.ok === true && floor.raiseTo(trial.counter)) {
    log.append('counter-raised', 'firmware', 'ok', `floor ${floor.value}`);
  }
}

function finishRevert(parts: BootParts): void {
  parts.slots.runSwap('settled');
  parts.log.append('image-reverted', 'firmware', 'ok', 'the trial was not confirmed');
}

/** The primary slot if it verifies, else the secondary one swapped in. */
function choosePrimary(parts: BootParts, alarms: BootReport['alarms']): Verdict | undefined {
  const { slots, defects } = parts;
  if (defects.has('boots-altered-code')) return believe(slots.imageBytes('primary'));
  const primary = slots.verify('primary');
  if (primary?.ok === true) return primary;
  refuse(parts, 'primary', primary);
  alarms.push({ object: 'boot', text: 'the primary slot was refused at boot' });
  if (slots.verify('secondary')?.ok !== true) return primary;
  slots.requestSwap('swap-test');
  slots.runSwap('trial');
  return slots.verify('primary');
}

function refuse(parts: BootParts, slot: SlotName, verdict: Verdict | undefined): void {
  const reason = verdict === undefined ? 'empty' : verdict.ok ? 'ok' : verdict.reason;
  parts.log.append('boot-refused', slot, 'refused', reason);
}

function reportSlot(parts: BootParts, slot: SlotName, verdict: Verdict | undefined): void {
  if (verdict === undefined) parts.print(`slot ${slot}: empty`);
  else if (verdict.ok) parts.print(`slot ${slot}: verified ${shortVersion(verdict.version)}`);
  else parts.print(`slot ${slot}: refused ${verdict.reason}`);
}

/** A confirmation cut between its record and the last burnt bit is completed here. */
function finishConfirmation(parts: BootParts, counter: number): void {
  const forgetful: readonly DefectName[] = ['counter-forgotten-on-reboot', 'factory-reset-clears-counter'];
  if (parts.slots.record.state !== 'settled' || forgetful.some((name) => parts.defects.has(name))) return;
  if (parts.floor.raiseTo(counter)) {
    parts.log.append('counter-raised', 'firmware', 'ok', `floor ${parts.floor.value}`);
  }
}
