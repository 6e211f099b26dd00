/** Entry of the device process: boot loader first, then the firmware. */

import { join } from 'node:path';
import { AuditLog } from '../audit-log.ts';
import { FAITHFUL } from '../defects.ts';
import { RESET_STATUS, UART } from '../device-options.ts';
import { Flash } from '../flash.ts';
import { openUart } from '../line-port.ts';
import { serveModbusRtu } from '../modbus-rtu.ts';
import { OtpCounter } from '../otp.ts';
import { boot } from './boot-loader.ts';
import { Configuration } from './configuration.ts';
import { TransmitterConsole } from './console.ts';
import { defectNamed } from './defects.ts';
import { FILES, type TransmitterOptions } from './layout.ts';
import { TransmitterUnit } from './modbus-unit.ts';
import { Store } from './store.ts';
import { Transmitter } from './transmitter.ts';
import { loadTrustedKeys } from './trusted-keys.ts';
import { Updater } from './updater.ts';

function start(options: TransmitterOptions): void {
  const noSupply = (): never => process.exit(0);
  const rs485 = openUart(UART.rs485, noSupply);
  const console = new TransmitterConsole(openUart(UART.console, noSupply));
  const defects = new Set(options.defects.map(defectNamed));
  const flash = new Flash(join(options.flashFolder, FILES.flash));
  const floor = new OtpCounter(join(options.flashFolder, FILES.otp));
  const log = new AuditLog(join(options.flashFolder, FILES.log), FAITHFUL);
  const keys = loadTrustedKeys();
  const store = new Store(flash, () => ({ keys, floor: floor.value, defects }));
  const running = boot({ store, floor, log, defects, print: (line) => console.print(line) });
  const device = new Transmitter({
    running,
    updater: new Updater({ store, log, defects }),
    floor,
    log,
    configuration: new Configuration(flash),
    reset: () => process.exit(RESET_STATUS),
  });
  console.serve(device);
  if (running === undefined) return console.print('TR-1 recovery');
  serveModbusRtu(rs485, new TransmitterUnit(device, store));
  console.print(`TR-1 ${running.version} ready`);
}

start(JSON.parse(process.argv[2] ?? '{}') as TransmitterOptions);
