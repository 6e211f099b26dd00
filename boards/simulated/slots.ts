/** The two firmware slots, the boot record that says what is in them, and the swap between them. */

import { type Defects } from './defects.ts';
import { BLOCK_BYTES, LAYOUT, PAGE_BYTES, SLOT_BYTES, type Flash } from './flash.ts';
import { FlashJournal } from './flash-journal.ts';
import { verifyImage, type Verdict } from './image-verifier.ts';
import { ImageRefused, parseHeader, parseImage, TLV } from './mcuboot-image.ts';
import { type SecurityFloor } from './security-floor.ts';
import { type TrustedKey } from './trusted-keys.ts';

export type SlotName = 'primary' | 'secondary';

export interface SlotRecord {
  /** Bytes of the image; 0 for an empty slot. */
  bytes: number;
  /** Set only by defects: the boot loader believes it unseen. */
  trusted?: true;
  /** Number of the package that it came in, on the model that takes packages. */
  package?: number;
}

/** What the boot loader must know at the next start. */
export interface BootRecord {
  state: 'settled' | 'swap-test' | 'trial' | 'swap-revert';
  /** True while the secondary slot holds a verified image that nobody activated yet. */
  staged: boolean;
  primary: SlotRecord;
  secondary: SlotRecord;
  /** Never yet switched on since manufacture. */
  fresh?: true;
}

/** Each block is swapped in three idempotent phases, each marked by one byte when it is done. */
const PHASES = 3;
/** Behind the marks of the steps, and erased with them. */
const RESUMED_MARK = LAYOUT.progress.start + 0x100;

export class Slots {
  readonly flash: Flash;
  readonly #records: FlashJournal<BootRecord>;
  readonly #keys: readonly TrustedKey[];
  readonly #floor: SecurityFloor;
  readonly #defects: Defects;

  constructor(flash: Flash, keys: readonly TrustedKey[], floor: SecurityFloor, defects: Defects) {
    this.flash = flash;
    this.#records = new FlashJournal(flash, LAYOUT.bootRecords);
    this.#keys = keys;
    this.#floor = floor;
    this.#defects = defects;
  }

  get record(): BootRecord {
    const empty = {
      state: 'settled',
      staged: false,
      primary: { bytes: 0 },
      secondary: { bytes: 0 },
    } as const;
    return this.#records.newest ?? empty;
  }

  update(change: Partial<BootRecord>): void {
    const { fresh: _fresh, ...record } = this.record;
    this.#records.append({ ...record, ...change });
  }

  imageBytes(slot: SlotName): Buffer {
    return this.flash.read(LAYOUT[slot].start, Math.min(this.record[slot].bytes, SLOT_BYTES));
  }

  /** @returns undefined for an empty slot */
  verify(slot: SlotName): Verdict | undefined {
    const bytes = this.imageBytes(slot);
    if (bytes.length === 0) return undefined;
    if (this.record[slot].trusted === true) return believe(bytes);
    return this.verifyBytes(bytes, this.#defects.has('boot-ignores-counter') ? 0 : this.#floor.value);
  }

  /** @param floor below which counters are refused; that of the device unless told */
  verifyBytes(bytes: Buffer, floor: number = this.#floor.value): Verdict {
    return verifyImage(bytes, { keys: this.#keys, floor, defects: this.#defects });
  }

  /** Orders a swap for the next boot. The progress marks are erased before the record that makes them count. */
  requestSwap(state: 'swap-test' | 'swap-revert'): void {
    this.flash.erase(LAYOUT.progress.start);
    this.update({ state, staged: false });
  }

  get swapHasBegun(): boolean {
    return this.#doneSteps() > 0;
  }

  /** Only for the defect second-cut-bricks: whether a boot has resumed this swap before. */
  get swapWasResumed(): boolean {
    return this.flash.read(RESUMED_MARK, 1)[0] === 0;
  }

  markSwapResumed(): void {
    this.flash.program(RESUMED_MARK, Buffer.of(0));
  }

  /** Exchanges the slots, continuing where the marks say that an earlier boot was cut; then writes the record. */
  runSwap(next: 'trial' | 'settled'): void {
    const { primary, secondary } = this.record;
    const blocks = Math.ceil(Math.max(primary.bytes, secondary.bytes) / BLOCK_BYTES);
    for (let step = this.#doneSteps(); step < blocks * PHASES; step += 1) {
      this.#swapStep(Math.floor(step / PHASES) * BLOCK_BYTES, step % PHASES);
      this.flash.program(LAYOUT.progress.start + step, Buffer.of(0));
    }
    this.update({ state: next, primary: secondary, secondary: primary });
  }

  #swapStep(offset: number, phase: number): void {
    const [primary, secondary] = [LAYOUT.primary.start + offset, LAYOUT.secondary.start + offset];
    if (phase === 0) this.#copyBlock(secondary, LAYOUT.scratch.start);
    else if (phase === 1) this.#copyBlock(primary, secondary);
    else this.#copyBlock(LAYOUT.scratch.start, primary);
  }

  #copyBlock(from: number, to: number): void {
    this.flash.erase(to);
    for (let offset = 0; offset < BLOCK_BYTES; offset += PAGE_BYTES) {
      this.flash.program(to + offset, this.flash.read(from + offset, PAGE_BYTES));
    }
  }

  #doneSteps(): number {
    const marks = this.flash.read(LAYOUT.progress.start, (SLOT_BYTES / BLOCK_BYTES) * PHASES);
    const open = marks.indexOf(0xff);
    return open === -1 ? marks.length : open;
  }
}

/** What a boot loader that does not look still reads: the header, and the counter where there is one. */
export function believe(bytes: Buffer): Verdict {
  try {
    return { ok: true, version: parseHeader(bytes).version, counter: statedCounter(bytes) };
  } catch (error) {
    if (error instanceof ImageRefused) return { ok: false, reason: error.reason, detail: error.message };
    throw error;
  }
}

function statedCounter(bytes: Buffer): number {
  try {
    return parseImage(bytes, SLOT_BYTES).protectedTlvs.get(TLV.securityCounter)?.readUInt32LE(0) ?? 0;
  } catch {
    return 0;
  }
}
