/** The serial driver at the console of a micro:bit, both made for one test and gone with it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchError } from '../../../harness/errors.ts';
import { testContext } from '../../../drivers/driver-contract.ts';
import type { SerialConsole } from '../../../drivers/serial/console.ts';
import { SerialDriver } from '../../../drivers/serial/serial-driver.ts';
import { serialSettings } from '../../../drivers/serial/settings.ts';
import type { PoweredProcess } from '../powered-process.ts';
import { poweredMachine } from './device.ts';

/** Half a second on an idle machine; this long on one that is busy with everything else. */
export const bootsWithinMs = 60_000;
/** A line's answer comes within milliseconds; this long on a busy machine. */
export const answersWithinMs = 20_000;

/** The banner, from the first byte that the chip's UART sends: a NUL. */
export const banner =
  /^\0MicroPython v1\.9\.2\S* on 2017-09-01; micro:bit v1\.0\.1 with nRF51822\r\nType "help\(\)" for more information\.\r\n>>> $/;

export interface ReplBench {
  supply: PoweredProcess;
  driver: SerialDriver;
  console: SerialConsole;
  losses: readonly BenchError[];
  logged: { sent: number; received: number };
  /** Pulls the plug of the console, or the device's death with its tty. */
  unplug(): Promise<void>;
  /** Another device at the same place, booted. */
  plug(): Promise<void>;
  dispose(): Promise<void>;
}

/** What the board file says of the wire, too. */
const wire = { baudRate: 115200, lineEnding: 'cr', echo: true, prompt: '>>> ', answerEnd: '^>>> $' };

/** A device that waits at its prompt, and a driver that is not open yet. */
export async function makeReplBench(settings: Record<string, unknown> = {}): Promise<ReplBench> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-microbit-'));
  const path = join(folder, 'console');
  const { context, losses, logged } = testContext();
  const driver = new SerialDriver(serialSettings.parse({ path, ...wire, ...settings }), context);
  let supply = poweredMachine(path);
  const dispose = async (): Promise<void> => {
    await driver.close();
    await supply.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const plug = async (): Promise<void> => {
    supply = poweredMachine(path);
    await boot(path, supply);
  };
  try {
    await boot(path, supply);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    get supply() {
      return supply;
    },
    driver,
    console: driver.console,
    losses,
    logged,
    unplug: () => supply.close(),
    plug,
    dispose,
  };
}

/** The same, open and with nothing unread; gone when the work has ended, well or not. */
export async function withRepl(
  work: (bench: ReplBench) => Promise<void>,
  settings?: Record<string, unknown>,
): Promise<void> {
  const bench = await makeReplBench(settings);
  try {
    await bench.driver.open();
    await work(bench);
  } finally {
    await bench.dispose();
  }
}

/** Switches it on and waits for its prompt, with a driver of its own. */
async function boot(path: string, supply: PoweredProcess): Promise<void> {
  const witness = new SerialDriver(serialSettings.parse({ path }), testContext().context);
  try {
    await witness.open();
    supply.on();
    await witness.console.expect(/>>> $/, { withinMs: bootsWithinMs });
  } finally {
    await witness.close();
  }
}
