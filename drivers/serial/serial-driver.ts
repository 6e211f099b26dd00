/** A serial wire: opens the port, keeps reading it, notices its loss, and gets it back. */

import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { Deadline, monotonicMs, pause, utcNow } from '../../harness/clock.ts';
import type { Driver, DriverContext, DriverState } from '../../harness/driver.ts';
import { type BenchError, DriverError, PortError } from '../../harness/errors.ts';
import { SerialConsole } from './console.ts';
import type { PortBinding, PortOptions } from './guarded-binding.ts';
import { Mutex } from './mutex.ts';
import { isLocked, openFault } from './port-faults.ts';
import { SerialLine } from './serial-line.ts';
import type { SerialSettings } from './settings.ts';

/** How often the watchdog compares the port that is open with what its path names. */
const WATCH_EVERY_MS = 1000;
const LOCK_RETRY_MS = 50;
/** A loss this soon after the device's power changed on purpose belongs to that change. */
const POWER_CHANGE_MS = 1000;

interface Loss {
  cause: BenchError;
  atMs: number;
  utc: string;
}

export class SerialDriver implements Driver {
  readonly kind = 'serial';
  readonly name: string;
  readonly console: SerialConsole;
  readonly path: string;
  readonly #settings: SerialSettings;
  readonly #context: DriverContext;
  readonly #binding: PortBinding | undefined;
  /** Opening, reopening and closing, one at a time. */
  readonly #transitions = new Mutex();
  #state: DriverState = 'closed';
  #line: SerialLine | undefined;
  /** Identity of the device node that was opened; a path that names another node has lost this one. */
  #node: string | undefined;
  #loss: Loss | undefined;
  #watch: NodeJS.Timeout | undefined;
  #reopen: NodeJS.Timeout | undefined;
  #closeAsked = false;
  #powerOff = false;
  #powerChangedAtMs = Number.NEGATIVE_INFINITY;

  /** @param binding opens ports in place of the operating system; for tests of what a pseudo terminal cannot do */
  constructor(settings: SerialSettings, context: DriverContext, binding?: PortBinding) {
    this.name = context.name;
    this.#settings = settings;
    this.#context = context;
    this.#binding = binding;
    this.path = isAbsolute(settings.path) ? settings.path : resolve(context.boardDir, settings.path);
    this.console = new SerialConsole({
      ...settings,
      wire: this.name,
      keepLogBytes: settings.keepLogMiB * 1_048_576,
      parameters: describeParameters(settings),
      notTransparent: notTransparent(settings),
      link: {
        ready: () => this.#ready(),
        write: (bytes) => this.#write(bytes),
        transmitMs: (bytes) => this.#line?.transmitMs(bytes) ?? 0,
      },
    });
  }

  get state(): DriverState {
    return this.#state;
  }

  get provides(): Readonly<Record<string, string | number>> {
    return { path: this.path, baudRate: this.#settings.baudRate };
  }

  /** @throws DriverError when open already; PortError naming what is missing and the next step */
  async open(): Promise<void> {
    await this.#transitions.run(async () => {
      if (this.#state === 'open') {
        throw new DriverError('already-open', `${this.name}: ${this.path} is open already`);
      }
      this.#closeAsked = false;
      this.console.skipToEnd(); // before the port is open: its first bytes belong to whoever opened it
      await this.#connect();
    });
  }

  async close(): Promise<void> {
    this.#closeAsked = true;
    this.#stopTimers();
    await this.#transitions.run(async () => {
      this.#stopTimers();
      const line = this.#line;
      if (this.#state !== 'closed') this.#context.wire.event(`closed ${this.path}`);
      this.#state = 'closed';
      this.#line = undefined;
      this.#loss = undefined;
      this.console.linkEnded(new DriverError('closed', `${this.name}: closed while waiting for the device`));
      await line?.close();
    });
  }

  /** Is the port open, and does its path still name the node that we hold? */
  async selfTest(): Promise<void> {
    await this.#ready();
    await this.#checkNode();
    if (this.#loss !== undefined) throw this.#lostFault(this.#loss);
  }

  /** A tty may not notice that the device behind it lost power; the bench, which cut it, says so. */
  devicePowerChanged(on: boolean): void {
    this.console.devicePowerChanged(on);
    this.#powerOff = !on;
    this.#powerChangedAtMs = monotonicMs();
  }

  /** Sets DTR and RTS. @throws PortError `no-modem-lines` on a port without them */
  async setLines(lines: { dtr?: boolean; rts?: boolean }): Promise<void> {
    await this.#ready();
    await this.#openLine().setLines(this.#levels(lines));
    this.#context.wire.event(`modem lines ${JSON.stringify(lines)}`);
  }

  /** Holds the line in break for a while: what a boot loader may wait for. @throws PortError `no-modem-lines` */
  async sendBreak(forMs: number): Promise<void> {
    await this.#ready();
    const line = this.#openLine();
    await line.drain();
    await line.setLines({ ...this.#levels({}), brk: true });
    try {
      await pause(forMs); // the length of a break is its meaning
    } finally {
      await line.setLines({ ...this.#levels({}), brk: false });
    }
    this.#context.wire.event(`break for ${forMs} ms`);
  }

  // -------------------------------------------------------------------------------------------------------------

  /** Passes on an open wire; on a lost one it tries once to get it back. */
  async #ready(): Promise<void> {
    if (this.#state === 'open' && this.#line?.isOpen === true) return;
    if (this.#state === 'closed') {
      throw new DriverError('closed', `${this.name}: the wire is closed`, { hint: 'Open the driver first.' });
    }
    await this.#transitions.run(() => this.#tryReopen());
    if (this.#loss !== undefined) throw this.#lostFault(this.#loss);
  }

  #lostFault(loss: Loss): PortError {
    const seconds = ((monotonicMs() - loss.atMs) / 1000).toFixed(1);
    return new PortError(
      'port-lost',
      `${this.name}: ${this.path} is lost since ${loss.utc} (${seconds} s ago)`,
      {
        data: { path: this.path, lostSince: loss.utc },
        hint: 'Check the plug and the power of the adapter; the wire comes back by itself when the port does.',
        cause: loss.cause,
      },
    );
  }

  #openLine(): SerialLine {
    if (this.#line === undefined) throw new DriverError('closed', `${this.name}: the wire is closed`);
    return this.#line;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const line = this.#openLine();
    this.#context.wire.sent(bytes); // before the write, so that a fast reply never precedes its request in the record
    try {
      await line.write(bytes);
    } catch (error) {
      this.#context.wire.event(
        `sending ${bytes.length} bytes failed; the device may not have got all of them`,
      );
      throw error;
    }
  }

  /** Opens the port; the state is `open` afterwards, or unchanged with an error. */
  async #connect(): Promise<void> {
    const line = await this.#openPort();
    this.#context.wire.event(`opened ${this.path}, ${describeParameters(this.#settings)}`);
    try {
      if (this.#settings.dtr !== undefined || this.#settings.rts !== undefined) {
        await line.setLines(this.#levels({}));
      }
      this.#node = await this.#nodeOfPath();
      if (this.#closeAsked) throw new DriverError('closed', `${this.name}: closed while opening`);
      if (!line.isOpen)
        throw new PortError('port-gone', `${this.name}: ${this.path} died while being opened`);
    } catch (error) {
      await line.close();
      throw error;
    }
    this.#stopTimers();
    this.#line = line;
    this.#loss = undefined;
    this.#state = 'open';
    this.#startWatch();
  }

  /** All levels, since serialport sets every line at each call. */
  #levels(lines: { dtr?: boolean; rts?: boolean }): { dtr: boolean; rts: boolean } {
    return { dtr: lines.dtr ?? this.#settings.dtr ?? true, rts: lines.rts ?? this.#settings.rts ?? true };
  }

  /** A lock may outlive its holder for a moment ("Cannot lock port" on reopen, serialport #2685): tried again. */
  async #openPort(): Promise<SerialLine> {
    const deadline = new Deadline(this.#settings.lockWithinMs);
    for (;;) {
      try {
        return await this.#openOnce();
      } catch (error) {
        const retry = isLocked(error) && !deadline.passed && !this.#closeAsked;
        if (!retry) throw await openFault(this.name, this.path, error);
        await pause(LOCK_RETRY_MS);
      }
    }
  }

  async #openOnce(): Promise<SerialLine> {
    const line: SerialLine = await SerialLine.open(
      {
        wire: this.name,
        port: portOptions(this.path, this.#settings),
        writeWithinMs: this.#settings.writeWithinMs,
        ...(this.#binding === undefined ? {} : { binding: this.#binding }),
      },
      {
        received: (bytes) => {
          this.#context.wire.received(bytes);
          this.console.received(bytes);
        },
        died: (cause) => this.#died(cause),
      },
    );
    return line;
  }

  #died(cause: BenchError): void {
    if (this.#state !== 'open') return;
    this.#state = 'lost';
    this.#loss = { cause, atMs: monotonicMs(), utc: utcNow() };
    this.#line = undefined;
    this.#stopTimers();
    const onPurpose = this.#powerOff || monotonicMs() - this.#powerChangedAtMs < POWER_CHANGE_MS;
    this.#context.wire.event(onPurpose ? `gone with the device's power: ${this.path}` : cause.message);
    this.console.linkEnded(cause);
    this.#startReopening();
    if (!onPurpose) this.#context.lost(cause);
  }

  // -------------------------------------------------------------------------------------------------------------
  // Watchdog and reopening

  /**
   * The port itself reports a hang-up at once. The watchdog is for what it does not report (a reader that hangs,
   * serialport #2684; an adapter that came back as another node): it compares the node behind the path.
   */
  #startWatch(): void {
    this.#watch = setInterval(() => void this.#checkNode(), WATCH_EVERY_MS);
    this.#watch.unref();
  }

  async #checkNode(): Promise<void> {
    const line = this.#line;
    const node = await this.#nodeOfPath();
    if (line === undefined || line !== this.#line || this.#node === undefined || node === this.#node) return;
    line.end(
      new Error(node === undefined ? 'its device node is gone' : 'its path names another device node now'),
    );
  }

  async #nodeOfPath(): Promise<string | undefined> {
    return stat(this.path).then(
      ({ dev, ino, rdev }) => `${dev}:${ino}:${rdev}`,
      () => undefined,
    );
  }

  #startReopening(): void {
    const bound = new Deadline(this.#settings.reopenWithinMs);
    const again = (): void => {
      if (this.#state !== 'lost' || bound.passed) return;
      this.#reopen = setTimeout(
        () => void this.#transitions.run(() => this.#tryReopen()).then(again),
        this.#settings.reopenEveryMs,
      );
      this.#reopen.unref();
    };
    again();
  }

  /** One quiet attempt; what stands in the way stays to be told to whoever asks next. */
  async #tryReopen(): Promise<void> {
    if (this.#state !== 'lost' || this.#closeAsked) return;
    if (this.#binding === undefined && (await this.#nodeOfPath()) === undefined) return;
    try {
      await this.#connect();
    } catch (error) {
      if (this.#loss !== undefined && error instanceof PortError)
        this.#loss = { ...this.#loss, cause: error };
    }
  }

  #stopTimers(): void {
    clearInterval(this.#watch);
    clearTimeout(this.#reopen);
  }
}

function portOptions(path: string, settings: SerialSettings): PortOptions {
  const { baudRate, dataBits, parity, stopBits, flowControl } = settings;
  const software = flowControl === 'xon-xoff';
  return {
    path,
    baudRate,
    dataBits,
    parity,
    stopBits,
    rtscts: flowControl === 'rts-cts',
    xon: software,
    xoff: software,
    hupcl: settings.hangUpOnClose,
    lock: true,
  };
}

/** "115200 8N1". */
function describeParameters({ baudRate, dataBits, parity, stopBits, flowControl }: SerialSettings): string {
  const flow = flowControl === 'none' ? '' : ` ${flowControl}`;
  return `${baudRate} ${dataBits}${parity.charAt(0).toUpperCase()}${stopBits}${flow}`;
}

function notTransparent({ dataBits, flowControl }: SerialSettings): string | undefined {
  if (dataBits !== 8) return `the wire has ${dataBits} data bits`;
  return flowControl === 'xon-xoff'
    ? 'XON/XOFF flow control would take bytes of the file as its own'
    : undefined;
}
