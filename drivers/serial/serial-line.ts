/** One open serial port, from open to its end: bytes in, bytes out, and one report when it dies. */

import { SerialPort } from 'serialport';
import { within } from '../../harness/clock.ts';
import { type BenchError, DriverError, PortError, TimeoutError } from '../../harness/errors.ts';
import { guardedBinding, type PortBinding, type PortOptions } from './guarded-binding.ts';
import { messageOf } from './port-faults.ts';

/** Time for the operating system to close a port or to set its lines; a healthy one needs well under 1 ms. */
const HOUSEKEEPING_WITHIN_MS = 2000;

export interface LineEvents {
  /** Each read of the port, in order. */
  received(bytes: Buffer): void;
  /** The port died without being asked to. Called at most once, never after `close`. */
  died(cause: BenchError): void;
}

export interface LineOptions {
  /** Wire name for error messages. */
  wire: string;
  port: PortOptions;
  writeWithinMs: number;
  binding?: PortBinding;
}

/** A port that is open. Made by {@link SerialLine.open}; whoever opened it closes it. */
export class SerialLine {
  readonly #options: LineOptions;
  readonly #events: LineEvents;
  readonly #port: SerialPort;
  #closing = false;
  #end: BenchError | undefined;
  /** Rejectors of the requests in flight; called when the port dies. */
  readonly #inFlight = new Set<(error: BenchError) => void>();

  /** Opens the port; rejects with serialport's own error, for `openFault` to explain. */
  static async open(options: LineOptions, events: LineEvents): Promise<SerialLine> {
    const settings = { ...options.port, binding: options.binding ?? guardedBinding, autoOpen: false };
    const port = new SerialPort(settings);
    await new Promise<void>((resolve, reject) => {
      port.open((error) => (error ? reject(error) : resolve()));
    });
    return new SerialLine(port, options, events);
  }

  private constructor(port: SerialPort, options: LineOptions, events: LineEvents) {
    this.#port = port;
    this.#options = options;
    this.#events = events;
    // Without a `data` listener nothing is read, and an unplugged port goes unnoticed until the next write.
    port.on('data', (bytes: Buffer) => this.#events.received(bytes));
    port.on('error', (error) => this.end(error));
    port.on('close', (error: unknown) => this.end(error)); // may come twice
  }

  get isOpen(): boolean {
    return this.#port.isOpen && this.#end === undefined && !this.#closing;
  }

  /** Milliseconds that so many bytes take on the wire: start, data, parity and stop bits. */
  transmitMs(bytes: number): number {
    const { dataBits, parity, stopBits, baudRate } = this.#options.port;
    return (bytes * (1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits) * 1000) / baudRate;
  }

  /**
   * Hands bytes to the operating system, all of them.
   *
   * @throws TimeoutError when the port does not take them (held by flow control), PortError when it dies
   */
  async write(bytes: Uint8Array): Promise<void> {
    const withinMs = this.#options.writeWithinMs + this.transmitMs(bytes.length);
    await this.#request(`sending ${bytes.length} bytes`, withinMs, (done) => {
      this.#port.write(Buffer.from(bytes), done);
    });
  }

  /** Resolves when the last byte has left the port. */
  async drain(withinMs = this.#options.writeWithinMs): Promise<void> {
    await this.#request('draining', withinMs, (done) => this.#port.drain(done));
  }

  /** Sets modem lines; what is not named keeps serialport's default (DTR and RTS on, break off). */
  async setLines(lines: { dtr?: boolean; rts?: boolean; brk?: boolean }): Promise<void> {
    await this.#request('setting the modem lines', HOUSEKEEPING_WITHIN_MS, (done) =>
      this.#port.set(lines, done),
    );
  }

  /** Closes the port. Safe twice and after its death. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#rejectAll(new DriverError('closed', `${this.#options.wire}: closed while a request was in flight`));
    if (!this.#port.isOpen) return; // serialport's close would answer with an error
    const closed = new Promise<void>((resolve) => this.#port.close(() => resolve()));
    await within(closed, HOUSEKEEPING_WITHIN_MS, `${this.#options.wire}: closing ${this.#options.port.path}`);
  }

  /** Ends the line as dead: called by the port, and by a watchdog that sees what the port does not. */
  end(cause: unknown): void {
    if (!this.#closing) this.#ended(cause);
  }

  #ended(cause: unknown): BenchError {
    if (this.#end !== undefined) return this.#end;
    const { wire, port } = this.#options;
    const reason = cause === null || cause === undefined ? '' : `: ${messageOf(cause)}`;
    const end = new PortError('port-lost', `${wire}: lost ${port.path}${reason}`, {
      data: { path: port.path },
      hint: 'Check the plug, the adapter and the power of what it hangs on.',
      cause,
    });
    this.#end = end;
    this.#rejectAll(end);
    if (this.#port.isOpen) this.#port.close(() => undefined);
    this.#events.died(end);
    return end;
  }

  /** serialport's write and drain never call back on a closed port: checked here, and ended by death or deadline. */
  async #request(
    what: string,
    withinMs: number,
    start: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    const { wire, port } = this.#options;
    if (this.#end !== undefined) throw this.#end;
    if (this.#closing) throw new DriverError('closed', `${wire}: ${what}: ${port.path} is closed`);
    if (!this.#port.isOpen) throw this.#ended(new Error('it closed by itself')); // its event is on the way
    let reject: (error: BenchError) => void = () => undefined;
    const work = new Promise<void>((resolve, fail) => {
      reject = fail;
      start((error) => (error ? fail(this.#requestFault(what, error)) : resolve()));
    });
    this.#inFlight.add(reject);
    try {
      await within(work, withinMs, `${wire}: ${what} through ${port.path}`, this.#stallHint());
    } catch (error) {
      if (error instanceof TimeoutError && this.#port.isOpen) this.#port.flush(() => undefined);
      throw error;
    } finally {
      this.#inFlight.delete(reject);
    }
  }

  #requestFault(what: string, error: Error): PortError {
    const { wire, port } = this.#options;
    if (this.#end !== undefined) return this.#end;
    const noLines = /Inappropriate ioctl|ENOTTY|cannot set|cannot get/i.test(error.message);
    return new PortError(
      noLines ? 'no-modem-lines' : 'port-request',
      `${wire}: ${what} failed on ${port.path}`,
      {
        data: { path: port.path },
        hint: noLines
          ? 'This port has no RTS, DTR or break (a pseudo terminal?): leave dtr and rts out of the board file.'
          : 'Check the adapter and its cable.',
        cause: error,
      },
    );
  }

  #stallHint(): string {
    if (this.#options.port.rtscts) return 'CTS is not given: check the cable, or set flowControl: none.';
    return 'The other side takes no bytes: check that the device runs and that its port is not held by XOFF.';
  }

  #rejectAll(error: BenchError): void {
    for (const reject of this.#inFlight) reject(error);
    this.#inFlight.clear();
  }
}
