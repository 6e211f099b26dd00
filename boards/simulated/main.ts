/** The simulated gateway SG-1: starts its backplane, which starts the device. See README.md beside this file. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Backplane } from './backplane.ts';
import { parseCommandLine, USAGE, type CommandLine } from './command-line.ts';
import { emit, serveControl } from './control-stdio.ts';
import { type DeviceOptions } from './device-options.ts';
import { manufacture } from './factory.ts';
import { choosePort } from './free-port.ts';
import { manufacturePackages } from './package/package-factory.ts';

const EXIT_USAGE = 64;

async function run(line: CommandLine): Promise<void> {
  const folder = line.flash === undefined ? mkdtempSync(join(tmpdir(), 'sg-1-')) : resolve(line.flash);
  const cleanUp = (): void => {
    if (line.flash === undefined) rmSync(folder, { recursive: true, force: true });
  };
  if (line.packages === undefined) manufacture(folder);
  else manufacturePackages(folder);
  const options: DeviceOptions = {
    flashFolder: folder,
    modbusPort: await choosePort(line.modbusPort),
    opcuaPort: line.opcuaPort === null ? null : await choosePort(line.opcuaPort),
    openedForTest: line.openedForTest,
    defects: line.defects,
    times: line.times,
    ...(line.packages === undefined ? {} : { packages: line.packages }),
    ...(line.opcuaScript === undefined ? {} : { opcuaScript: resolve(line.opcuaScript) }),
  };
  const controlled = line.control === 'stdio';
  const backplane = new Backplane(options, controlled ? machineListener : humanListener);
  const end = (): void => void backplane.close().then(() => process.exit(0));
  process.once('exit', () => {
    backplane.killDevice();
    cleanUp();
  });
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  if (controlled) serveControl(backplane, end);
  announce(backplane, options, controlled);
  if (!line.off) backplane.powerOn();
}

const machineListener = {
  deviceStarted: (pid: number) => emit({ event: 'device-start', pid }),
  deviceExited: (code: number | null, signal: string | null) => emit({ event: 'device-exit', code, signal }),
};

const humanListener = {
  deviceStarted: (pid: number) => console.log(`device started, process ${pid}`),
  deviceExited: (code: number | null, signal: string | null) =>
    console.log(`device ended: ${signal ?? `status ${code}`}`),
};

function announce(backplane: Backplane, options: DeviceOptions, controlled: boolean): void {
  const places = {
    console: backplane.pathOf('console'),
    rs485: backplane.pathOf('rs485'),
    maintenance: backplane.pathOf('maintenance') ?? null,
    modbusPort: options.modbusPort,
    opcuaPort: options.opcuaPort,
    flash: options.flashFolder,
  };
  if (controlled) return emit({ event: 'ready', ...places });
  console.log('SG-1, simulated gateway (Ctrl-C ends it)');
  for (const [name, place] of Object.entries(places)) console.log(`  ${name.padEnd(12)} ${place ?? 'none'}`);
  if (options.defects.length > 0) console.log(`  defects      ${options.defects.join(', ')}`);
}

try {
  await run(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exit(EXIT_USAGE);
}
