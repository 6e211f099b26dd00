/** A Modbus server of another stack as a device: over TCP on a port of its own, or RTU on a cable of its own. */

import { join } from 'node:path';
import { until } from '../../harness/clock.ts';
import { choosePort } from '../simulated/free-port.ts';
import { PoweredProcess } from './powered-process.ts';
import { SerialCable } from './serial-cable.ts';

export interface ModbusServerOptions {
  mode: 'tcp' | 'rtu';
  unit: number;
  /** Program and arguments; it finds its place in MODBUS_PORT or MODBUS_TTY, and prints a line `serving` once it serves. */
  command: readonly [string, ...string[]];
  environment?: Readonly<Record<string, string>>;
  /** Where the console goes. */
  folder: string;
}

/** Starting an interpreter on a busy machine takes its time. */
const SERVES_WITHIN_MS = 30_000;

export class ModbusServer {
  readonly port: number;
  readonly supply: PoweredProcess;
  /** What it printed, all in all. */
  said = '';
  readonly #options: ModbusServerOptions;
  readonly #cable: SerialCable | undefined;
  /** So many of its beginnings have been waited for. */
  #servings = 0;

  private constructor(options: ModbusServerOptions, port: number, cable: SerialCable | undefined) {
    this.#options = options;
    this.port = port;
    this.#cable = cable;
    const place = cable === undefined ? { MODBUS_PORT: String(port) } : { MODBUS_TTY: cable.far.path };
    this.supply = new PoweredProcess({
      command: ['sh', '-c', 'exec "$0" "$@" 2>&1', ...options.command], // why it ended is on its console, too
      environment: { ...options.environment, ...place },
      consoleLink: join(options.folder, 'console'),
      onOutput: (bytes) => void (this.said += bytes.toString('latin1')),
    });
  }

  /** Started, and serving. @throws Error with what it printed when it does not */
  static async start(options: ModbusServerOptions): Promise<ModbusServer> {
    const overTcp = options.mode === 'tcp';
    const server = new ModbusServer(
      options,
      overTcp ? await choosePort(0) : 0,
      overTcp ? undefined : new SerialCable(),
    );
    try {
      await server.powerOn();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** The bench's end of the line. */
  get tty(): string {
    return this.#cable?.near.path ?? '';
  }

  /** Settings of a driver that reaches it. */
  settings(more: Record<string, unknown> = {}): Record<string, unknown> {
    const { mode, unit } = this.#options;
    const where =
      this.#cable === undefined
        ? { host: '127.0.0.1', port: this.port }
        : { path: this.#cable.near.path, baudRate: 115200, parity: 'none' };
    return { mode, unit, ...where, ...more };
  }

  async powerOn(): Promise<void> {
    this.#servings = this.#count();
    this.supply.on();
    await this.untilServing();
  }

  /**
   * Waits for the next time that it begins to serve: some end with their connection, and start again. To be called once
   * for each connection.
   */
  async untilServing(): Promise<void> {
    const again = (): true | undefined => {
      if (this.#count() > this.#servings) return true;
      if (!this.supply.running) throw new Error(`the server ended:\n${this.said}`);
      return undefined;
    };
    await until(again, { withinMs: SERVES_WITHIN_MS, what: 'the server' });
    this.#servings += 1;
  }

  /** The network, or the adapter, is pulled. */
  async vanish(): Promise<void> {
    if (this.#cable === undefined) await this.supply.off();
    else await this.#cable.near.unplug();
  }

  async comeBack(): Promise<void> {
    await this.supply.off();
    this.#cable?.near.plug();
    await this.powerOn();
  }

  async close(): Promise<void> {
    await this.supply.close();
    await this.#cable?.close();
  }

  #count(): number {
    return this.said.split('\n').filter((line) => line.trim() === 'serving').length;
  }
}
