/** A serial port of the bench, through serialport. */

import fs from 'node:fs';
import { promisify } from 'node:util';
import { SerialPort } from 'serialport';
import { within } from '../../../harness/clock.ts';
import { PortError } from '../../../harness/errors.ts';
import { type Connector, type Link, type LinkEvents } from './link.ts';

const CLOSE_WITHIN_MS = 2000;
/** So many reads of nothing in a row mean that the tty is gone. */
const EMPTY_READS_OF_A_DEAD_TTY = 3;

export interface LineSettings {
  path: string;
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  dataBits: 7 | 8;
  stopBits: 1 | 2;
}

export class SerialConnector implements Connector {
  readonly where: string;
  readonly remote = false;
  readonly #line: LineSettings;

  constructor(line: LineSettings) {
    this.#line = line;
    this.where = line.path;
  }

  async connect(events: LinkEvents, withinMs: number, signal: AbortSignal): Promise<Link> {
    const port = new SerialPort({ ...this.#line, autoOpen: false });
    const opening = new Promise<void>((resolve, reject) => {
      port.open((error) => (error ? reject(this.#notOpened(error)) : resolve()));
    });
    try {
      await within(
        opening,
        withinMs,
        `opening ${this.where}`,
        'Check for a stuck driver: unplug and plug the adapter.',
      );
    } catch (cause) {
      void opening.then(() => port.close(() => undefined)).catch(() => undefined); // opened after all: let go again
      if (cause instanceof PortError) throw cause;
      throw new PortError('open-timeout', `${this.where} did not open within ${withinMs} ms`, { cause });
    }
    endOnEmptyReads(port);
    const link = new SerialLink(port, this.where, events);
    if (!signal.aborted) return link;
    await link.close();
    throw new PortError('closing', `${this.where} given up: closing`);
  }

  async check(): Promise<void> {
    try {
      await fs.promises.access(this.where, fs.constants.R_OK | fs.constants.W_OK);
    } catch (cause) {
      throw this.#notOpened(cause as Error);
    }
  }

  #notOpened(cause: Error): PortError {
    const text = cause.message;
    const [code, hint] = /no such file|ENOENT/i.test(text)
      ? ['port-missing', 'Is the adapter plugged in? List ports with `ls -l /dev/serial/by-id`.']
      : /permission|EACCES/i.test(text)
        ? [
            'port-permission',
            'Add the user to the group that owns the port (often dialout), then log in again.',
          ]
        : /lock|busy|EBUSY/i.test(text)
          ? ['port-busy', `Another program holds the port; see \`fuser ${this.where}\`.`]
          : ['port-failed', 'Check the path and the line settings.'];
    return new PortError(code, `cannot open ${this.where}: ${text}`, {
      data: { path: this.where },
      hint,
      cause,
    });
  }
}

/** What serialport's Unix bindings are made of, as far as it is needed here. */
interface UnixBinding {
  fd: number | null;
  poller?: { once(event: 'readable', listener: (error: Error | null) => void): void };
  read(buffer: Buffer, offset: number, length: number): Promise<{ bytesRead: number; buffer: Buffer }>;
}

const readAsync = promisify(fs.read);

/**
 * Replaces the binding's read by one that takes repeated reads of nothing for the end of the tty. With serialport's
 * own, an adapter unplugged after traffic keeps a core busy and never closes (seen with 13.0.0 in 4 of 5 runs).
 */
function endOnEmptyReads(port: SerialPort): void {
  const binding = port.port as unknown as UnixBinding | undefined;
  if (binding?.poller === undefined) return; // Windows: another read altogether
  const poller = binding.poller;
  let empty = 0;
  binding.read = async (buffer, offset, length) => {
    for (;;) {
      if (binding.fd === null) throw Object.assign(new Error('Port is not open'), { canceled: true });
      try {
        const { bytesRead } = await readAsync(binding.fd, buffer, offset, length, null);
        if (bytesRead > 0) {
          empty = 0;
          return { bytesRead, buffer };
        }
        empty += 1;
        if (empty >= EMPTY_READS_OF_A_DEAD_TTY) {
          throw Object.assign(new Error(`${empty} reads of nothing: the port is gone`), { disconnect: true });
        }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EAGAIN' && code !== 'EWOULDBLOCK' && code !== 'EINTR') throw error;
        if ((binding.fd as number | null) === null)
          throw Object.assign(new Error('Port is not open'), { canceled: true });
        await new Promise<void>((resolve, reject) =>
          poller.once('readable', (failed) => (failed ? reject(failed) : resolve())),
        );
      }
    }
  };
}

class SerialLink implements Link {
  readonly #port: SerialPort;
  readonly #where: string;
  readonly #events: LinkEvents;
  #ended = false;

  constructor(port: SerialPort, where: string, events: LinkEvents) {
    this.#port = port;
    this.#where = where;
    this.#events = events;
    port.on('data', (chunk: Buffer) => {
      if (!this.#ended) events.received(chunk);
    });
    port.on('error', (error) => this.#die(error));
    port.on('close', (error: unknown) => this.#die(error)); // may come twice
  }

  write(bytes: Uint8Array): void {
    if (!this.#port.isOpen) {
      this.#die(new Error('write on a closed port')); // serialport would queue it and never call back
      return;
    }
    this.#port.write(bytes, (error) => {
      if (error) this.#die(error);
    });
  }

  async close(): Promise<void> {
    this.#ended = true;
    if (!this.#port.isOpen) return;
    const closed = new Promise<void>((resolve) => this.#port.close(() => resolve()));
    await within(closed, CLOSE_WITHIN_MS, `closing ${this.#where}`);
  }

  #die(cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#port.isOpen) this.#port.close(() => undefined);
    this.#events.died(
      new PortError('port-gone', `${this.#where} is gone`, {
        data: { path: this.#where },
        hint: 'Was the adapter unplugged, or is it powered by the device?',
        cause,
      }),
    );
  }
}
