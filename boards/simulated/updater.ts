/** Takes an image from any ingress into the secondary slot, verifies it there, and stages it. */

import { type AuditLog } from './audit-log.ts';
import { type Defects } from './defects.ts';
import { BLOCK_BYTES, LAYOUT, SLOT_BYTES } from './flash.ts';
import { type Verdict } from './image-verifier.ts';
import { versionText, type ImageVersion, type Refusal } from './mcuboot-image.ts';
import { type Packages } from './package/packages.ts';
import { type SecurityFloor } from './security-floor.ts';
import { believe, type Slots } from './slots.ts';

export type Ingress = 'ymodem' | 'file-records' | 'software-update';
export type UpdateState = 'idle' | 'receiving' | 'verified' | 'refused' | 'verifying';

export type Begun =
  { ok: true } | { ok: false; reason: Refusal } | { ok: false; reason: 'busy'; text: string };
export type Outcome = { ok: true; version: ImageVersion } | { ok: false; reason: Refusal };
/** `wrong-state` with a sentence, where there is nothing to act on. */
export type Step = { ok: true } | { ok: false; text: string };

export interface UpdaterParts {
  slots: Slots;
  floor: SecurityFloor;
  log: AuditLog;
  defects: Defects;
  /** The running image's security counter; 0 in recovery. */
  runningCounter: number;
  /** On the model that takes packages in place of images. */
  packages?: Packages | undefined;
  /** Stops everything for good; only a defect calls it. */
  hang(): void;
}

export class Updater {
  readonly #parts: UpdaterParts;
  #ingress: Ingress | undefined;
  #announced: number | undefined;
  state: UpdateState = 'idle';
  reason: Refusal | undefined;
  received = 0;

  constructor(parts: UpdaterParts) {
    this.#parts = parts;
    if (parts.slots.record.staged) this.state = 'verified';
  }

  /** Who is sending at present. */
  get ingress(): Ingress | undefined {
    return this.#ingress;
  }

  get confirmation(): 'confirmed' | 'trial' {
    return this.#parts.slots.record.state === 'trial' ? 'trial' : 'confirmed';
  }

  /** Version of the image that `activate` would boot. */
  get stagedVersion(): string | undefined {
    const { slots, packages } = this.#parts;
    if (!slots.record.staged) return undefined;
    const verdict = slots.verify('secondary');
    if (verdict?.ok !== true) return undefined;
    return packages?.versionText('secondary', verdict.version) ?? versionText(verdict.version);
  }

  /** Why no update can begin now; undefined when one can. */
  get busyBecause(): string | undefined {
    if (this.#ingress !== undefined) return `an update through ${this.#ingress} is under way`;
    // The secondary slot holds what the trial would be reverted to.
    const settled = this.#parts.slots.record.state === 'settled';
    return settled ? undefined : 'confirm the trial, or reset to revert it, first';
  }

  /** @param announcedBytes size that the sender promised, where the protocol tells it */
  begin(ingress: Ingress, announcedBytes: number | undefined): Begun {
    const { slots } = this.#parts;
    const why = this.busyBecause;
    if (why !== undefined) return { ok: false, reason: 'busy', text: why };
    this.received = 0;
    this.reason = undefined;
    if (announcedBytes !== undefined && announcedBytes > SLOT_BYTES) return this.#refuse('size');
    slots.update({ staged: false, secondary: { bytes: 0 } });
    this.#ingress = ingress;
    this.#announced = announcedBytes;
    this.state = 'receiving';
    return { ok: true };
  }

  /** Appends to the slot. @returns false when there is no room left; the transfer is then refused */
  write(bytes: Uint8Array): boolean {
    if (this.#ingress === undefined) return false;
    if (this.received + bytes.length > SLOT_BYTES) {
      this.#end('size');
      return false;
    }
    const { flash } = this.#parts.slots;
    for (let done = 0; done < bytes.length;) {
      const address = LAYOUT.secondary.start + this.received;
      if (this.received % BLOCK_BYTES === 0) flash.erase(address);
      const part = bytes.subarray(done, done + BLOCK_BYTES - (this.received % BLOCK_BYTES));
      flash.program(address, part);
      this.received += part.length;
      done += part.length;
    }
    return true;
  }

  /** The transfer is over: verify what is in the slot. Call only between `begin` and an end. */
  finish(): Outcome {
    const ingress = this.#ingress;
    if (ingress === undefined) return { ok: false, reason: this.reason ?? 'truncated' };
    const { slots, defects } = this.#parts;
    slots.update({ secondary: { bytes: this.received } });
    const bytes = slots.imageBytes('secondary');
    const verdict = this.#judge(ingress, bytes);
    if (verdict.ok) return this.#stage(verdict.version, isUnverified(ingress, defects));
    if (defects.has('dies-on-malformed-image') && isMalformed(verdict.reason)) this.#parts.hang();
    if (defects.has('install-then-report-refused') && believe(bytes).ok) {
      slots.update({ secondary: { bytes: this.received, trusted: true } });
      slots.requestSwap('swap-test');
      return this.#end(verdict.reason, { keepSlot: true });
    }
    return this.#end(verdict.reason);
  }

  /** The sender gave up or vanished. */
  abort(): void {
    if (this.#ingress !== undefined) this.#end('truncated');
  }

  /** Orders the swap; the caller then resets the device. */
  activate(): Step {
    const { slots } = this.#parts;
    if (!slots.record.staged) return { ok: false, text: 'nothing is staged' };
    slots.requestSwap('swap-test');
    return { ok: true };
  }

  /** Makes the trial permanent: first the record, then the floor; the boot loader completes a cut between them. */
  confirm(): Step {
    const { slots, floor, log, runningCounter } = this.#parts;
    if (slots.record.state !== 'trial') return { ok: false, text: 'the running image is not a trial' };
    slots.update({ state: 'settled' });
    log.append('update-confirmed', 'firmware', 'ok', `counter ${runningCounter}`);
    if (floor.raiseTo(runningCounter)) log.append('counter-raised', 'firmware', 'ok', `floor ${floor.value}`);
    return { ok: true };
  }

  discard(): Step {
    const { slots } = this.#parts;
    if (slots.record.state !== 'settled') return { ok: false, text: 'a trial is running' };
    if (this.#ingress !== undefined) return { ok: false, text: 'an update is under way' };
    if (slots.record.staged) slots.update({ staged: false, secondary: { bytes: 0 } });
    this.state = 'idle';
    this.reason = undefined;
    return { ok: true };
  }

  #judge(ingress: Ingress, bytes: Buffer): Verdict {
    const { slots, defects, packages } = this.#parts;
    if (defects.has('refuse-everything')) return { ok: false, reason: 'signature', detail: 'refused' };
    if (isUnverified(ingress, defects)) return believe(bytes);
    const short = this.#announced !== undefined && this.received < this.#announced;
    if (short && !defects.has('accept-truncated')) {
      return { ok: false, reason: 'truncated', detail: `${this.received} of ${this.#announced} bytes` };
    }
    return packages === undefined
      ? slots.verifyBytes(bytes)
      : packages.judge(bytes, () => this.#parts.hang());
  }

  #stage(version: ImageVersion, trusted: boolean): Outcome {
    const { slots, log, packages } = this.#parts;
    const held = packages?.place() ?? { bytes: this.received };
    slots.update({ staged: true, secondary: { ...held, ...(trusted ? { trusted } : {}) } });
    log.append(
      'update-staged',
      'firmware',
      'ok',
      `${this.stagedVersion ?? versionText(version)} through ${this.#ingress}`,
    );
    this.#ingress = undefined;
    this.state = 'verified';
    return { ok: true, version };
  }

  #end(reason: Refusal, options: { keepSlot?: true } = {}): { ok: false; reason: Refusal } {
    if (options.keepSlot !== true) this.#parts.slots.update({ secondary: { bytes: 0 } });
    this.#ingress = undefined;
    return this.#refuse(reason);
  }

  #refuse(reason: Refusal): { ok: false; reason: Refusal } {
    this.state = 'refused';
    this.reason = reason;
    this.#parts.log.append('update-refused', 'firmware', 'refused', reason);
    return { ok: false, reason };
  }
}

function isMalformed(reason: Refusal): boolean {
  return reason === 'format' || reason === 'size' || reason === 'truncated';
}

function isUnverified(ingress: Ingress, defects: Defects): boolean {
  return (
    (ingress === 'software-update' && defects.has('software-update-unverified')) ||
    (ingress === 'file-records' && defects.has('file-records-unverified'))
  );
}
