/**
 * The clock by which packages and certificates age. It keeps its setting over restarts; unset, it begins at 1970 at each
 * start.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** `auto`: the host's time; a number: milliseconds by which the clock is ahead of it. */
type ClockSetting = 'auto' | 'unset' | number;

export class DeviceClock {
  readonly #path: string;
  readonly #startedMs = Date.now();
  #setting: ClockSetting;

  /** @param path file of the setting; it need not be there */
  constructor(path: string) {
    this.#path = path;
    this.#setting = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ClockSetting) : 'auto';
  }

  get isSet(): boolean {
    return this.#setting !== 'unset';
  }

  get now(): Date {
    if (this.#setting === 'unset') return new Date(Date.now() - this.#startedMs);
    return new Date(Date.now() + (this.#setting === 'auto' ? 0 : this.#setting));
  }

  /** `2027-01-01T00:00:00Z`, `unset` or `auto`. @returns false when it is none of these */
  set(text: string): boolean {
    const wanted = text === 'auto' || text === 'unset' ? text : aheadMs(text);
    if (wanted === undefined) return false;
    this.#setting = wanted;
    writeFileSync(this.#path, JSON.stringify(wanted));
    return true;
  }
}

function aheadMs(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at - Date.now();
}
