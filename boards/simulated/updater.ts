/** Takes an image from any ingress into the secondary slot, verifies it there, and stages it. */

import { type AuditLog } from './audit-log.ts';
import { type Defects } from './defects.ts';
import { type DeviceTimes } from './device-options.ts';
import { BLOCK_BYTES, LAYOUT, SLOT_BYTES } from './flash.ts';
import { versionText, type ImageVersion, type Refusal } from './mcuboot-image.ts';
import { LOCK_AFTER, RefusalLimit } from './refusal-limit.ts';
import { type Packages } from './package/packages.ts';
import { type SecurityFloor } from './security-floor.ts';
import { SilenceTimer } from './silence-timer.ts';
import { believe, type Slots } from './slots.ts';
import { cannot, confirm, revert, type Step } from './trial-steps.ts';
import { judge, type Ingress } from './update-judge.ts';

export type UpdateState = 'idle' | 'receiving' | 'verified' | 'refused' | 'verifying';

export type Begun =
  { ok: true } | { ok: false; reason: Refusal } | { ok: false; reason: 'busy'; text: string };
export type Outcome = { ok: true; version: ImageVersion } | { ok: false; reason: Refusal };
export interface UpdaterParts {
  slots: Slots;
  floor: SecurityFloor;
  log: AuditLog;
  defects: Defects;
  times: Pick<DeviceTimes, 'stalledAfterMs' | 'lockedForMs'>;
  /** The running image; undefined in recovery. */
  running: { version: ImageVersion; counter: number } | undefined;
  /** On the model that takes packages in place of images. */
  packages?: Packages | undefined;
  /** Stops everything for good; only a defect calls it. */
  hang(): void;
}

export class Updater {
  readonly #parts: UpdaterParts;
  readonly #refusals: RefusalLimit;
  readonly #sender: SilenceTimer;
  #onStalled: () => void = () => undefined;
  /** The operator’s override; only a defect grants it. */
  #olderAllowed = false;
  #ingress: Ingress | undefined;
  #announced: number | undefined;
  state: UpdateState = 'idle';
  reason: Refusal | undefined;
  received = 0;

  constructor(parts: UpdaterParts) {
    const { times, defects } = parts;
    this.#parts = parts;
    this.#refusals = new RefusalLimit(times.lockedForMs, defects);
    const patienceMs = defects.has('waits-for-ever') ? Infinity : times.stalledAfterMs;
    this.#sender = new SilenceTimer(patienceMs, () => this.#stalled());
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
    if (this.#parts.slots.record.state !== 'settled')
      return 'confirm the trial, or reset to revert it, first';
    return this.#refusals.locked ? 'locked' : undefined;
  }

  /**
   * @param announcedBytes size that the sender promised, where the protocol tells it
   * @param onStalled called when the transfer was ended because its sender fell silent
   */
  begin(ingress: Ingress, announcedBytes: number | undefined, onStalled = (): void => undefined): Begun {
    const why = this.busyBecause;
    if (why !== undefined) return { ok: false, reason: 'busy', text: why };
    this.received = 0;
    this.reason = undefined;
    if (announcedBytes !== undefined && announcedBytes > SLOT_BYTES) return this.#refuseOversize();
    if (!this.#refusals.hasRoom) return this.#refuse('size');
    this.#dropStaged();
    this.#ingress = ingress;
    this.#announced = announcedBytes;
    this.#onStalled = onStalled;
    this.#sender.heard();
    this.state = 'receiving';
    return { ok: true };
  }

  /** The sender gave a sign of life, if only bytes that carry nothing new. */
  heard(): void {
    if (this.#ingress !== undefined) this.#sender.heard();
  }

  /** Appends to the slot. @returns false when there is no room left; the transfer is then refused */
  write(bytes: Uint8Array): boolean {
    if (this.#ingress === undefined) return false;
    this.#sender.heard();
    if (this.received + bytes.length > SLOT_BYTES) {
      this.#close();
      this.#refuseOversize();
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
    if (!slots.record.staged) slots.update({ secondary: { bytes: this.received } });
    const bytes = slots.flash.read(LAYOUT.secondary.start, this.received);
    const received = { ingress, bytes, announcedBytes: this.#announced };
    const { verdict, trusted } = judge(received, { ...this.#parts, olderAllowed: this.#olderAllowed });
    if (verdict.ok) return this.#stage(verdict.version, trusted);
    if (defects.has('dies-on-malformed-image') && isMalformed(verdict.reason)) this.#parts.hang();
    if (defects.has('install-then-report-refused') && believe(bytes).ok) {
      slots.update({ secondary: { bytes: this.received, trusted: true } });
      slots.requestSwap('swap-test');
      this.#close({ keepSlot: true });
    } else this.#close();
    return this.#refuse(verdict.reason);
  }

  /** The sender gave up. */
  abort(): void {
    if (this.#ingress === undefined) return;
    this.#close();
    this.#refuse('truncated');
  }

  /** Orders the swap; the caller then resets the device. */
  activate(): Step {
    const { slots } = this.#parts;
    if (!slots.record.staged) return cannot('nothing is staged');
    slots.requestSwap('swap-test');
    return { ok: true };
  }

  /** Orders the way back from a trial to the image before; the caller then resets the device. */
  revert(): Step {
    return revert(this.#parts, this.#ingress === undefined);
  }

  /** The operator asks for an older image to be taken next: nobody may. */
  allowOlder(): Step {
    const { log, defects } = this.#parts;
    this.#olderAllowed = defects.has('override-granted');
    if (this.#olderAllowed) return { ok: true };
    log.append('override-refused', 'firmware', 'refused', 'allow-older');
    return { ok: false, word: 'refused', text: 'override' };
  }

  confirm(): Step {
    return confirm(this.#parts);
  }

  discard(): Step {
    const { slots } = this.#parts;
    if (slots.record.state !== 'settled') return cannot('a trial is running');
    if (this.#ingress !== undefined) return cannot('an update is under way');
    if (slots.record.staged) slots.update({ staged: false, secondary: { bytes: 0 } });
    this.state = 'idle';
    this.reason = undefined;
    return { ok: true };
  }

  #stage(version: ImageVersion, trusted: boolean): Outcome {
    const { slots, log, packages } = this.#parts;
    const held = packages?.place() ?? { bytes: this.received };
    slots.update({ staged: true, secondary: { ...held, ...(trusted ? { trusted } : {}) } });
    const name = this.stagedVersion ?? versionText(version);
    log.append('update-staged', 'firmware', 'ok', `${name} through ${this.#ingress}`);
    this.#sender.stop();
    this.#ingress = undefined;
    this.#refusals.succeeded();
    if (trusted) this.#olderAllowed = false;
    this.state = 'verified';
    return { ok: true, version };
  }

  /** What was staged before gives way to what comes. */
  #dropStaged(): void {
    const { slots, defects } = this.#parts;
    const { staged, secondary } = slots.record;
    if (staged && defects.has('verified-flag-outlives-bytes')) {
      slots.update({ secondary: { ...secondary, trusted: true } });
    } else slots.update({ staged: false, secondary: { bytes: 0 } });
  }

  /** The transfer is over, and nothing came of it. */
  #close(options: { keepSlot?: true } = {}): void {
    this.#sender.stop();
    this.#ingress = undefined;
    if (options.keepSlot === true) return;
    const { slots } = this.#parts;
    const { staged, secondary } = slots.record;
    // Defect verified-flag-outlives-bytes: what was staged before still counts, whatever is in the slot now.
    const bytes = staged ? Math.max(secondary.bytes, this.received) : 0;
    slots.update({ secondary: staged ? { bytes, trusted: true } : { bytes } });
  }

  #refuseOversize(): { ok: false; reason: Refusal } {
    if (this.#parts.defects.has('oversize-kills')) this.#parts.hang();
    return this.#refuse('size');
  }

  #refuse(reason: Refusal): { ok: false; reason: Refusal } {
    const { log } = this.#parts;
    this.state = 'refused';
    this.reason = reason;
    log.append('update-refused', 'firmware', 'refused', reason);
    if (this.#refusals.refused()) {
      log.append('update-locked', 'firmware', 'refused', `${LOCK_AFTER} images refused in a row`);
    }
    return { ok: false, reason };
  }

  #stalled(): void {
    const { log, times } = this.#parts;
    const text = `${this.#ingress}: nothing for ${times.stalledAfterMs} ms after ${this.received} bytes`;
    this.#close();
    this.state = 'refused';
    this.reason = 'truncated';
    log.append('transfer-ended', 'firmware', 'ended', text);
    this.#onStalled();
  }
}

function isMalformed(reason: Refusal): boolean {
  return reason === 'format' || reason === 'size' || reason === 'truncated';
}
