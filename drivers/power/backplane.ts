/**
 * The process on the other side of `--control stdio`: JSON Lines on stdin and stdout.
 *
 * Source: boards/simulated/README.md, "--control stdio".
 */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { within } from '../../harness/clock.ts';
import type { WireLog } from '../../harness/driver.ts';
import { DeviceException, FrameError, PortError, type BenchError } from '../../harness/errors.ts';
import { TextTail } from '../../harness/text-tail.ts';
import { LineSplitter } from './lines.ts';

/** What the backplane says once, when everything that keeps its power is in place. */
export interface ReadyMessage {
  console: string;
  rs485: string;
  maintenance: string | null;
  /** Null for a device without Modbus TCP. */
  modbusPort: number | null;
  opcuaPort: number | null;
  flash: string;
}

export type BackplaneReply = Readonly<Record<string, unknown>>;

export interface BackplaneOptions {
  /** Program and arguments after the name of the Node binary. */
  argv: readonly string[];
  wire: WireLog;
  readyWithinMs: number;
  replyWithinMs: number;
  exitWithinMs: number;
  /** Called once when the process ends without having been asked to. */
  onUnexpectedExit: (cause: BenchError) => void;
}

interface Pending {
  resolve: (reply: BackplaneReply) => void;
  reject: (error: BenchError) => void;
}

/** One running backplane. Made by {@link startBackplane}, ended by {@link Backplane.end}. */
export class Backplane {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #options: BackplaneOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #stderr = new TextTail(4096);
  readonly #exited: Promise<void>;
  #readyMessage: Pending | undefined;
  #nextId = 1;
  #ending = false;
  #gone: BenchError | undefined;
  #lastNonsense: string | undefined;

  constructor(options: BackplaneOptions) {
    this.#options = options;
    // A process group of its own: Ctrl-C at the terminal reaches the bench, which then closes in order.
    this.#child = spawn(process.execPath, [...options.argv], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const lines = new LineSplitter(64 * 1024, (line) => this.#heard(line));
    this.#child.stdout.on('data', (chunk: Buffer) => {
      options.wire.received(chunk);
      lines.push(chunk);
    });
    const errorLines = new LineSplitter(4096, (line) => options.wire.event(`backplane stderr: ${line}`));
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr.push(chunk);
      errorLines.push(chunk);
    });
    this.#child.stdin.on('error', () => undefined); // EPIPE: the exit event tells the story
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        // `close` follows when stdout and stderr are read to their end, unless a grandchild holds them open.
        const drained = new Promise<void>((done) => this.#child.once('close', () => done()));
        void within(drained, 100, 'last words')
          .catch(() => undefined)
          .then(() => this.#over(`exited with ${signal ?? `code ${code}`}`))
          .then(resolve);
      });
      this.#child.once('error', (error) => {
        this.#over(`could not be started (${error.message})`);
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The ready message. @throws PortError when the process ends first; TimeoutError when it stays silent */
  async ready(): Promise<ReadyMessage> {
    if (this.#gone !== undefined) throw this.#gone;
    const message = new Promise<BackplaneReply>((resolve, reject) => {
      this.#readyMessage = { resolve, reject };
    });
    try {
      const seen = await within(message, this.#options.readyWithinMs, 'start of the simulated backplane');
      return readReady(seen);
    } catch (error) {
      if (this.#lastNonsense === undefined) throw error;
      throw new FrameError('backplane-garbage', `the backplane said something that is not its protocol`, {
        data: { line: this.#lastNonsense },
        cause: error,
      });
    } finally {
      this.#readyMessage = undefined;
    }
  }

  /**
   * One command and its answer.
   *
   * @throws DeviceException when the backplane says no; PortError when it is gone; TimeoutError when it is silent
   */
  async ask(command: { do: string } & Record<string, unknown>): Promise<BackplaneReply> {
    if (this.#gone !== undefined) throw this.#gone;
    const id = this.#nextId++;
    const reply = new Promise<BackplaneReply>((resolve, reject) =>
      this.#pending.set(id, { resolve, reject }),
    );
    const line = Buffer.from(`${JSON.stringify({ id, ...command })}\n`);
    this.#options.wire.sent(line);
    this.#child.stdin.write(line);
    try {
      const answer = await within(reply, this.#options.replyWithinMs, `backplane command ${command.do}`);
      if (answer['ok'] === true) return answer;
      const why = typeof answer['error'] === 'string' ? answer['error'] : 'no reason given';
      throw new DeviceException('backplane-refused', `backplane refused ${command.do}: ${why}`, {
        data: { command },
      });
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Asks it to exit, then SIGTERM, then SIGKILL of this one process. Never throws; safe twice. */
  async end(): Promise<void> {
    this.#ending = true;
    if (this.#gone === undefined) {
      this.#child.stdin.end(`${JSON.stringify({ id: this.#nextId++, do: 'exit' })}\n`);
      for (const harder of ['SIGTERM', 'SIGKILL'] as const) {
        if (await this.#exitsWithin(this.#options.exitWithinMs)) break;
        this.#options.wire.event(
          `backplane still there ${this.#options.exitWithinMs} ms after being asked: ${harder}`,
        );
        this.#child.kill(harder);
      }
      await this.#exited;
    }
    // A device that outlived its backplane would hold these open.
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
    this.#child.stdin.destroy();
  }

  async #exitsWithin(ms: number): Promise<boolean> {
    return within(this.#exited, ms, 'exit').then(
      () => true,
      () => false,
    );
  }

  #heard(line: string): void {
    const message = parseObject(line);
    if (message === undefined) {
      this.#lastNonsense = line.slice(0, 200);
      this.#options.wire.event(`backplane said something that is not a message: ${line.slice(0, 200)}`);
    } else if (message['event'] === 'ready') {
      this.#readyMessage?.resolve(message);
    } else if (typeof message['event'] === 'string') {
      this.#options.wire.event(`backplane: ${line}`);
    } else if (typeof message['id'] === 'number') {
      // An answer to a question that was given up is history.
      this.#pending.get(message['id'])?.resolve(message);
    }
  }

  #over(how: string): void {
    const lastWords = this.#stderr.lastLine();
    const cause = new PortError(
      'backplane-exit',
      `the simulated backplane ${how}${lastWords === '' ? '' : `; its last words: ${lastWords}`}`,
      { data: { pid: this.#child.pid, stderr: this.#stderr.text }, hint: 'Close and open the wire again.' },
    );
    this.#gone = cause;
    this.#readyMessage?.reject(cause);
    for (const { reject } of this.#pending.values()) reject(cause);
    if (!this.#ending) this.#options.onUnexpectedExit(cause);
  }
}

function parseObject(line: string): BackplaneReply | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as BackplaneReply) : undefined;
  } catch {
    return undefined;
  }
}

function readReady(message: BackplaneReply): ReadyMessage {
  const text = (key: string): string => {
    const value = message[key];
    if (typeof value === 'string') return value;
    throw new FrameError('backplane-ready', `the ready message has no ${key}`, { data: { message } });
  };
  const port = (key: string): number => {
    const value = message[key];
    if (typeof value === 'number') return value;
    throw new FrameError('backplane-ready', `the ready message has no ${key}`, { data: { message } });
  };
  return {
    console: text('console'),
    rs485: text('rs485'),
    maintenance: (message['maintenance'] ?? null) === null ? null : text('maintenance'),
    modbusPort: (message['modbusPort'] ?? null) === null ? null : port('modbusPort'),
    opcuaPort: (message['opcuaPort'] ?? null) === null ? null : port('opcuaPort'),
    flash: text('flash'),
  };
}
