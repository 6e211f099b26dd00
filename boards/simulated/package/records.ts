/**
 * What the packages in the two slots say of themselves, in flash. The boot record names them by number, so that they
 * follow their firmware through swap, revert and power cut.
 */

import { LAYOUT, type Flash } from '../flash.ts';
import { FlashJournal } from '../flash-journal.ts';

export interface PackageFacts {
  /** Undefined for a package without one, which only a defect lets in. */
  version?: string;
  sequence: number;
  /** Versions of the components. */
  firmware: string;
  parameters: string;
}

/** Longest texts of which two packages fit one page of flash. */
export const LONGEST = { version: 20, component: 12 } as const;

type Facts = Readonly<Record<string, PackageFacts>>;

export class PackageRecords {
  readonly #journal: FlashJournal<Facts>;

  constructor(flash: Flash) {
    this.#journal = new FlashJournal(flash, LAYOUT.packageRecords);
  }

  /** @param number as a slot names it */
  find(number: number | undefined): PackageFacts | undefined {
    return number === undefined ? undefined : this.#all[number];
  }

  /**
   * Writes down a package. @returns its number
   *
   * @param keep the number of the one that is installed; all others are forgotten
   */
  add(facts: PackageFacts, keep: number | undefined): number {
    const number = 1 + Math.max(0, ...Object.keys(this.#all).map(Number));
    const kept = this.find(keep);
    this.#journal.append({
      ...(kept === undefined || keep === undefined ? {} : { [keep]: kept }),
      [number]: facts,
    });
    return number;
  }

  get #all(): Facts {
    return this.#journal.newest ?? {};
  }
}
