/** U-Boot under QEMU: `prepare` makes it; QEMU's process is the supply, its first serial port the console. */

import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { sha256Of, type RunningDevice, type ThirdPartyDevice } from '../device.ts';
import { PoweredProcess } from '../powered-process.ts';

const here = import.meta.dirname;
const loader = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';

export const device: ThirdPartyDevice = {
  name: 'u-boot',
  title: 'U-Boot 2023.01 under QEMU',
  packages: [
    'u-boot-qemu',
    'qemu-system-arm',
    'u-boot-tools',
    'device-tree-compiler',
    'gcc-aarch64-linux-gnu',
    'openssl',
  ],
  needs: ['qemu-system-aarch64', 'dtc', 'mkimage', 'aarch64-linux-gnu-gcc', 'openssl', loader],
  boards: ['configurations-key', 'images-key', 'no-key', 'external-data'],
  async start(board, folder): Promise<RunningDevice> {
    const made = spawnSync(join(here, 'prepare'), [folder, board], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (made.status !== 0) throw new Error(`${join(here, 'prepare')} ended with ${made.status}`);
    const machine = ['-M', 'virt', '-cpu', 'cortex-a57', '-m', '256', '-nodefaults', '-display', 'none'];
    const loaded = ['-bios', loader, '-dtb', join(folder, 'control.dtb')];
    const console = ['-serial', 'stdio', '-monitor', 'none'];
    const drive = `file=${join(folder, 'disk.img')},if=none,format=raw,id=disk`;
    const disk = ['-drive', drive, '-device', 'virtio-blk-device,drive=disk'];
    const supply = new PoweredProcess({
      command: ['qemu-system-aarch64', ...machine, ...loaded, ...console, ...disk],
      consoleLink: join(folder, 'console'),
    });
    const port = await supply.listen();
    supply.on();
    const digest = (name: string): string => sha256Of(join(folder, `${name}.itb`));
    return {
      environment: {
        DEVICE_FOLDER: relative(here, folder),
        DEVICE_SUPPLY_PORT: String(port),
        GOLDEN_SHA256: digest('golden'),
        PAIR_SHA256: digest('pair'),
        NEWER_SHA256: digest('newer'),
        OLDER_SHA256: digest('older'),
      },
      close: () => supply.close(),
    };
  },
};
