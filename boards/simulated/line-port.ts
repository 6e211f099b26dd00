/** A serial port seen from inside the device, and lines of text on it. */

import { Socket } from 'node:net';

export interface SerialPort {
  write(bytes: Uint8Array): void;
  onData(listener: (bytes: Buffer) => void): void;
  /** Calls back when all that was written has left the device. */
  drained(then: () => void): void;
}

/** The UART behind a file descriptor that the backplane gave. @param onGone the other end is closed: no supply any more */
export function openUart(fd: number, onGone: () => void): SerialPort {
  const socket = new Socket({ fd, readable: true, writable: true });
  socket.on('error', onGone);
  socket.on('close', onGone);
  socket.resume();
  return {
    write: (bytes) => void socket.write(bytes),
    onData: (listener) => void socket.on('data', listener),
    drained: (then) => void socket.write('', () => then()),
  };
}

const MAX_LINE_BYTES = 256;

/** Cuts a byte stream into lines at CR, LF or CRLF; a line that is too long comes out as undefined. */
export class LineCutter {
  #line = '';
  #tooLong = false;

  /** @returns the complete lines in these bytes; empty lines are left out */
  take(bytes: Buffer): (string | undefined)[] {
    const lines: (string | undefined)[] = [];
    for (const character of bytes.toString('latin1')) {
      if (character === '\r' || character === '\n') this.#end(lines);
      else if (this.#line.length < MAX_LINE_BYTES) this.#line += character;
      else this.#tooLong = true;
    }
    return lines;
  }

  #end(lines: (string | undefined)[]): void {
    if (this.#tooLong) lines.push(undefined);
    else if (this.#line.trim() !== '') lines.push(this.#line.trim());
    this.#line = '';
    this.#tooLong = false;
  }
}
