/** The running device: its parts, put together after the boot loader has had its say. */

import { performance } from 'node:perf_hooks';
import { type AuditLog } from '../audit-log.ts';
import { FAITHFUL } from '../defects.ts';
import { type OtpCounter } from '../otp.ts';
import { ProcessValue } from '../process-value.ts';
import { type RunningImage } from './boot-loader.ts';
import { type Configuration } from './configuration.ts';
import { type Updater } from './updater.ts';

export interface TransmitterParts {
  /** Undefined in recovery. */
  running: RunningImage | undefined;
  updater: Updater;
  floor: OtpCounter;
  log: AuditLog;
  configuration: Configuration;
  /** Leaves the process with the status that asks the backplane for a restart. */
  reset: () => void;
}

export class Transmitter {
  readonly running: RunningImage | undefined;
  readonly updater: Updater;
  readonly floor: OtpCounter;
  readonly log: AuditLog;
  readonly configuration: Configuration;
  readonly process: ProcessValue;
  readonly #reset: () => void;
  #resetting = false;

  constructor(parts: TransmitterParts) {
    this.running = parts.running;
    this.updater = parts.updater;
    this.floor = parts.floor;
    this.log = parts.log;
    this.configuration = parts.configuration;
    this.process = new ProcessValue(FAITHFUL, () => false);
    this.#reset = parts.reset;
  }

  /** True from the order to restart on: nothing is answered any more, so that no answer is of before. */
  get resetting(): boolean {
    return this.#resetting;
  }

  get uptimeMs(): number {
    return Math.round(performance.now());
  }

  /** To be followed by {@link reset} once the answer has left. */
  orderReset(): void {
    this.#resetting = true;
  }

  resetIfOrdered(): void {
    if (this.#resetting) this.#reset();
  }

  /** The configuration to factory values; never the counter floor. */
  factoryReset(): void {
    this.log.append('factory-reset', 'configuration', 'ok', 'configuration has factory values');
    this.configuration.factoryReset();
  }
}
