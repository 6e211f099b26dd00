/**
 * The board of the trial: QEMU is the device, its process is the supply. The console is a pseudo-terminal that stays
 * the same over power cycles, since this side holds it, as a USB adapter stays when a device loses its power.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Pty } from '../../../boards/simulated/pty.ts';

const loader = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';

export class Machine {
  readonly #controlTree: string;
  readonly #console: Pty;
  readonly #consoleLink: string;
  #qemu: ChildProcess | undefined;
  #server: Server | undefined;

  /**
   * @param controlTree device tree that U-Boot takes its keys from
   * @param consoleLink where the console is to be found: a link to the tty
   */
  constructor(controlTree: string, consoleLink: string) {
    this.#controlTree = controlTree;
    this.#consoleLink = consoleLink;
    this.#console = new Pty((bytes) => void this.#qemu?.stdin?.write(bytes));
    rmSync(consoleLink, { force: true });
    symlinkSync(this.#console.path, consoleLink);
  }

  /** Starts QEMU, with empty memory, as after a long time without power. */
  on(): void {
    if (this.#qemu !== undefined) return;
    const machine = ['-M', 'virt', '-cpu', 'cortex-a57', '-m', '256', '-nodefaults', '-display', 'none'];
    const parts = ['-bios', loader, '-dtb', this.#controlTree, '-serial', 'stdio', '-monitor', 'none'];
    // Should this process be killed, its device goes with it.
    const qemu = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-aarch64', ...machine, ...parts], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#qemu = qemu;
    qemu.stdout.on('data', (bytes: Buffer) => {
      if (this.#qemu === qemu) this.#console.write(bytes);
    });
    qemu.stdin.on('error', () => undefined); // written to as its power went
    qemu.once('exit', () => {
      if (this.#qemu === qemu) this.#qemu = undefined;
    });
  }

  /** Resolves when the process is gone. */
  async off(): Promise<void> {
    const qemu = this.#qemu;
    this.#qemu = undefined;
    if (qemu === undefined || qemu.exitCode !== null || qemu.signalCode !== null) return;
    const gone = once(qemu, 'exit');
    qemu.kill('SIGKILL');
    await gone;
  }

  /** The supply's remote control, for ./switch: a line on, off or status, and the state as answer. @returns its port */
  async listen(): Promise<number> {
    const server = createServer((client) => {
      client.on('error', () => undefined);
      client.once('data', (line: Buffer) => {
        void this.#obey(line.toString('latin1').trim()).then((state) => client.end(`${state}\n`));
      });
    });
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server?.close();
    await this.off();
    this.#console.close();
    rmSync(this.#consoleLink, { force: true });
  }

  async #obey(command: string): Promise<'on' | 'off'> {
    if (command === 'on') this.on();
    if (command === 'off') await this.off();
    return this.#qemu === undefined ? 'off' : 'on';
  }
}
