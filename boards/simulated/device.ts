/** Entry of the device process: boot loader first, then the firmware. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuditLog } from './audit-log.ts';
import { boot } from './boot-loader.ts';
import { Commands } from './commands.ts';
import { SerialConsole } from './console.ts';
import { RESET_STATUS, UART, type DeviceOptions } from './device-options.ts';
import { FILES } from './factory.ts';
import { Flash, LAYOUT } from './flash.ts';
import { FlashJournal } from './flash-journal.ts';
import { Gateway } from './gateway.ts';
import { openUart } from './line-port.ts';
import { shortVersion } from './mcuboot-image.ts';
import { serveModbusRtu } from './modbus-rtu.ts';
import { serveModbusTcp } from './modbus-tcp.ts';
import { ModbusUnit } from './modbus-unit.ts';
import { dataPath } from './paths.ts';
import { SecurityFloor } from './security-floor.ts';
import { Slots, type BootRecord } from './slots.ts';
import { loadTrustedKeys } from './trusted-keys.ts';

function start(options: DeviceOptions): void {
  const defects = new Set(options.defects);
  const noSupply = (): never => process.exit(0);
  const console = new SerialConsole(openUart(UART.console, noSupply));
  const rs485 = openUart(UART.rs485, noSupply);
  const flash = new Flash(join(options.flashFolder, FILES.flash));
  const fresh = new FlashJournal<BootRecord>(flash, LAYOUT.bootRecords).newest?.fresh === true;
  const floor = new SecurityFloor(join(options.flashFolder, FILES.otp), defects, fresh);
  const slots = new Slots(flash, loadTrustedKeys(), floor, defects);
  const log = new AuditLog(join(options.flashFolder, FILES.log), defects);
  const report = boot({ slots, floor, log, defects, print: (line) => console.print(line) });
  if (fresh) slots.update({});
  if (report.outcome === 'dead') return;
  const key = readFileSync(dataPath('keys', 'commands.key'));
  const commands = new Commands({ flash, log, defects, key });
  const reset = (): never => process.exit(RESET_STATUS);
  const gateway = new Gateway({ slots, floor, log, defects, commands, report, reset });
  console.serve(gateway);
  for (const { object, text } of report.alarms) gateway.alarms.raise(object, text);
  if (gateway.running === undefined) return console.print('SG-1 recovery');
  const ready = `SG-1 ${shortVersion(gateway.running.version)} ready`;
  const unit = new ModbusUnit(gateway);
  serveModbusRtu(rs485, unit);
  serveModbusTcp(options.modbusPort, unit, () => console.print(ready));
}

start(JSON.parse(process.argv[2] ?? '{}') as DeviceOptions);
