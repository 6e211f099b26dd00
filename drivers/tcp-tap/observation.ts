/** How the device met replayed bytes: collected until it is quiet, closes, or time is up. */

import type { ReplayOutcome } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import type { DeviceWatcher } from './connection.ts';

/**
 * Starts when it is made, right after the last byte was sent.
 *
 * `closed` outweighs `answered`: a device may say why before it hangs up (an OPC UA Error message), and that is no
 * acceptance. `answered` is settled when nothing more came for `quietMs`. `elapsedMs` runs to the first byte
 * received, to the close, or to the end of the time.
 */
export class Observation implements DeviceWatcher {
  readonly #startedAtMs = monotonicMs();
  readonly #quietMs: number;
  readonly #received: Uint8Array[] = [];
  readonly #whole: NodeJS.Timeout;
  readonly outcome: Promise<ReplayOutcome>;
  #settle: (outcome: ReplayOutcome) => void = () => undefined;
  #fail: (reason: Error) => void = () => undefined;
  #quiet: NodeJS.Timeout | undefined;
  #firstAtMs: number | undefined;

  constructor(options: { withinMs: number; quietMs: number }) {
    this.#quietMs = options.quietMs;
    this.outcome = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    this.#whole = setTimeout(() => this.#timeIsUp(), options.withinMs);
  }

  bytes(bytes: Uint8Array): void {
    this.#firstAtMs ??= monotonicMs();
    this.#received.push(bytes);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#timeIsUp(), this.#quietMs);
  }

  closed(): void {
    this.#end('closed');
  }

  /** Gives up: the tap was closed or lost. */
  abort(reason: Error): void {
    this.#clear();
    this.#fail(reason);
  }

  #timeIsUp(): void {
    this.#end(this.#received.length > 0 ? 'answered' : 'silent');
  }

  #end(connection: ReplayOutcome['connection']): void {
    this.#clear();
    const endMs = connection === 'answered' ? (this.#firstAtMs ?? monotonicMs()) : monotonicMs();
    const received = Buffer.concat(this.#received);
    this.#settle({ connection, received, elapsedMs: endMs - this.#startedAtMs });
  }

  #clear(): void {
    clearTimeout(this.#whole);
    clearTimeout(this.#quiet);
  }
}
