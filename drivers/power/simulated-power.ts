/** The supply of a simulated device: starts its backplane as a child process and works its supply switch. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Power } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import type { Driver, DriverContext, DriverState } from '../../harness/driver.ts';
import { DriverError, FrameError, PortError, type BenchError } from '../../harness/errors.ts';
import { Backplane, type ReadyMessage } from './backplane.ts';
import type { SimulatedPowerSettings } from './settings.ts';

export type SimulatedPort = 'console' | 'rs485' | 'maintenance';

const programs = { 'simulated-gateway': 'main', 'simulated-transmitter': 'transmitter/main' } as const;

/** The backplane's program: TypeScript from a working copy, JavaScript when we are compiled ourselves. */
function backplaneProgram(device: SimulatedPowerSettings['device']): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../../boards/simulated/${programs[device]}.${extension}`, import.meta.url));
}

/**
 * Driver `simulated-power`. It gives power, and `provides` the ttys and ports of the device for other wires.
 *
 * The device may crash; that is its business and no loss. The backplane may not: its end is a bench fault. Nothing
 * is left behind when our own process dies, since the backplane ends with its stdin.
 */
export class SimulatedPower implements Driver {
  readonly kind = 'simulated-power';
  readonly name: string;
  readonly #settings: SimulatedPowerSettings;
  readonly #context: DriverContext;
  readonly #program: string;
  #state: DriverState = 'closed';
  #backplane: Backplane | undefined;
  #provides: Record<string, string | number> | undefined;

  /** @param program the backplane's main file, for tests of this driver */
  constructor(
    settings: SimulatedPowerSettings,
    context: DriverContext,
    program = backplaneProgram(settings.device),
  ) {
    this.name = context.name;
    this.#settings = settings;
    this.#context = context;
    this.#program = program;
  }

  get state(): DriverState {
    return this.#state;
  }

  /** console, rs485, maintenance (tty paths), modbusPort, opcuaPort, host, flash; what the model lacks is absent. */
  get provides(): Readonly<Record<string, string | number>> {
    return this.#provides ?? {};
  }

  /** Process id of the backplane, for the record and for tests. */
  get backplanePid(): number | undefined {
    return this.#backplane?.pid;
  }

  async open(): Promise<void> {
    if (this.#state === 'lost') await this.close();
    if (this.#state !== 'closed' || this.#backplane !== undefined) {
      throw new DriverError('not-closed', `${this.name}: open() in state ${this.#state}`, {
        hint: 'Close the wire first.',
      });
    }
    if (!existsSync(this.#program)) {
      throw new PortError(
        'no-backplane',
        `${this.name}: the ${this.#settings.device} is not at ${this.#program}`,
        {
          hint: 'Build the project, or install it again.',
        },
      );
    }
    const backplane = this.#start();
    this.#backplane = backplane;
    try {
      this.#provides = provisions(await backplane.ready());
      if (this.#backplane !== backplane) {
        throw new DriverError('closed-meanwhile', `${this.name}: closed while it was being opened`);
      }
      this.#state = 'open';
    } catch (error) {
      if (this.#backplane === backplane) this.#backplane = undefined;
      await backplane.end();
      throw error;
    }
  }

  async close(): Promise<void> {
    const backplane = this.#backplane;
    this.#backplane = undefined;
    this.#state = 'closed';
    await backplane?.end();
    this.#provides = undefined;
  }

  /** The backplane answers. */
  async selfTest(): Promise<void> {
    await this.#open().ask({ do: 'status' });
  }

  /** On or off, and the process id of the device while it runs. */
  async status(): Promise<{ power: 'on' | 'off'; devicePid: number | undefined }> {
    const reply = await this.#open().ask({ do: 'status' });
    if (reply['power'] !== 'on' && reply['power'] !== 'off') {
      throw new FrameError('backplane-status', `${this.name}: status without power`, { data: { reply } });
    }
    return {
      power: reply['power'],
      devicePid: typeof reply['pid'] === 'number' ? reply['pid'] : undefined,
    };
  }

  /** Pulls a cable: the tty disappears. The device stays alive. */
  async unplug(port: SimulatedPort): Promise<void> {
    await this.#open().ask({ do: 'unplug', port });
  }

  /** Puts the cable back: the tty appears, perhaps under another path. Returns and provides that path. */
  async plug(port: SimulatedPort): Promise<string> {
    const reply = await this.#open().ask({ do: 'plug', port });
    const path = reply['path'];
    if (typeof path !== 'string') {
      throw new FrameError('backplane-plug', `${this.name}: plug ${port} gave no path`, { data: { reply } });
    }
    this.#provides = { ...this.#provides, [port]: path };
    return path;
  }

  readonly power: Power = {
    precise: true,
    off: () => this.#switch('power-off'),
    on: () => this.#switch('power-on'),
  };

  async #switch(command: 'power-off' | 'power-on'): Promise<{ atMs: number }> {
    await this.#open().ask({ do: command });
    return { atMs: monotonicMs() };
  }

  #open(): Backplane {
    if (this.#backplane !== undefined && this.#state === 'open') return this.#backplane;
    throw new DriverError('not-open', `${this.name}: the simulated supply is ${this.#state}`, {
      hint: 'Open the wire first.',
    });
  }

  #start(): Backplane {
    const { readyWithinMs, replyWithinMs, exitWithinMs } = this.#settings;
    return new Backplane({
      argv: [...loader(this.#program), this.#program, ...this.#arguments()],
      wire: this.#context.wire,
      readyWithinMs,
      replyWithinMs,
      exitWithinMs,
      onUnexpectedExit: (cause) => this.#onLoss(cause),
    });
  }

  /** What only the gateway has models of. */
  #model(): string[] {
    const { openedForTest, opcua, packages, signers, testKey, confirmWithinMs } = this.#settings;
    return [
      ...(openedForTest ? ['--opened-for-test'] : []),
      ...(opcua ? [] : ['--no-opcua']),
      ...(confirmWithinMs === undefined ? [] : ['--confirm-within-ms', String(confirmWithinMs)]),
      ...(packages ? ['--packages', '--signers', String(signers)] : []),
      ...(packages && testKey ? ['--test-key'] : []),
    ];
  }

  #arguments(): string[] {
    const { device, defects, flash } = this.#settings;
    return [
      '--control',
      'stdio',
      ...(device === 'simulated-gateway' ? this.#model() : []),
      ...(flash === undefined ? [] : ['--flash', resolve(this.#context.boardDir, flash)]),
      ...defects.flatMap((defect) => ['--defect', defect]),
    ];
  }

  #onLoss(cause: BenchError): void {
    if (this.#state !== 'open') return;
    this.#state = 'lost';
    this.#context.wire.event(cause.message);
    this.#context.lost(cause);
  }
}

/** Node flags that let it run the program as it is. */
function loader(program: string): string[] {
  return program.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [];
}

function provisions(ready: ReadyMessage): Record<string, string | number> {
  const { console, rs485, maintenance, modbusPort, opcuaPort, flash } = ready;
  return {
    host: '127.0.0.1',
    console,
    rs485,
    flash,
    ...(modbusPort === null ? {} : { modbusPort }),
    ...(maintenance === null ? {} : { maintenance }),
    ...(opcuaPort === null ? {} : { opcuaPort }),
  };
}
