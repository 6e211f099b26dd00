/** A serial port of the backplane: the master of a pseudo-terminal whose slave is a tty for anybody to open. */

import { closeSync, constants, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const posixOpenpt = libc.func('int posix_openpt(int flags)');
const grantpt = libc.func('int grantpt(int fd)');
const unlockpt = libc.func('int unlockpt(int fd)');
const ptsnameR = libc.func('int ptsname_r(int fd, uint8_t *name, size_t bytes)');
const tcgetattr = libc.func('int tcgetattr(int fd, uint8_t *termios)');
const cfmakeraw = libc.func('void cfmakeraw(uint8_t *termios)');
const tcsetattr = libc.func('int tcsetattr(int fd, int actions, uint8_t *termios)');
const fcntl = libc.func('int fcntl(int fd, int command, ...)');
const writeSome = libc.func('long write(int fd, const uint8_t *bytes, size_t count)');

/** O_CLOEXEC of Linux on x86-64 and ARM: no child may inherit a master, or unplugging would not be seen. */
const O_CLOEXEC = 0o2000000;
/** Larger than `struct termios` of any libc (60 bytes in glibc). */
const TERMIOS_BYTES = 256;
const F_SETFL = 4;
const EAGAIN = 11;
/** How soon a full line is tried again. */
const AGAIN_AFTER_MS = 2;
/** What a line that nobody reads may hold back; beyond it bytes are lost, as on a wire. */
const HELD_BACK_BYTES = 65_536;

function check(result: unknown, call: string): number {
  if (typeof result !== 'number' || result < 0) {
    throw new Error(`${call} failed (${koffi.errno()}): is /dev/pts mounted?`);
  }
  return result;
}

export class Pty {
  /** The tty to open: `/dev/pts/7`. */
  readonly path: string;
  readonly #slave: number;
  readonly #master: ReadStream;
  readonly #fd: number;
  #heldBack = Buffer.alloc(0);
  #open = true;

  /** Opens a raw pseudo-terminal; `close()` makes the tty vanish. @throws Error when the system has none left */
  constructor(onData: (bytes: Buffer) => void) {
    const master = check(posixOpenpt(constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC), 'posix_openpt');
    check(grantpt(master), 'grantpt');
    check(unlockpt(master), 'unlockpt');
    const name = Buffer.alloc(64);
    check(ptsnameR(master, name, name.length), 'ptsname_r');
    this.path = name.toString('latin1', 0, name.indexOf(0));
    // Held open and never read, so that a bench may close and open the tty without the master seeing EIO.
    this.#slave = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY);
    const termios = Buffer.alloc(TERMIOS_BYTES);
    check(tcgetattr(this.#slave, termios), 'tcgetattr');
    cfmakeraw(termios);
    check(tcsetattr(this.#slave, 0, termios), 'tcsetattr');
    // The stream would write with blocking calls, and stop this process where nobody reads the tty.
    check(fcntl(master, F_SETFL, 'int', constants.O_RDWR | constants.O_NONBLOCK), 'fcntl');
    this.#fd = master;
    this.#master = new ReadStream(master);
    this.#master.on('data', onData);
    this.#master.on('error', () => this.close());
  }

  /** Towards the bench. Lost when the tty is gone or nobody reads it for too long. */
  write(bytes: Uint8Array): void {
    const waiting = this.#heldBack.length > 0;
    if (!this.#open || this.#heldBack.length >= HELD_BACK_BYTES) return;
    this.#heldBack = Buffer.concat([this.#heldBack, bytes]);
    if (!waiting) this.#push();
  }

  /** Writes what the line takes now, and the rest a little later. */
  #push(): void {
    if (!this.#open) return;
    const written = writeSome(this.#fd, this.#heldBack, this.#heldBack.length) as number;
    if (written < 0 && koffi.errno() !== EAGAIN) return this.close();
    this.#heldBack = this.#heldBack.subarray(Math.max(0, written));
    if (this.#heldBack.length > 0) setTimeout(() => this.#push(), AGAIN_AFTER_MS).unref();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#master.destroy();
    closeSync(this.#slave);
  }
}
