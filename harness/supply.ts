/** The supply of the device as the bench hands it out: every switching is recorded, and every driver told. */

import type { Power } from './capabilities.ts';
import { within } from './clock.ts';
import type { Driver } from './driver.ts';
import { BenchError, explain } from './errors.ts';
import type { Recorder } from './lifecycle/run.ts';

interface Surroundings {
  record: Recorder;
  drivers: () => ReadonlyMap<string, Driver>;
  switchWithinMs: number;
}

export class WatchedSupply implements Power {
  readonly precise: boolean;
  readonly #name: string;
  readonly #supply: Power;
  readonly #around: Surroundings;
  /** Off, or unknown since a switching failed: a silent device proves nothing then. */
  #state: 'on' | 'off' | 'in doubt' = 'on';
  /** The switching under way: the next one waits for it, so that the last one asked for is the last one done. */
  #underWay: Promise<unknown> = Promise.resolve();
  #atRest = false;

  constructor(name: string, supply: Power, around: Surroundings) {
    this.#name = name;
    this.#supply = supply;
    this.#around = around;
    this.precise = supply.precise;
  }

  async off(): Promise<{ atMs: number }> {
    this.#mustNotRest();
    return this.#off();
  }

  async on(): Promise<{ atMs: number }> {
    this.#mustNotRest();
    return this.#on();
  }

  /**
   * The last switching of a run. From here on nobody else switches: a case that was interrupted goes on until it next
   * waits for something, and would bring a device back that was put into its safe state.
   */
  async rest(as: 'on' | 'off' | 'leave'): Promise<void> {
    this.#atRest = true;
    if (as === 'off') await this.#off();
    if (as === 'on') await this.#on();
  }

  #mustNotRest(): void {
    if (!this.#atRest) return;
    throw new BenchError(
      'supply-at-rest',
      `the run has ended: the supply ${this.#name} is no longer switched`,
    );
  }

  #off(): Promise<{ atMs: number }> {
    return this.#inTurn(() => {
      this.#tell(false); // before the cut, so that no driver mistakes it for a loss
      return this.#switch('off');
    });
  }

  #on(): Promise<{ atMs: number }> {
    return this.#inTurn(async () => {
      const done = await this.#switch('on');
      this.#tell(true);
      return done;
    });
  }

  /** @throws BenchError when the supply is off, or nobody knows */
  mustBeOn(): void {
    if (this.#state === 'on') return;
    throw new BenchError('no-supply', `the supply ${this.#name} is ${this.#state}`, {
      hint: 'Switch it on; until then the device’s silence means nothing.',
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#underWay.then(work);
    this.#underWay = done.catch(() => undefined);
    return done;
  }

  async #switch(to: 'on' | 'off'): Promise<{ atMs: number }> {
    const { record, switchWithinMs } = this.#around;
    const entry = { action: `power ${to}`, wire: this.#name };
    this.#state = 'in doubt';
    try {
      const work = this.#supply[to]();
      const done = await within(work, switchWithinMs, `switching ${to} the supply ${this.#name}`);
      this.#state = to;
      record.append('bench', { ...entry, ok: true });
      return done;
    } catch (error) {
      record.append('bench', { ...entry, ok: false, detail: explain(error) });
      throw error;
    }
  }

  #tell(on: boolean): void {
    for (const [wire, driver] of this.#around.drivers()) {
      try {
        driver.devicePowerChanged?.(on);
      } catch (error) {
        // One driver's trouble must keep neither the others uninformed nor the supply as it is.
        const action = `told of power ${on ? 'on' : 'off'}`;
        this.#around.record.append('bench', { action, wire, ok: false, detail: explain(error) });
      }
    }
  }
}
