/**
 * What does not lose power: the ttys' masters, the chosen ports and the supply switch.
 *
 * The device is a child in a process group of its own. Cutting the supply is SIGKILL to that group.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { type Duplex } from 'node:stream';
import { RESET_STATUS, UART } from './device-options.ts';
import { nodeArgumentsFor } from './paths.ts';
import { Pty } from './pty.ts';

export type PortName = keyof typeof UART;

/** Handed to the device as it is; the backplane itself looks at one thing only. */
export interface BackplaneOptions {
  openedForTest: boolean;
}

export interface BackplaneListener {
  deviceStarted(pid: number): void;
  deviceExited(code: number | null, signal: string | null): void;
}

export class Backplane {
  readonly #options: BackplaneOptions;
  readonly #listener: BackplaneListener;
  readonly #deviceModule: string;
  readonly #ports = new Map<PortName, Pty>();
  #device: ChildProcess | undefined;
  #power: 'on' | 'off' = 'off';
  #onExit: (() => void) | undefined;
  #lostBytes = 0;

  /** @param deviceModule entry of the device process, as `nodeArgumentsFor` takes it */
  constructor(options: BackplaneOptions, listener: BackplaneListener, deviceModule = 'device') {
    this.#options = options;
    this.#listener = listener;
    this.#deviceModule = deviceModule;
    this.plug('console');
    this.plug('rs485');
    if (options.openedForTest) this.plug('maintenance');
  }

  get power(): 'on' | 'off' {
    return this.#power;
  }

  get pid(): number | undefined {
    return this.#device?.pid;
  }

  /** Bytes that came for a device without power. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  /** Path of a tty; undefined while it is unplugged. */
  pathOf(port: PortName): string | undefined {
    return this.#ports.get(port)?.path;
  }

  powerOn(): void {
    if (this.#power === 'on') return;
    this.#power = 'on';
    this.#startDevice();
  }

  /** Cuts the supply at once; resolves when nothing of the device is left. */
  async powerOff(): Promise<void> {
    this.#power = 'off';
    const device = this.#device;
    if (device === undefined) return;
    const gone = new Promise<void>((resolve) => (this.#onExit = resolve));
    killGroup(device.pid);
    await gone;
  }

  /** The tty disappears from the system. @throws Error when it is not there */
  unplug(port: PortName): void {
    const pty = this.#ports.get(port);
    if (pty === undefined) throw new Error(`port ${port} is not plugged`);
    this.#ports.delete(port);
    pty.close();
  }

  /** @returns path of the new tty. @throws Error when it is there already, or brought out on no such model */
  plug(port: PortName): string {
    if (this.#ports.has(port)) throw new Error(`port ${port} is plugged already`);
    if (port === 'maintenance' && !this.#options.openedForTest) {
      throw new Error('no maintenance port: start the gateway with --opened-for-test');
    }
    const pty = new Pty((bytes) => this.#towardsDevice(port, bytes));
    this.#ports.set(port, pty);
    return pty.path;
  }

  async close(): Promise<void> {
    await this.powerOff();
    for (const pty of this.#ports.values()) pty.close();
    this.#ports.clear();
  }

  /** For the last moment of the process, when nothing can be awaited. */
  killDevice(): void {
    killGroup(this.#device?.pid);
  }

  #startDevice(): void {
    const script = nodeArgumentsFor(this.#deviceModule);
    const device = spawn(process.execPath, [...script, JSON.stringify(this.#options)], {
      detached: true, // a process group of its own
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe', 'pipe'],
    });
    this.#device = device;
    for (const port of Object.keys(UART) as PortName[]) {
      const uart = uartOf(device, port);
      uart.on('data', (bytes: Buffer) => this.#ports.get(port)?.write(bytes));
      uart.on('error', () => undefined); // the device went away; its exit says so
    }
    device.once('exit', (code, signal) => this.#exited(device, code, signal));
    device.once('error', (error) => process.stderr.write(`device did not start: ${error.message}\n`));
    if (device.pid !== undefined) this.#listener.deviceStarted(device.pid);
  }

  #exited(device: ChildProcess, code: number | null, signal: string | null): void {
    killGroup(device.pid); // what the device left behind goes with it
    if (this.#device === device) this.#device = undefined;
    this.#listener.deviceExited(code, signal);
    this.#onExit?.();
    this.#onExit = undefined;
    if (code === RESET_STATUS && this.#power === 'on') this.#startDevice();
  }

  /** Bytes for a device without power are lost. */
  #towardsDevice(port: PortName, bytes: Buffer): void {
    if (this.#power !== 'on' || this.#device === undefined) {
      this.#lostBytes += bytes.length;
      return;
    }
    const uart = uartOf(this.#device, port);
    if (uart.writable) uart.write(bytes);
  }
}

/** Our end of a UART; every `pipe` of a child beyond stderr is a socket for both directions. */
function uartOf(device: ChildProcess, port: PortName): Duplex {
  const ends: readonly unknown[] = device.stdio;
  return ends[UART[port]] as Duplex;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody left in the group
  }
}
