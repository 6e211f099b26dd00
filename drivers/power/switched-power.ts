/** What the power drivers without a connection of their own have in common: life cycle, and one switch at a time. */

import type { Power } from '../../harness/capabilities.ts';
import type { Driver, DriverContext, DriverState } from '../../harness/driver.ts';
import { DriverError } from '../../harness/errors.ts';

export abstract class SwitchedPower implements Driver {
  abstract readonly kind: string;
  readonly name: string;
  protected readonly context: DriverContext;
  #state: DriverState = 'closed';
  #last: Promise<unknown> = Promise.resolve();
  /** Ends whatever a switch is waiting for, when the driver is closed. */
  #closing = new AbortController();

  constructor(context: DriverContext) {
    this.name = context.name;
    this.context = context;
  }

  /** Checks that our own end is in order. @throws BenchError when not */
  protected abstract prepare(): Promise<void>;
  /** Switches, and resolves when that is confirmed as far as this means can tell. */
  protected abstract switchTo(on: boolean, closing: AbortSignal): Promise<{ atMs: number }>;

  get state(): DriverState {
    return this.#state;
  }

  async open(): Promise<void> {
    if (this.#state !== 'closed') {
      throw new DriverError('not-closed', `${this.name}: open() in state ${this.#state}`, {
        hint: 'Close the wire first.',
      });
    }
    await this.prepare();
    this.#closing = new AbortController();
    this.#state = 'open';
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#closing.abort();
    await this.#last.catch(() => undefined);
  }

  async selfTest(): Promise<void> {
    this.requireOpen();
    await this.prepare();
  }

  readonly power: Power = {
    precise: false,
    off: () => this.#inTurn(false),
    on: () => this.#inTurn(true),
  };

  protected requireOpen(): void {
    if (this.#state === 'open') return;
    throw new DriverError('not-open', `${this.name}: the power driver is ${this.#state}`, {
      hint: 'Open the wire first.',
    });
  }

  async #inTurn(on: boolean): Promise<{ atMs: number }> {
    this.requireOpen();
    const turn = this.#last
      .catch(() => undefined)
      .then(() => {
        this.requireOpen();
        return this.switchTo(on, this.#closing.signal);
      });
    this.#last = turn;
    const done = await turn;
    this.context.wire.event(`supply switched ${on ? 'on' : 'off'}`);
    return done;
  }
}
