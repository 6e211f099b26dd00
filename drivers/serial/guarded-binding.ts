/** The operating system's serial port, with the faults of its binding closed off. */

import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { read } from 'node:fs';
import { SerialPort } from 'serialport';

/** An open port as serialport's stream uses it. */
export interface BoundPort {
  readonly isOpen: boolean;
  read(buffer: Buffer, offset: number, length: number): Promise<{ buffer: Buffer; bytesRead: number }>;
  write(buffer: Buffer): Promise<void>;
  close(): Promise<void>;
  drain(): Promise<void>;
  flush(): Promise<void>;
  set(lines: object): Promise<void>;
  get(): Promise<object>;
  update(options: { baudRate: number }): Promise<void>;
}

/** What opens ports: the real binding, or a fake one in a test. */
export interface PortBinding {
  open(options: PortOptions): Promise<BoundPort>;
}

/** serialport's options for one port. */
export interface PortOptions {
  path: string;
  baudRate: number;
  dataBits: 5 | 6 | 7 | 8;
  parity: 'none' | 'even' | 'odd';
  stopBits: 1 | 2;
  rtscts: boolean;
  xon: boolean;
  xoff: boolean;
  hupcl: boolean;
  lock: boolean;
}

/** How many reads of no bytes in a row mean that the line is gone. */
export const ZERO_READS_OF_A_DEAD_LINE = 3;

/**
 * Opens a port whose `read` fails when the line is dead.
 *
 * A tty that was hung up is readable for ever and gives zero bytes; the binding (bindings-cpp 13.0.0,
 * `dist/unix-read.js`) then reads again at once, without end, at the price of most of a core, and `close` never
 * comes. With VMIN=1 and O_NONBLOCK a live line says EAGAIN instead, so zero-length reads in a row are the end.
 */
export const guardedBinding: PortBinding = {
  async open(options) {
    const port = (await SerialPort.binding.open(options)) as unknown as BoundPort;
    if (process.platform !== 'win32') guardRead(port);
    return port;
  },
};

type ReadFile = (
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: null,
) => Promise<{ bytesRead: number; buffer: Buffer }>;
type UnixRead = (options: {
  binding: BoundPort;
  buffer: Buffer;
  offset: number;
  length: number;
  fsReadAsync: ReadFile;
}) => Promise<{ buffer: Buffer; bytesRead: number }>;

// Resolved from serialport, whose dependency it is: it need not lie at the top of node_modules.
const requireFromHere = createRequire(import.meta.url);
const { unixRead } = createRequire(requireFromHere.resolve('serialport'))(
  '@serialport/bindings-cpp/dist/unix-read.js',
) as { unixRead: UnixRead };

const readOnce = promisify(read) as ReadFile;

/** Replaces the port's `read`; exported for its test. */
export function guardRead(port: BoundPort, readFile: ReadFile = readOnce): void {
  let zeroReads = 0;
  const fsReadAsync: ReadFile = async (...args) => {
    const result = await readFile(...args);
    zeroReads = result.bytesRead === 0 ? zeroReads + 1 : 0;
    if (zeroReads < ZERO_READS_OF_A_DEAD_LINE) return result;
    throw Object.assign(new Error(`the line hung up (${zeroReads} reads without a byte)`), { code: 'EIO' });
  };
  port.read = (buffer, offset, length) => unixRead({ binding: port, buffer, offset, length, fsReadAsync });
}
