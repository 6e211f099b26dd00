/** The one setting of TR-1, kept in flash. */

import { type Flash } from '../flash.ts';
import { FlashJournal } from '../flash-journal.ts';
import { LAYOUT } from './layout.ts';

const FACTORY = { dampingMs: 200 } as const;

export class Configuration {
  readonly #journal: FlashJournal<{ dampingMs: number }>;

  constructor(flash: Flash) {
    this.#journal = new FlashJournal(flash, LAYOUT.configuration);
  }

  /** Time constant of the filter behind the sensor. */
  get dampingMs(): number {
    return (this.#journal.newest ?? FACTORY).dampingMs;
  }

  set dampingMs(dampingMs: number) {
    this.#journal.append({ dampingMs });
  }

  factoryReset(): void {
    this.#journal.append(FACTORY);
  }
}
