/** Entry of the device process: boot loader first, then the firmware. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuditLog } from './audit-log.ts';
import { boot } from './boot-loader.ts';
import { Commands, loadCommandKey } from './commands.ts';
import { Configuration } from './configuration.ts';
import { SerialConsole } from './console.ts';
import { RESET_STATUS, UART, type DeviceOptions } from './device-options.ts';
import { FILES } from './factory.ts';
import { Flash, LAYOUT } from './flash.ts';
import { FlashJournal } from './flash-journal.ts';
import { Gateway } from './gateway.ts';
import { IntegrityMonitor } from './integrity-monitor.ts';
import { openUart, type SerialPort } from './line-port.ts';
import { MaintenancePort, type MaintenanceParts } from './maintenance.ts';
import { shortVersion } from './mcuboot-image.ts';
import { serveModbusRtu } from './modbus-rtu.ts';
import { serveModbusTcp } from './modbus-tcp.ts';
import { ModbusUnit } from './modbus-unit.ts';
import { OpcuaModule } from './opcua-module.ts';
import { Packages } from './package/packages.ts';
import { ProcessList } from './process-list.ts';
import { behave } from './behaviour.ts';
import { SecurityFloor } from './security-floor.ts';
import { Slots, type BootRecord } from './slots.ts';
import { limitTrial } from './trial-limit.ts';
import { loadTrustedKeys } from './trusted-keys.ts';

interface Uarts {
  console: SerialPort;
  rs485: SerialPort;
  maintenance: SerialPort;
}

/** What every start needs, whatever the boot loader finds. */
function powerUp(options: DeviceOptions, console: SerialConsole, reset: () => void): Gateway | undefined {
  const defects = new Set(options.defects);
  const flash = new Flash(join(options.flashFolder, FILES.flash));
  const fresh = new FlashJournal<BootRecord>(flash, LAYOUT.bootRecords).newest?.fresh === true;
  const floor = new SecurityFloor(join(options.flashFolder, FILES.otp), defects, fresh);
  const slots = new Slots(flash, loadTrustedKeys(defects), floor, defects);
  const log = new AuditLog(join(options.flashFolder, FILES.log), defects);
  const report = boot({ slots, floor, log, defects, print: (line) => console.print(line) });
  if (report.outcome === 'dead') return undefined;
  if (fresh) slots.update({}); // no longer fresh
  const commands = new Commands({ flash, log, defects, key: loadCommandKey() });
  const configuration = new Configuration(flash);
  const packages = options.packages && new Packages(options.packages, options.flashFolder, slots, defects);
  const gateway = new Gateway({
    ...{ slots, floor, log, defects, commands, configuration, report, packages, reset },
    times: options.times,
  });
  console.serve(gateway);
  if (configuration.repaired) gateway.alarms.raise('configuration', 'was altered; has factory values again');
  for (const { object, text } of report.alarms) gateway.alarms.raise(object, text);
  return gateway;
}

/** The firmware's own work: only with a verified image. */
function run(gateway: Gateway, options: DeviceOptions, uarts: Uarts, onReady: () => void): Firmware {
  const memory = Buffer.from(gateway.running?.bytes ?? Buffer.alloc(0));
  const executablePath = join(options.flashFolder, FILES.executable);
  writeFileSync(executablePath, memory);
  const processes = new ProcessList();
  const { configuration, alarms, defects } = gateway;
  const monitor = new IntegrityMonitor({ memory, executablePath, configuration, processes }, alarms, defects);
  monitor.start();
  monitor.startWatchdog();
  let left = options.opcuaPort === null ? 1 : 2;
  const listening = (): void => {
    left -= 1;
    if (left === 0) onReady();
  };
  const unit = new ModbusUnit(gateway);
  serveModbusRtu(uarts.rs485, unit);
  serveModbusTcp(options.modbusPort, unit, listening);
  const opcua = startOpcua(gateway, processes, options, listening);
  gateway.opcua = opcua;
  return { runtime: { monitor, processes, memory, executablePath }, opcua };
}

interface Firmware {
  runtime: NonNullable<MaintenanceParts['runtime']>;
  opcua: OpcuaModule | undefined;
}

function startOpcua(
  gateway: Gateway,
  processes: ProcessList,
  options: DeviceOptions,
  listening: () => void,
): OpcuaModule | undefined {
  if (options.opcuaPort === null) return undefined;
  const stateDir = join(options.flashFolder, FILES.opcua);
  const script = options.opcuaScript === undefined ? {} : { script: options.opcuaScript };
  return new OpcuaModule(
    gateway,
    processes,
    { publicPort: options.opcuaPort, times: options.times, stateDir, ...script },
    listening,
  );
}

/** A trial that is the device's first sign of life after an update. */
function afterUpdate(gateway: Gateway): void {
  if (gateway.defects.has('alarm-on-update') && gateway.updater.confirmation === 'trial') {
    gateway.alarms.raise('code', 'the executable differs from the verified image');
  }
}

function start(options: DeviceOptions): void {
  const noSupply = (): never => process.exit(0);
  const uarts: Uarts = {
    console: openUart(UART.console, noSupply),
    rs485: openUart(UART.rs485, noSupply),
    maintenance: openUart(UART.maintenance, noSupply),
  };
  const console = new SerialConsole(uarts.console);
  let firmware: Firmware | undefined;
  const reset = (): never => {
    firmware?.opcua?.kill();
    process.exit(RESET_STATUS);
  };
  const gateway = powerUp(options, console, reset);
  if (gateway === undefined) return;
  const { running, configuration, slots } = gateway;
  if (running === undefined) console.print('SG-1 recovery');
  else {
    firmware = run(gateway, options, uarts, () => {
      console.print(`SG-1 ${shortVersion(running.version)} ready`);
      afterUpdate(gateway);
    });
    behave(running.bytes, gateway, options.times.watchdogMs);
    limitTrial(gateway, options.times.confirmWithinMs);
  }
  if (!options.openedForTest) return;
  const { runtime } = firmware ?? {};
  const parts = { port: uarts.maintenance, gateway, slots, configuration };
  new MaintenancePort(runtime === undefined ? parts : { ...parts, runtime });
}

start(JSON.parse(process.argv[2] ?? '{}') as DeviceOptions);
