/** The text console of a serial wire: an always-on log, and a cursor that `expect` moves over it. */

import type { Answer, Console, ConsoleMatch, EndlessTransfer } from '../../harness/capabilities.ts';
import { Deadline, monotonicMs, pause } from '../../harness/clock.ts';
import { type BenchError, DriverError } from '../../harness/errors.ts';
import { ByteLog } from './byte-log.ts';
import { expectFault, forbiddenFault, overrunFault } from './console-faults.ts';
import { logText, statelessPattern } from './log-text.ts';
import { LineSplitter, type RawLine } from './line-splitter.ts';
import { Mutex } from './mutex.ts';
import { sendYmodemEndlessly } from './ymodem-endless.ts';
import type { YmodemChannel, YmodemTimes } from './ymodem-session.ts';
import { sendYmodem } from './ymodem.ts';

/** What the console needs of the wire below it. */
export interface ConsoleLink {
  /** Resolves when the wire is open, trying to get it back if it was lost. @throws DriverError, PortError */
  ready(): Promise<void>;
  /** @throws TimeoutError when the port takes no bytes, PortError when it dies */
  write(bytes: Uint8Array): Promise<void>;
  /** Milliseconds that so many bytes take on the wire. */
  transmitMs(bytes: number): number;
}

export interface ConsoleOptions {
  wire: string;
  link: ConsoleLink;
  lineEnding: 'cr' | 'lf' | 'crlf';
  receivedLineEnding: 'lf' | 'cr';
  prompt?: string | undefined;
  answerEnd?: string | undefined;
  echo: boolean;
  unsolicited: readonly string[];
  maxLineBytes: number;
  keepLogBytes: number;
  quietAfterTimeoutMs: number;
  /** Why a file cannot go over this wire, if so: 7 data bits, XON/XOFF. */
  notTransparent?: string | undefined;
  /** For messages: "115200 8N1". */
  parameters: string;
}

/** A line of the log with its time and place. */
export interface ConsoleLine extends RawLine {
  /** Monotonic ms at which its last byte arrived. */
  atMs: number;
}

const ENDINGS = { cr: '\r', lf: '\n', crlf: '\r\n' } as const;
/** Above this much text between cursor and end, a search runs at most every 20 ms, so that a flood stays cheap. */
const CHEAP_SEARCH_BYTES = 65_536;

export class SerialConsole implements Console {
  readonly options: ConsoleOptions;
  readonly log: ByteLog;
  /** Lines that belong to no answer; console-alarm adapters add theirs. */
  readonly unsolicited: RegExp[];
  readonly #splitter: LineSplitter;
  readonly #mutex = new Mutex();
  #lines: ConsoleLine[] = [];
  #cursor = 0;
  #expecting = false;
  /** True after a conversation without an answer: a late one may still come. */
  #unsettled = false;
  #deviceOff = false;
  /** Ends a wait early, as its deadline would. */
  readonly #waits = new Set<() => void>();
  /** A request went without an answer, which may still come: as an answer to the next request. */
  #answerOwed = false;
  readonly #lineListeners = new Set<(line: ConsoleLine) => void>();
  readonly #endListeners = new Set<(cause: BenchError) => void>();
  readonly #wakers = new Set<() => void>();

  constructor(options: ConsoleOptions) {
    this.options = options;
    this.log = new ByteLog(options.keepLogBytes);
    this.unsolicited = options.unsolicited.map((source) => new RegExp(source));
    this.#splitter = new LineSplitter({
      maxLineBytes: options.maxLineBytes,
      delimiter: ENDINGS[options.receivedLineEnding],
    });
  }

  // -------------------------------------------------------------------------------------------------------------
  // Console

  /**
   * Sends a line (a string gets the line ending of the board file), or raw bytes as they are.
   *
   * @throws DriverError when closed, PortError when lost, TimeoutError when the port takes no bytes
   */
  async send(data: string | Uint8Array): Promise<void> {
    await this.options.link.ready();
    const bytes =
      typeof data === 'string' ? Buffer.from(data + ENDINGS[this.options.lineEnding], 'utf8') : data;
    await this.options.link.write(bytes);
  }

  /**
   * Waits for a pattern behind the cursor and moves the cursor behind it. A string means itself; a RegExp sees the
   * whole text from the cursor on, unfinished lines included, so end it with `\r?\n` where a number must be complete.
   * When a forbidden pattern comes first, the cursor moves behind that one.
   *
   * @param options.stop ends the wait early, as the deadline does
   * @throws TimeoutError `no-match` with the last lines; DriverError `forbidden-text`, `log-overrun` when the text
   *   at the cursor was forgotten, `busy` when another expect waits; PortError when the wire dies meanwhile
   */
  async expect(
    pattern: RegExp | string,
    options: { withinMs: number; mustNotAppear?: readonly RegExp[]; stop?: AbortSignal },
  ): Promise<ConsoleMatch> {
    const deadline = new Deadline(options.withinMs);
    await this.options.link.ready();
    if (this.#expecting) {
      throw new DriverError('busy', `${this.options.wire}: another expect waits on this console`, {
        hint: 'Await it first, or hold the console with exclusive().',
      });
    }
    this.#expecting = true;
    try {
      return await this.#search(pattern, options.mustNotAppear ?? [], deadline, options.stop);
    } finally {
      this.#expecting = false;
    }
  }

  skipToEnd(): void {
    this.#cursor = this.log.end;
  }

  /** Bytes received since the driver was made; it goes on counting when the wire is opened again. */
  get position(): number {
    return this.log.end;
  }

  linesSince(position: number): readonly ConsoleLine[] {
    let first = this.#lines.length;
    while (first > 0 && (this.#lines[first - 1] as ConsoleLine).start >= position) first -= 1;
    return this.#lines.slice(first);
  }

  /** Lines that were completed behind a position, though they may have begun before it. */
  linesEndingAfter(position: number): readonly ConsoleLine[] {
    let first = this.#lines.length;
    while (first > 0 && (this.#lines[first - 1] as ConsoleLine).end > position) first -= 1;
    return this.#lines.slice(first);
  }

  onLine(listener: (line: ConsoleLine) => void): () => void {
    const own = (line: ConsoleLine): void => listener(line);
    this.#lineListeners.add(own);
    return () => void this.#lineListeners.delete(own);
  }

  /**
   * Sends a file with YMODEM, reading the receiver's bytes from the cursor on.
   *
   * @param options.stop ends the transfer between two bytes; the answer is then `closed`
   * @param options.endless leaves the transfer without an end; see {@link sendYmodemEndlessly}
   * @throws DriverError when the wire does not carry all bytes; PortError when it dies. Silence is an answer.
   */
  async sendFile(
    file: { name: string; bytes: Uint8Array },
    options: YmodemTimes & { stop?: AbortSignal; endless?: EndlessTransfer },
  ): Promise<Answer> {
    const { stop, endless, ...times } = options;
    await this.options.link.ready();
    if (this.options.notTransparent !== undefined) {
      throw new DriverError(
        'not-transparent',
        `${this.options.wire}: no file can be sent: ${this.options.notTransparent}`,
        {
          hint: 'Set dataBits: 8 and flowControl: none or rts-cts.',
        },
      );
    }
    const channel = this.#channel(stop);
    if (endless !== undefined) return sendYmodemEndlessly(channel, file, { ...times, endless });
    return sendYmodem(channel, file, times);
  }

  // -------------------------------------------------------------------------------------------------------------
  // For adapters and makers' profiles

  /** Runs one conversation at a time: request and answer of one adapter are never mixed with another's. */
  exclusive<T>(conversation: () => Promise<T>): Promise<T> {
    return this.#mutex.run(conversation);
  }

  /** Where the cursor stands. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Moves the cursor to a position, backwards too. */
  moveCursor(position: number): void {
    this.#cursor = position;
  }

  /** Calls back when the wire dies, until the returned function is called. */
  onLinkEnd(listener: (cause: BenchError) => void): () => void {
    const own = (cause: BenchError): void => listener(cause);
    this.#endListeners.add(own);
    return () => void this.#endListeners.delete(own);
  }

  /** Text of the line that has not ended, and where it starts. */
  get unfinished(): { text: string; start: number } {
    const start = this.#splitter.lineStart;
    return { text: this.log.slice(start).toString('utf8'), start };
  }

  /** Text of a piece of the log. */
  textOf(from: number, to?: number): string {
    return this.log.slice(from, to).toString('utf8');
  }

  /**
   * Resolves true when bytes beyond `position` have come, false at the deadline or when `stop` is raised.
   *
   * @throws PortError when the wire dies first, DriverError when it is closed
   */
  async moreThan(position: number, withinMs: number, stop?: AbortSignal): Promise<boolean> {
    if (this.log.end > position) return true;
    if (stop?.aborted === true || this.#deviceOff) return false;
    let timer: NodeJS.Timeout | undefined;
    const undo: (() => void)[] = [];
    try {
      const more = await new Promise<boolean>((resolve, reject) => {
        const arrived = (): void => resolve(true);
        const stopped = (): void => resolve(false);
        this.#wakers.add(arrived);
        undo.push(() => this.#wakers.delete(arrived), this.onLinkEnd(reject));
        this.#waits.add(stopped);
        undo.push(() => this.#waits.delete(stopped));
        stop?.addEventListener('abort', stopped);
        undo.push(() => stop?.removeEventListener('abort', stopped));
        timer = setTimeout(stopped, withinMs);
      });
      return more || this.log.end > position; // the bytes that raised `stop` came first
    } finally {
      clearTimeout(timer);
      for (const step of undo) step();
    }
  }

  /** True while the bench keeps the device without power: nothing will come, so nothing is waited for. */
  get deviceOff(): boolean {
    return this.#deviceOff;
  }

  /** The bench switched the device off or on: whoever waits for a device without power waits no longer. */
  devicePowerChanged(on: boolean): void {
    this.#deviceOff = !on;
    if (!on) for (const stop of [...this.#waits]) stop();
  }

  /** Says that an answer is outstanding: the next conversation waits for silence first. */
  markUnsettled(): void {
    this.#unsettled = true;
    this.#answerOwed = true;
  }

  /**
   * A request was answered. After one that was not, this may have been the late answer to that: its own is then still
   * to come, and the next request waits for silence once more.
   */
  markAnswered(): void {
    this.#unsettled = this.#answerOwed;
    this.#answerOwed = false;
  }

  /** After a request without an answer: waits until the device has been silent for a while, at most ten times that. */
  async settle(): Promise<void> {
    const { quietAfterTimeoutMs } = this.options;
    if (this.#unsettled) {
      const bound = new Deadline(10 * quietAfterTimeoutMs);
      while (!bound.passed && (await this.moreThan(this.log.end, quietAfterTimeoutMs)));
      this.#unsettled = false;
    }
    this.skipToEnd();
  }

  // -------------------------------------------------------------------------------------------------------------
  // For the driver

  /** Takes what a read of the port delivered. */
  received(bytes: Uint8Array): void {
    this.log.append(bytes);
    this.#take(this.#splitter.push(bytes));
    this.#forgetLines();
    for (const wake of [...this.#wakers]) wake();
  }

  /** The wire ended: everything that waits for bytes rejects with the cause. */
  linkEnded(cause: BenchError): void {
    this.#take(this.#splitter.end()); // half a line must not grow together with what comes after a reopen
    for (const listener of [...this.#endListeners]) listener(cause);
  }

  // -------------------------------------------------------------------------------------------------------------

  async #search(
    pattern: RegExp | string,
    mustNotAppear: readonly RegExp[],
    deadline: Deadline,
    stop: AbortSignal | undefined,
  ): Promise<ConsoleMatch> {
    const from = this.#cursor;
    const wanted = statelessPattern(pattern);
    const forbidden = mustNotAppear.map(statelessPattern);
    for (;;) {
      const end = this.log.end;
      if (this.#cursor < this.log.start) throw this.#overrun();
      const match = this.#searchOnce(wanted, forbidden);
      if (match !== undefined) return match;
      if (deadline.passed || stop?.aborted === true || this.#deviceOff)
        throw expectFault(this, wanted, deadline, from);
      if (end - this.#cursor > CHEAP_SEARCH_BYTES) await pause(Math.min(20, deadline.leftMs));
      await this.moreThan(end, deadline.leftMs, stop);
    }
  }

  #searchOnce(wanted: RegExp, forbidden: readonly RegExp[]): ConsoleMatch | undefined {
    const seen = logText(this.log.slice(this.#cursor));
    const { text } = seen;
    const found = wanted.exec(text);
    const behind = (match: RegExpExecArray): number =>
      this.#cursor + seen.offsetOf(match.index + match[0].length);
    for (const pattern of forbidden) {
      const fault = pattern.exec(text);
      if (fault === null || (found !== null && found.index <= fault.index)) continue;
      this.#cursor = behind(fault);
      throw forbiddenFault(this, pattern, fault[0]);
    }
    if (found === null) return undefined;
    const end = behind(found);
    this.#cursor = end;
    return {
      before: text.slice(0, found.index + found[0].length),
      text: found[0],
      groups: definedGroups(found),
      atMs: this.#timeOfByteBefore(end),
    };
  }

  /** After an overrun the cursor stands at the oldest byte held, so that the next expect can go on. */
  #overrun(): DriverError {
    const fault = overrunFault(this, this.#cursor);
    this.#cursor = this.log.start;
    return fault;
  }

  #channel(stop: AbortSignal | undefined): YmodemChannel {
    return {
      write: (bytes) => this.options.link.write(bytes),
      transmitMs: (bytes) => this.options.link.transmitMs(bytes),
      stopped: () => stop?.aborted === true || this.#deviceOff,
      position: () => this.#cursor,
      rewind: (position) => this.moveCursor(position),
      read: async (withinMs) => {
        if (this.#cursor < this.log.start) throw this.#overrun();
        if (!(await this.moreThan(this.#cursor, withinMs, stop))) return undefined;
        const byte = this.log.slice(this.#cursor, this.#cursor + 1)[0];
        this.#cursor += 1;
        return byte;
      },
    };
  }

  #take(lines: readonly RawLine[]): void {
    for (const raw of lines) {
      const line: ConsoleLine = { ...raw, atMs: this.#timeOfByteBefore(raw.end) };
      this.#lines.push(line);
      for (const listener of [...this.#lineListeners]) listener(line);
    }
  }

  #timeOfByteBefore(position: number): number {
    return this.log.burstAt(position - 1)?.atMs ?? monotonicMs();
  }

  #forgetLines(): void {
    const oldest = this.log.start;
    if (this.#lines.length < 1024 || (this.#lines[this.#lines.length >> 1] as ConsoleLine).end > oldest)
      return;
    this.#lines = this.#lines.filter((line) => line.end > oldest);
  }
}

/** Named groups that took part in the match. */
export function definedGroups(match: RegExpExecArray): Record<string, string> {
  const entries = Object.entries(match.groups ?? {}) as [string, string | undefined][];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
