/** The serial driver: loaded when a board file names it, since it loads serialport. */

import type { AnyAdapterModule, DriverModule } from '../../harness/driver.ts';
import { consoleAlarmAdapter } from './adapters/console-alarm.ts';
import { consoleAuditAdapter } from './adapters/console-audit.ts';
import { consoleClockAdapter } from './adapters/console-clock.ts';
import { consoleCommandAdapter } from './adapters/console-command.ts';
import { consoleIdentityAdapter } from './adapters/console-identity.ts';
import { consolePatternAdapter } from './adapters/console-pattern.ts';
import { sRecordAdapter } from './adapters/s-record.ts';
import { ymodemAdapter } from './adapters/ymodem.ts';
import { SerialDriver } from './serial-driver.ts';
import { spec, type SerialSettings } from './settings.ts';

export { SerialConsole } from './console.ts';
export { SerialDriver } from './serial-driver.ts';
export { ask, listen, serialConsole } from './conversation.ts';

const adapters: readonly AnyAdapterModule[] = [
  consolePatternAdapter,
  consoleIdentityAdapter,
  consoleCommandAdapter,
  consoleClockAdapter,
  ymodemAdapter,
  sRecordAdapter,
  consoleAlarmAdapter,
  consoleAuditAdapter,
];

export const module: DriverModule<SerialSettings> = {
  kind: spec.kind,
  summary: spec.summary,
  create: (settings, context) => new SerialDriver(settings, context),
  adapters,
};
