/**
 * A process as a device: it is the supply that switches it on and off, at any instant. Its standard input and output are
 * its console, a pseudo-terminal that stays the same over power cycles, since this side holds it, as a USB adapter stays
 * when a device loses its power.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Pty } from '../simulated/pty.ts';

/** From the cut to the end of the last process. */
const goneWithinMs = 10_000;

export interface PoweredProcessOptions {
  /** Program and arguments. */
  command: readonly [string, ...string[]];
  environment?: Readonly<Record<string, string>>;
  /** Where the console is to be found: a link to the tty. */
  consoleLink: string;
  /** Given what it prints, beside the console. */
  onOutput?: (bytes: Buffer) => void;
}

export class PoweredProcess {
  readonly #options: PoweredProcessOptions;
  readonly #console: Pty;
  #process: ChildProcess | undefined;
  #gone: Promise<unknown> = Promise.resolve();
  #server: Server | undefined;

  constructor(options: PoweredProcessOptions) {
    this.#options = options;
    this.#console = new Pty((bytes) => void this.#process?.stdin?.write(bytes));
    rmSync(options.consoleLink, { force: true });
    symlinkSync(this.#console.path, options.consoleLink);
  }

  /** Starts it with empty memory, as after a long time without power. */
  on(): void {
    if (this.#process !== undefined) return;
    const { command, environment } = this.#options;
    const [program, ...words] = command;
    const started = spawn(program, words, {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, ...environment },
      detached: true,
    });
    this.#process = started;
    if (started.pid !== undefined) endWithUs(started.pid, started);
    this.#gone = new Promise((resolve) => started.once('close', resolve));
    started.stdout.on('data', (bytes: Buffer) => {
      if (this.#process !== started) return;
      this.#console.write(bytes);
      this.#options.onOutput?.(bytes);
    });
    started.stdin.on('error', () => undefined); // written to as its power went
    const ended = (): void => {
      if (this.#process === started) this.#process = undefined;
    };
    started.once('error', ended); // a program that cannot be started is a device that stays off
    started.once('exit', () => {
      killGroup(started); // it may have died of itself; what it started is part of it
      ended();
    });
  }

  /** True until it is switched off, or has ended. */
  get running(): boolean {
    return this.#process !== undefined;
  }

  /** It hangs: whatever is sent to it is taken, and nothing done, until it is switched off. */
  freeze(): void {
    const pid = this.#process?.pid;
    if (pid !== undefined) process.kill(-pid, 'SIGSTOP');
  }

  /**
   * Resolves when the process is gone, and all that holds its output open: what it started may be in other groups, and
   * must not go on writing flash while the device boots anew.
   *
   * @throws Error when something holds it ten seconds later
   */
  async off(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running?.pid === undefined) return;
    killGroup(running);
    await Promise.race([this.#gone, tooLate(running.pid)]);
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
    rmSync(this.#options.consoleLink, { force: true });
  }

  async #obey(command: string): Promise<'on' | 'off'> {
    if (command === 'on') this.on();
    if (command === 'off') await this.off();
    return this.#process === undefined ? 'off' : 'on';
  }
}

/** The process and all that it has started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
}

/**
 * Should this process be killed, its device goes with it, and what that has started as well: its group. The end of this
 * process ends the watcher's input, whatever it died of; the end of the device ends the watcher.
 */
function endWithUs(group: number, device: ChildProcess): void {
  const watcher = spawn('sh', ['-c', `read -r _; kill -KILL -${group}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // a Ctrl-C at the terminal must not end it before us
  });
  watcher.stdin.on('error', () => undefined);
  device.once('exit', () => watcher.kill('SIGKILL'));
}

async function tooLate(pid: number): Promise<never> {
  await once(AbortSignal.timeout(goneWithinMs), 'abort');
  throw new Error(
    `${goneWithinMs} ms after process ${pid} was killed, something that it started in another process group still holds its output: start it in a process namespace (unshare --pid --fork --kill-child)`,
  );
}
