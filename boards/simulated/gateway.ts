/** The running device: its parts, put together after the boot loader has had its say. */

import { performance } from 'node:perf_hooks';
import { Alarms } from './alarms.ts';
import { type AuditLog } from './audit-log.ts';
import { type BootReport, type RunningImage } from './boot-loader.ts';
import { type Configuration } from './configuration.ts';
import { type Defects } from './defects.ts';
import { type DeviceTimes } from './device-options.ts';
import { type Commands } from './commands.ts';
import { versionText } from './mcuboot-image.ts';
import { type Packages } from './package/packages.ts';
import { ProcessValue } from './process-value.ts';
import { type SecurityFloor } from './security-floor.ts';
import { type Slots } from './slots.ts';
import { Updater } from './updater.ts';

export interface GatewayParts {
  slots: Slots;
  floor: SecurityFloor;
  log: AuditLog;
  defects: Defects;
  commands: Commands;
  configuration: Configuration;
  report: BootReport;
  times: DeviceTimes;
  /** On the model that takes packages in place of images. */
  packages?: Packages | undefined;
  /** Leaves the process with the status that asks the backplane for a restart. */
  reset: () => void;
}

export class Gateway {
  readonly log: AuditLog;
  readonly floor: SecurityFloor;
  readonly defects: Defects;
  /** Undefined in serial recovery. */
  readonly running: RunningImage | undefined;
  readonly updater: Updater;
  readonly alarms: Alarms;
  readonly commands: Commands;
  readonly process: ProcessValue;
  readonly slots: Slots;
  readonly configuration: Configuration;
  readonly packages: Packages | undefined;
  readonly reset: () => void;
  /** The OPC UA module, once the firmware runs and the model has one. */
  opcua: { fingerprint(then: (fingerprint: string | undefined) => void): void } | undefined;
  #hung = false;

  constructor(parts: GatewayParts) {
    this.log = parts.log;
    this.floor = parts.floor;
    this.defects = parts.defects;
    this.running = parts.report.running;
    this.reset = parts.reset;
    this.slots = parts.slots;
    this.configuration = parts.configuration;
    this.packages = parts.packages;
    this.commands = parts.commands;
    this.process = new ProcessValue(parts.defects, () => this.#hung);
    this.alarms = new Alarms(parts.log, parts.defects);
    this.updater = new Updater({
      ...parts,
      running: this.running,
      hang: () => this.hang(),
    });
  }

  /** Stops the firmware for good, as an image that hangs and some defects do. */
  hang(): void {
    this.#hung = true;
  }

  /** True once the firmware has stopped: nothing answers until a reset. */
  get hung(): boolean {
    return this.#hung;
  }

  get model(): 'SG-1' | 'SG-1P' {
    return this.packages === undefined ? 'SG-1' : 'SG-1P';
  }

  /** Version of what runs: the package's where it came in one; undefined in recovery. */
  get versionText(): string | undefined {
    if (this.running === undefined) return undefined;
    return this.packages?.versionText('primary', this.running.version) ?? versionText(this.running.version);
  }

  get uptimeMs(): number {
    return Math.round(performance.now());
  }

  /** Configuration to factory values; never the counter floor, never the last command counter. */
  factoryReset(): void {
    this.log.append('factory-reset', 'configuration', 'ok', 'configuration has factory values');
    this.configuration.factoryReset();
    this.commands.factoryReset();
    this.floor.factoryReset();
  }
}
