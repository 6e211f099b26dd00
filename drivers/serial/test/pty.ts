/**
 * A pseudo terminal for tests: the driver opens the slave's path as it would open any tty; the test holds the
 * master and plays the device.
 *
 * The slave is held open, unread, so that closing and opening it again gives the master no EIO.
 */

import { closeSync, constants, mkdtempSync, openSync, rmSync, symlinkSync, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ReadStream } from 'node:tty';
import koffi from 'koffi';

const libc = koffi.load(null);
const posix_openpt = libc.func('int posix_openpt(int flags)') as (flags: number) => number;
const grantpt = libc.func('int grantpt(int fd)') as (fd: number) => number;
const unlockpt = libc.func('int unlockpt(int fd)') as (fd: number) => number;
const ptsname_r = libc.func('int ptsname_r(int fd, _Out_ uint8_t *name, size_t size)') as (
  fd: number,
  name: Buffer,
  size: number,
) => number;
const tcgetattr = libc.func('int tcgetattr(int fd, _Inout_ uint8_t *termios)') as (
  fd: number,
  to: Buffer,
) => number;
const tcsetattr = libc.func('int tcsetattr(int fd, int when, _In_ uint8_t *termios)') as (
  fd: number,
  when: number,
  from: Buffer,
) => number;
const cfmakeraw = libc.func('void cfmakeraw(_Inout_ uint8_t *termios)') as (termios: Buffer) => void;

/** O_CLOEXEC of Linux on x64 and arm64; node:fs does not name it. */
const O_CLOEXEC = 0o2000000;
const writeOnce = promisify(write);
const TERMIOS_BYTES = 64; // struct termios of glibc has 60

export class Pty {
  /** Path of the slave: what the driver opens. */
  readonly path: string;
  readonly #fd: number;
  readonly #master: ReadStream;
  readonly #slaveFd: number;
  #gone = false;
  #written: Promise<void> = Promise.resolve();

  constructor() {
    const fd = checked('posix_openpt', posix_openpt(constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC));
    this.#fd = fd;
    checked('grantpt', grantpt(fd));
    checked('unlockpt', unlockpt(fd));
    const name = Buffer.alloc(128);
    checked('ptsname_r', ptsname_r(fd, name, name.length));
    this.path = name.toString('latin1', 0, name.indexOf(0));
    this.#slaveFd = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY);
    const termios = Buffer.alloc(TERMIOS_BYTES);
    checked('tcgetattr', tcgetattr(this.#slaveFd, termios));
    cfmakeraw(termios);
    checked('tcsetattr', tcsetattr(this.#slaveFd, 0, termios));
    this.#master = new ReadStream(fd);
    this.#master.on('error', () => undefined);
  }

  onData(listener: (bytes: Buffer) => void): void {
    this.#master.on('data', listener);
  }

  /** Stops taking bytes, so that the driver's writes stall once the kernel's buffer is full. */
  stopReading(): void {
    this.#master.pause();
  }

  /** Queues bytes for the slave. Not through the stream: on a master it writes blocking, and the reader is this process. */
  write(bytes: Uint8Array | string): void {
    this.#written = this.#written
      .then(() => this.#writeAll(Buffer.from(bytes as Uint8Array)))
      .catch(() => undefined);
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#gone;)
      at += (await writeOnce(this.#fd, bytes.subarray(at))).bytesWritten;
  }

  /** Takes the tty away, as an unplugged USB adapter does. Safe twice. */
  unplug(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#master.destroy();
    closeSync(this.#slaveFd);
  }
}

function checked(what: string, result: number): number {
  if (result < 0) throw new Error(`${what} failed`);
  return result;
}

/** A name that stays while ttys come and go, as /dev/serial/by-id does. */
export class StablePath {
  readonly #folder = mkdtempSync(join(tmpdir(), 'fieldproof-serial-'));
  readonly path = join(this.#folder, 'by-id');

  pointTo(target: string): void {
    this.clear();
    symlinkSync(target, this.path);
  }

  clear(): void {
    rmSync(this.path, { force: true });
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
