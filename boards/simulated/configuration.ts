/** The device's configuration: one record in flash, watched by the integrity monitor. */

import { createHash } from 'node:crypto';
import { LAYOUT, type Flash } from './flash.ts';
import { FlashJournal } from './flash-journal.ts';

interface Settings {
  unitId: number;
  serial: string;
  highPressureMilliBar: number;
}

const FACTORY: Settings = { unitId: 17, serial: '19200 8E1', highPressureMilliBar: 6000 };

export class Configuration {
  readonly #flash: Flash;

  /** True when what stood there was no whole record, and factory values have replaced it. */
  readonly repaired: boolean;

  /** Writes factory values where there is no whole record. */
  constructor(flash: Flash) {
    this.#flash = flash;
    const { start, bytes } = LAYOUT.configuration;
    const missing = new FlashJournal<Settings>(flash, LAYOUT.configuration).newest === undefined;
    this.repaired = missing && !flash.read(start, bytes).every((byte) => byte === 0xff);
    if (missing) this.factoryReset();
  }

  factoryReset(): void {
    this.#flash.erase(LAYOUT.configuration.start, LAYOUT.configuration.bytes);
    new FlashJournal<Settings>(this.#flash, LAYOUT.configuration).append(FACTORY);
  }

  /** SHA-256 of the flash region. */
  digest(): string {
    const bytes = this.#flash.read(LAYOUT.configuration.start, LAYOUT.configuration.bytes);
    return createHash('sha256').update(bytes).digest('hex');
  }

  /** For the maintenance port. */
  corrupt(): void {
    // A digit of the record's text, behind its 8-byte header.
    this.#flash.corrupt(LAYOUT.configuration.start + 20, 0x01);
  }
}
