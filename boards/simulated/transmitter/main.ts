/** The simulated transmitter TR-1: starts its backplane, which starts the device. See README.md beside this file. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Backplane } from '../backplane.ts';
import { emit, serveControl } from '../control-stdio.ts';
import { defectNamed } from './defects.ts';
import { manufacture } from './factory.ts';
import { type TransmitterOptions } from './layout.ts';

const EXIT_USAGE = 64;
const USAGE = `usage: simulated-transmitter [--flash DIR] [--defect NAME]... [--control stdio] [--off]
       (see boards/simulated/transmitter/README.md)`;

interface CommandLine {
  flash: string | undefined;
  defects: readonly string[];
  controlled: boolean;
  off: boolean;
}

/** @throws Error with one sentence that says what is wrong */
function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({
    args: [...args],
    options: {
      flash: { type: 'string' },
      defect: { type: 'string', multiple: true, default: [] },
      control: { type: 'string' },
      off: { type: 'boolean', default: false },
    },
  });
  if (values.control !== undefined && values.control !== 'stdio') {
    throw new Error(`--control ${values.control}: only "stdio" is there`);
  }
  return {
    flash: values.flash,
    defects: values.defect.map(defectNamed),
    controlled: values.control === 'stdio',
    off: values.off,
  };
}

function run({ flash, defects, controlled, off }: CommandLine): void {
  const folder = flash === undefined ? mkdtempSync(join(tmpdir(), 'tr-1-')) : resolve(flash);
  manufacture(folder);
  const options: TransmitterOptions = { flashFolder: folder, openedForTest: false, defects };
  const listener = controlled ? machineListener : humanListener;
  const backplane = new Backplane(options, listener, 'transmitter/device');
  const end = (): void => void backplane.close().then(() => process.exit(0));
  process.once('exit', () => {
    backplane.killDevice();
    if (flash === undefined) rmSync(folder, { recursive: true, force: true });
  });
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  if (controlled) serveControl(backplane, end);
  announce(backplane, options, controlled);
  if (!off) backplane.powerOn();
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

function announce(backplane: Backplane, options: TransmitterOptions, controlled: boolean): void {
  const wires = { console: backplane.pathOf('console'), rs485: backplane.pathOf('rs485') };
  const absent = { maintenance: null, modbusPort: null, opcuaPort: null };
  if (controlled) return emit({ event: 'ready', ...wires, ...absent, flash: options.flashFolder });
  console.log('TR-1, simulated transmitter (Ctrl-C ends it)');
  for (const [name, place] of Object.entries({ ...wires, flash: options.flashFolder })) {
    console.log(`  ${name.padEnd(12)} ${place}`);
  }
  if (options.defects.length > 0) console.log(`  defects      ${options.defects.join(', ')}`);
}

try {
  run(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exit(EXIT_USAGE);
}
