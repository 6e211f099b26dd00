/** Takes an image from either way in into the staging area, verifies it there, and keeps it for its activation. */

import { type AuditLog } from '../audit-log.ts';
import { type Defects } from './defects.ts';
import { type Refusal } from './image.ts';
import { believe, type Verdict } from './image-verifier.ts';
import { SLOT_BYTES } from './layout.ts';
import { type Store } from './store.ts';

export type Ingress = 'ymodem' | 'file-records';
export type UpdateState = 'idle' | 'receiving' | 'verified' | 'refused' | 'verifying';
export type Begun = 'begun' | 'busy' | 'refused';
export type Outcome = { ok: true; version: string } | { ok: false; reason: Refusal };

/** A transfer in which nothing new has come for so long is ended. */
export const STALL_MS = 5000;

export interface UpdaterParts {
  store: Store;
  log: AuditLog;
  defects: Defects;
}

interface Transfer {
  ingress: Ingress;
  /** Size that the sender promised, where the protocol tells it. */
  announcedBytes: number | undefined;
  onStall: () => void;
}

export class Updater {
  readonly #parts: UpdaterParts;
  #transfer: Transfer | undefined;
  #stall: NodeJS.Timeout | undefined;
  state: UpdateState = 'idle';
  reason: Refusal | undefined;
  received = 0;

  constructor(parts: UpdaterParts) {
    this.#parts = parts;
    if (parts.store.record.staging.status === 'verified') this.state = 'verified';
  }

  /** Who is sending at present. */
  get ingress(): Ingress | undefined {
    return this.#transfer?.ingress;
  }

  /** Version of the image that `activate` would install. */
  get stagedVersion(): string | undefined {
    const { store } = this.#parts;
    if (store.record.staging.status !== 'verified') return undefined;
    const verdict = store.verify('staging');
    return verdict?.ok === true ? verdict.version : undefined;
  }

  begin(transfer: Transfer): Begun {
    if (this.#transfer !== undefined) return 'busy';
    this.received = 0;
    this.reason = undefined;
    if (transfer.announcedBytes !== undefined && transfer.announcedBytes > SLOT_BYTES) {
      this.#refuse('size');
      return 'refused';
    }
    this.#parts.store.emptyStaging();
    this.#transfer = transfer;
    this.state = 'receiving';
    this.#watch();
    return 'begun';
  }

  /** @returns false when there is no room left; the transfer is then refused */
  write(bytes: Uint8Array): boolean {
    if (this.#transfer === undefined) return false;
    if (this.received + bytes.length > SLOT_BYTES) {
      this.#logEnd(`more than ${SLOT_BYTES} bytes`);
      this.#refuse('size');
      return false;
    }
    this.#parts.store.stage(this.received, bytes);
    this.received += bytes.length;
    this.#watch();
    return true;
  }

  /** The transfer is over: verify what has come. */
  finish(): Outcome {
    const transfer = this.#transfer;
    if (transfer === undefined) return { ok: false, reason: this.reason ?? 'truncated' };
    const { store } = this.#parts;
    const held = { bytes: this.received, ...(this.#isBlind(transfer) ? { trusted: true as const } : {}) };
    store.update({ staging: { ...held, status: 'received' } });
    const verdict = this.#judge(transfer);
    if (!verdict.ok) return this.#refuse(verdict.reason);
    store.update({ staging: { ...held, status: 'verified' } });
    this.#parts.log.append(
      'update-staged',
      'firmware',
      'ok',
      `${verdict.version} through ${transfer.ingress}`,
    );
    this.#end('verified');
    return { ok: true, version: verdict.version };
  }

  /** The sender gave up. */
  abort(): void {
    if (this.#transfer !== undefined) this.#refuse('truncated');
  }

  /** Orders the copy; the caller then resets the device. @returns false when nothing is there to be installed */
  activate(): boolean {
    const { store } = this.#parts;
    if (store.record.staging.status !== 'verified') return false;
    store.orderCopy();
    return true;
  }

  /** @returns false while somebody is sending */
  discard(): boolean {
    const { store } = this.#parts;
    if (this.#transfer !== undefined) return false;
    if (store.record.staging.status === 'verified') store.emptyStaging();
    this.state = 'idle';
    this.reason = undefined;
    return true;
  }

  #judge({ announcedBytes = 0, ingress }: Transfer): Verdict {
    const { store, defects } = this.#parts;
    const bytes = store.imageBytes('staging');
    if (ingress === 'file-records' && defects.has('tr-file-records-unverified')) return believe(bytes);
    if (this.received < announcedBytes) {
      return { ok: false, reason: 'truncated', detail: `${this.received} of ${announcedBytes} bytes` };
    }
    return store.verifyBytes(bytes);
  }

  #isBlind({ ingress }: Transfer): boolean {
    return ingress === 'file-records' && this.#parts.defects.has('tr-file-records-unverified');
  }

  #refuse(reason: Refusal): { ok: false; reason: Refusal } {
    const { store, log, defects } = this.#parts;
    if (!defects.has('tr-restart-forgets') && this.#transfer !== undefined) store.emptyStaging();
    log.append('update-refused', 'firmware', 'refused', reason);
    this.reason = reason;
    this.#end('refused');
    return { ok: false, reason };
  }

  #end(state: UpdateState): void {
    clearTimeout(this.#stall);
    this.#transfer = undefined;
    this.state = state;
  }

  #watch(): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => this.#stalled(), STALL_MS);
  }

  #stalled(): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#logEnd(`nothing for ${STALL_MS} ms`);
    this.#refuse('stalled');
    transfer.onStall();
  }

  #logEnd(why: string): void {
    this.#parts.log.append('transfer-ended', 'firmware', 'refused', `${why} after ${this.received} bytes`);
  }
}
