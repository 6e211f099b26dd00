/** What the tests of the simulated gateway need of a bench: start it, talk to its wires, end it. Not for suites. */

import { spawn, type ChildProcess } from 'node:child_process';
import { constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ReadStream } from 'node:tty';
import { dataPath, nodeArgumentsFor, packageRoot } from '../paths.ts';
import { sendYmodem, type YmodemOptions } from './ymodem-send.ts';

/** Generous: the machine may be busy. */
export const DEADLINE_MS = 20_000;

export interface Ready {
  console: string;
  rs485: string;
  maintenance: string | null;
  modbusPort: number;
  opcuaPort: number | null;
  flash: string;
}

type Message = Record<string, unknown>;

/** A tty, read at all times; `waitFor` consumes what it found. */
export class Line {
  readonly #stream: ReadStream;
  #text: Buffer = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  constructor(path: string) {
    this.#stream = new ReadStream(openSync(path, constants.O_RDWR | constants.O_NOCTTY));
    this.#stream.on('error', () => undefined);
    this.#stream.on('data', (bytes: Buffer) => {
      this.#text = Buffer.concat([this.#text, bytes]);
      this.#wake.splice(0).forEach((wake) => wake());
    });
  }

  send(data: string | Uint8Array): void {
    this.#stream.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** What has come and was not consumed. */
  get unread(): string {
    return this.#text.toString('latin1');
  }

  /** The whole text up to the end of the match. @throws Error with what came instead */
  async waitFor(pattern: RegExp, withinMs = DEADLINE_MS): Promise<string> {
    const end = Date.now() + withinMs;
    for (;;) {
      const match = pattern.exec(this.unread);
      if (match !== null) {
        const length = match.index + match[0].length;
        const text = this.unread.slice(0, length);
        this.#text = this.#text.subarray(length);
        return text;
      }
      if (Date.now() >= end)
        throw new Error(`no ${pattern} within ${withinMs} ms in ${JSON.stringify(this.unread)}`);
      await this.#more(end - Date.now());
    }
  }

  /** The first `count` unread bytes. */
  async bytes(count: number, withinMs = DEADLINE_MS): Promise<Buffer> {
    const end = Date.now() + withinMs;
    while (this.#text.length < count) {
      if (Date.now() >= end) throw new Error(`${this.#text.length} of ${count} bytes within ${withinMs} ms`);
      await this.#more(end - Date.now());
    }
    const bytes = this.#text.subarray(0, count);
    this.#text = this.#text.subarray(count);
    return bytes;
  }

  /** Sends a command, gives its answer's lines, the last being `OK …` or `ERR …`. */
  async command(text: string): Promise<string[]> {
    this.send(`${text}\r`);
    const answer = await this.waitFor(/(^|\n)(OK|ERR)[^\r\n]*\r\n/);
    return answer.split('\r\n').filter((line) => line !== '' && !line.startsWith('ALARM'));
  }

  close(): void {
    this.#stream.destroy();
  }

  #more(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** `npm test` has just built the project, and a compiled device starts in a fraction of the time of one from source. */
export function argumentsFor(program: string): string[] {
  return process.env['FIELDPROOF_COMPILED'] === undefined
    ? nodeArgumentsFor(program)
    : [join(packageRoot(), 'dist', 'boards', 'simulated', `${program}.js`)];
}

export class TestBench {
  readonly #process: ChildProcess;
  readonly #messages: Message[] = [];
  readonly #lines: Line[] = [];
  #wake: (() => void)[] = [];
  #nextId = 1;
  ready!: Ready;
  console!: Line;

  /** @param program main module of a simulated device, as `nodeArgumentsFor` takes it */
  constructor(args: readonly string[], program = 'main') {
    this.#process = spawn(
      process.execPath,
      [...argumentsFor(program), '--control', 'stdio', '--off', ...args],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const stdout = this.#process.stdout;
    if (stdout === null) throw new Error('no stdout');
    createInterface({ input: stdout }).on('line', (line) => {
      this.#messages.push(JSON.parse(line) as Message);
      this.#wake.splice(0).forEach((wake) => wake());
    });
  }

  async open(): Promise<void> {
    this.ready = (await this.message((message) => message['event'] === 'ready')) as unknown as Ready;
    this.console = this.line(this.ready.console);
  }

  line(path: string): Line {
    const line = new Line(path);
    this.#lines.push(line);
    return line;
  }

  /** The first message that fits, waiting for it; it is consumed. */
  async message(fits: (message: Message) => boolean, withinMs = DEADLINE_MS): Promise<Message> {
    const end = Date.now() + withinMs;
    for (;;) {
      const index = this.#messages.findIndex(fits);
      if (index !== -1) return this.#messages.splice(index, 1)[0] ?? {};
      if (Date.now() >= end) throw new Error(`no such message from the backplane within ${withinMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async control(action: string, more: Message = {}): Promise<Message> {
    const id = this.#nextId++;
    this.#process.stdin?.write(`${JSON.stringify({ id, do: action, ...more })}\n`);
    return this.message((message) => message['id'] === id);
  }

  /** Process id of the backplane. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async boot(expected: RegExp = /SG-1 [^\r]*(ready|recovery)\r\n/): Promise<string> {
    await this.control('power-on');
    return this.console.waitFor(expected);
  }

  async powerCycle(expected?: RegExp): Promise<string> {
    await this.control('power-off');
    return this.boot(expected);
  }

  async status(): Promise<Record<string, string>> {
    return fields(await this.console.command('status'));
  }

  /** Sends a file with YMODEM; gives the last line of the answer. */
  async offer(bytes: Uint8Array, options: YmodemOptions = {}): Promise<string> {
    this.console.send('update ymodem\r');
    await this.console.waitFor(/READY\r\n/);
    await sendYmodem(this.console, bytes, options);
    return (await this.console.waitFor(/(^|\n)(OK|ERR)[^\r\n]*\r\n/)).trim().split('\r\n').at(-1) ?? '';
  }

  /** Boots what is staged; gives the boot text. */
  async activate(): Promise<string> {
    this.console.send('update activate\r');
    await this.console.waitFor(/OK rebooting\r\n/);
    return this.console.waitFor(/SG-1 [^\r]*(ready|recovery)\r\n/);
  }

  async logEvents(): Promise<string[]> {
    const lines = await this.console.command('log since 0');
    return lines.flatMap((line) => /event=(\S+)/.exec(line)?.[1] ?? []);
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin?.end();
    await gone;
  }
}

/** Runs `work` with a gateway that is switched on and ready, and ends the gateway whatever happens. */
export async function withGateway(
  args: readonly string[],
  work: (bench: TestBench) => Promise<void>,
  options: { off?: true } = {},
): Promise<void> {
  const bench = new TestBench(args);
  try {
    await bench.open();
    if (options.off !== true) await bench.boot();
    await work(bench);
  } finally {
    await bench.close();
  }
}

/** A folder that is gone afterwards. */
export async function withFolder(work: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sg-1-test-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function imageFile(name: string): Buffer {
  return readFileSync(dataPath('images', name));
}

export const IMAGE = {
  golden: 'golden-1.2.0.bin',
  pair: 'pair-1.2.1.bin',
  older: 'older-1.1.0.bin',
  newer: 'newer-1.3.0.bin',
  lowerCounter: 'lower-counter-1.9.0.bin',
  noCounter: 'no-counter-1.4.0.bin',
  otherHardware: 'other-hardware-1.3.0.bin',
  crashing: 'crashing-1.3.1.bin',
  highestCounter: 'highest-counter-1.3.2.bin',
} as const;

export function fields(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const match = /^([a-z-]+)=(.*)$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
    }),
  );
}

/** The file's content with one byte altered. */
export function altered(bytes: Buffer, index: number, mask = 0x01): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ mask;
  return copy;
}
