/** MicroPython on an emulated micro:bit: QEMU's process is the supply, the chip's UART the console. */

import { join, relative } from 'node:path';
import type { RunningDevice, ThirdPartyDevice } from '../device.ts';
import { PoweredProcess } from '../powered-process.ts';

const here = import.meta.dirname;
const firmware = '/usr/share/firmware-microbit-micropython/firmware.hex';

/** The machine without the monitor, which would share the console, and without what nobody looks at. */
const machine = ['-M', 'microbit', '-nodefaults', '-display', 'none', '-monitor', 'none', '-serial', 'stdio'];

export const device: ThirdPartyDevice = {
  name: 'microbit',
  title: 'MicroPython 1.9.2 (micro:bit 1.0.1) under QEMU',
  packages: ['firmware-microbit-micropython', 'qemu-system-arm'],
  needs: ['qemu-system-arm', firmware],
  boards: ['repl'],
  async start(_board, folder): Promise<RunningDevice> {
    const { supply, port } = await poweredMicrobit(join(folder, 'console'));
    return {
      environment: { DEVICE_FOLDER: relative(here, folder), DEVICE_SUPPLY_PORT: String(port) },
      close: () => supply.close(),
    };
  },
};

/** The device switched on, and the port of its supply's remote control. */
async function poweredMicrobit(consoleLink: string): Promise<{ supply: PoweredProcess; port: number }> {
  const supply = poweredMachine(consoleLink);
  const port = await supply.listen();
  supply.on();
  return { supply, port };
}

/** The device without power, for tests that hold the switch themselves. @param consoleLink where its tty is to be found */
export function poweredMachine(consoleLink: string): PoweredProcess {
  const command = ['qemu-system-arm', ...machine, '-device', `loader,file=${firmware}`] as const;
  return new PoweredProcess({ command: [...command] as [string, ...string[]], consoleLink });
}
