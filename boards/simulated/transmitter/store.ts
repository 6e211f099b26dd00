/** The slot, the staging area beside it, the boot record that says what is in them, and the copy between them. */

import { BLOCK_BYTES, type Flash, PAGE_BYTES } from '../flash.ts';
import { FlashJournal } from '../flash-journal.ts';
import { believe, verifyImage, type Verdict, type VerifierPolicy } from './image-verifier.ts';
import { LAYOUT, SLOT_BYTES } from './layout.ts';

export type Place = 'slot' | 'staging';

interface Held {
  /** Bytes of the image; 0 for none. */
  bytes: number;
  /** Set only by defects: the boot loader believes it unseen. */
  trusted?: true;
}

/** What the boot loader must know at the next start. */
export interface BootRecord {
  /** `copying`: what is staged goes into the slot, now or where an earlier boot was cut. */
  state: 'settled' | 'copying';
  slot: Held;
  /** `received` and not accepted; `verified` and waiting for its activation; `installed`: a copy of what runs. */
  staging: Held & { status: 'empty' | 'received' | 'verified' | 'installed' };
}

const EMPTY = { bytes: 0, status: 'empty' } as const;

export class Store {
  readonly flash: Flash;
  readonly #records: FlashJournal<BootRecord>;
  readonly #policy: () => VerifierPolicy;

  /** @param policy asked at each verification, since the floor rises */
  constructor(flash: Flash, policy: () => VerifierPolicy) {
    this.flash = flash;
    this.#records = new FlashJournal(flash, LAYOUT.bootRecords);
    this.#policy = policy;
  }

  get record(): BootRecord {
    return this.#records.newest ?? { state: 'settled', slot: { bytes: 0 }, staging: EMPTY };
  }

  update(change: Partial<BootRecord>): void {
    this.#records.append({ ...this.record, ...change });
  }

  emptyStaging(): void {
    if (this.record.staging.bytes > 0) this.update({ staging: EMPTY });
  }

  /** Appends to what is being received. Blocks are erased as they are reached. */
  stage(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const address = LAYOUT.staging.start + offset + done;
      if (address % BLOCK_BYTES === 0) this.flash.erase(address);
      const part = bytes.subarray(done, done + BLOCK_BYTES - (address % BLOCK_BYTES));
      this.flash.program(address, part);
      done += part.length;
    }
  }

  imageBytes(place: Place): Buffer {
    return this.flash.read(LAYOUT[place].start, Math.min(this.record[place].bytes, SLOT_BYTES));
  }

  /** @returns undefined where there is nothing */
  verify(place: Place): Verdict | undefined {
    const { bytes, trusted } = this.record[place];
    if (bytes === 0) return undefined;
    return trusted === true ? believe(this.imageBytes(place)) : this.verifyBytes(this.imageBytes(place));
  }

  verifyBytes(bytes: Buffer): Verdict {
    return verifyImage(bytes, this.#policy());
  }

  /** Orders the copy for the next boot. The marks are erased before the record that makes them count. */
  orderCopy(): void {
    this.flash.erase(LAYOUT.progress.start);
    this.update({ state: 'copying' });
  }

  get copyHasBegun(): boolean {
    return this.#doneBlocks() > 0;
  }

  /** Copies block by block, each marked by one byte when it is done, from where an earlier boot was cut. */
  copyToSlot(): void {
    const { status: _, ...held } = this.record.staging;
    const blocks = Math.ceil(held.bytes / BLOCK_BYTES);
    for (let block = this.#doneBlocks(); block < blocks; block += 1) {
      this.#copyBlock(block * BLOCK_BYTES);
      this.flash.program(LAYOUT.progress.start + block, Buffer.of(0));
    }
    this.update({ state: 'settled', slot: held, staging: { ...held, status: 'installed' } });
  }

  #copyBlock(offset: number): void {
    const [from, to] = [LAYOUT.staging.start + offset, LAYOUT.slot.start + offset];
    this.flash.erase(to);
    for (let done = 0; done < BLOCK_BYTES; done += PAGE_BYTES) {
      this.flash.program(to + done, this.flash.read(from + done, PAGE_BYTES));
    }
  }

  #doneBlocks(): number {
    const marks = this.flash.read(LAYOUT.progress.start, SLOT_BYTES / BLOCK_BYTES);
    const open = marks.indexOf(0xff);
    return open === -1 ? marks.length : open;
  }
}
