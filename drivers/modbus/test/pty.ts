/** A pseudo-terminal pair for tests: the driver opens the slave as a serial port, the test plays the device. */

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tty from 'node:tty';
import koffi from 'koffi';

const libc = koffi.load(process.platform === 'darwin' ? 'libSystem.dylib' : 'libc.so.6');
const posixOpenpt = libc.func('int posix_openpt(int flags)') as (flags: number) => number;
const grantpt = libc.func('int grantpt(int fd)') as (fd: number) => number;
const unlockpt = libc.func('int unlockpt(int fd)') as (fd: number) => number;
const ptsname = libc.func('const char *ptsname(int fd)') as (fd: number) => string | null;
const tcgetattr = libc.func('int tcgetattr(int fd, void *termios)') as (
  fd: number,
  termios: Buffer,
) => number;
const cfmakeraw = libc.func('void cfmakeraw(_Inout_ void *termios)') as (termios: Buffer) => void;
const tcsetattr = libc.func('int tcsetattr(int fd, int when, const void *termios)') as (
  fd: number,
  when: number,
  termios: Buffer,
) => number;

/** Larger than struct termios on Linux (60 bytes) and macOS (72 bytes). */
const TERMIOS_BYTES = 128;
const O_CLOEXEC = 0o2000000;
const TCSANOW = 0;

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed`);
  return result;
}

/** One pair. The path is a link of its own, so that a replugged port comes back under the same name. */
export class Pty {
  /** What the driver opens. */
  readonly path: string;
  readonly #folder: string;
  #master: tty.ReadStream | undefined;
  /** Held open and unread, so that the driver may close and open its end. */
  #slave: number | undefined;
  #onData: (chunk: Buffer) => void = () => undefined;

  constructor() {
    this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fieldproof-pty-'));
    this.path = path.join(this.#folder, 'tty');
    this.plug();
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#onData = listener;
  }

  write(bytes: Uint8Array): void {
    this.#master?.write(bytes);
  }

  plug(): void {
    const master = checked(
      posixOpenpt(fs.constants.O_RDWR | fs.constants.O_NOCTTY | O_CLOEXEC),
      'posix_openpt',
    );
    checked(grantpt(master), 'grantpt');
    checked(unlockpt(master), 'unlockpt');
    const slavePath = ptsname(master);
    if (slavePath === null) throw new Error('ptsname failed');
    this.#slave = fs.openSync(slavePath, fs.constants.O_RDWR | fs.constants.O_NOCTTY);
    const termios = Buffer.alloc(TERMIOS_BYTES);
    checked(tcgetattr(this.#slave, termios), 'tcgetattr');
    cfmakeraw(termios);
    checked(tcsetattr(this.#slave, TCSANOW, termios), 'tcsetattr');
    fs.symlinkSync(slavePath, this.path);
    this.#master = new tty.ReadStream(master);
    this.#master.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#master.on('error', () => undefined); // EIO when the other end goes
  }

  /** The adapter is pulled: the port vanishes under whoever has it open. */
  async unplug(): Promise<void> {
    const master = this.#master;
    if (master === undefined) return;
    this.#master = undefined;
    fs.unlinkSync(this.path);
    if (this.#slave !== undefined) fs.closeSync(this.#slave);
    this.#slave = undefined;
    const gone = new Promise<void>((resolve) => master.once('close', () => resolve()));
    master.destroy();
    await gone;
  }

  async dispose(): Promise<void> {
    await this.unplug();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}
