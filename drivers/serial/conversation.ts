/** Request and answer on a console: one at a time, line by line, unasked lines left out. */

import { Deadline, monotonicMs } from '../../harness/clock.ts';
import type { Driver } from '../../harness/driver.ts';
import { DriverError, TimeoutError } from '../../harness/errors.ts';
import { SerialConsole } from './console.ts';
import { printable, withoutLeadingControls } from './log-text.ts';

/** A line of an answer. */
export interface AnswerLine {
  /** Without prompt and line ending. */
  text: string;
  /** Position behind the line. */
  end: number;
  atMs: number;
}

/** What came of listening for an answer. */
export interface Heard<T> {
  /** What `pick` made of a line; undefined when the deadline passed first. */
  value: T | undefined;
  /** Lines heard, unasked ones and the echo left out. */
  lines: readonly AnswerLine[];
  /** When listening began, and when the deciding line came or the deadline passed. Monotonic ms. */
  startedAtMs: number;
  endedAtMs: number;
}

/** The console of a serial wire. @throws DriverError when the wire is another kind of driver */
export function serialConsole(wire: Driver, adapter: string): SerialConsole {
  if (wire.console instanceof SerialConsole) return wire.console;
  throw new DriverError(
    'wrong-wire',
    `the adapter ${adapter} needs a serial wire; ${wire.name} is ${wire.kind}`,
    {
      hint: 'Name a wire whose driver is serial.',
    },
  );
}

/**
 * Sends a line and listens to the answer. To be called inside `console.exclusive`.
 *
 * @param pick returns a value for the line that decides, undefined to go on
 * @throws PortError when the wire dies, DriverError when it is closed. A device that takes no bytes is silent.
 */
export async function ask<T>(
  console: SerialConsole,
  request: { send: string } & Pick<ListenRequest, 'withinMs' | 'heeds'>,
  pick: (line: AnswerLine) => T | undefined,
): Promise<Heard<T>> {
  await console.settle();
  const from = console.position;
  try {
    await console.send(request.send);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    console.markUnsettled();
    return { value: undefined, lines: [], startedAtMs: monotonicMs(), endedAtMs: monotonicMs() };
  }
  const { send, withinMs, heeds } = request;
  return listen(console, { from, withinMs, sent: send, heeds }, pick);
}

/** What to listen to. */
export interface ListenRequest {
  /** Position of the first byte that counts. */
  from: number;
  withinMs: number;
  /** What was sent before, whose echo is left out. */
  sent?: string;
  /** Lines to be heard although they come unasked. */
  heeds?: ((text: string) => boolean) | undefined;
}

/** Listens from a position on, without sending. Moves the cursor behind the deciding line. */
export async function listen<T>(
  console: SerialConsole,
  request: ListenRequest,
  pick: (line: AnswerLine) => T | undefined,
): Promise<Heard<T>> {
  const deadline = new Deadline(request.withinMs);
  const ears = new Ears(console, request);
  for (;;) {
    const seen = console.position;
    for (const line of ears.newLines()) {
      const value = pick(line);
      if (value === undefined) continue;
      console.moveCursor(line.end);
      console.markAnswered();
      return ears.heard(value, deadline, line.atMs);
    }
    if (deadline.passed || console.deviceOff) {
      console.markUnsettled();
      ears.takeUnfinished();
      return ears.heard<T>(undefined, deadline, monotonicMs());
    }
    await console.moreThan(seen, deadline.leftMs);
  }
}

/** Follows the log line by line. */
class Ears {
  readonly #console: SerialConsole;
  readonly #prompt: RegExp | undefined;
  readonly #lines: AnswerLine[] = [];
  /** The line that the device repeats, until it has. */
  #echo: string | undefined;
  readonly #heeds: (text: string) => boolean;
  #from: number;

  constructor(console: SerialConsole, { from, sent, heeds = () => false }: ListenRequest) {
    this.#console = console;
    this.#from = from;
    this.#heeds = heeds;
    const { prompt, echo } = console.options;
    this.#prompt = prompt === undefined ? undefined : new RegExp(`^(?:${prompt})`);
    this.#echo = echo ? sent : undefined;
  }

  /** Lines since the last call. */
  newLines(): AnswerLine[] {
    const fresh = this.#completeLines();
    const waiting = this.#waitingPrompt();
    if (waiting !== undefined) fresh.push(waiting);
    this.#lines.push(...fresh);
    return fresh;
  }

  /** At the end of listening: half a line is a sign of life, though never an answer. */
  takeUnfinished(): void {
    const text = this.#console.textOf(Math.max(this.#from, this.#console.unfinished.start));
    if (text.trim() !== '') this.#lines.push({ text, end: this.#console.position, atMs: monotonicMs() });
  }

  heard<T>(value: T | undefined, deadline: Deadline, endedAtMs: number): Heard<T> {
    return { value, lines: this.#lines, startedAtMs: deadline.startedAtMs, endedAtMs };
  }

  #completeLines(): AnswerLine[] {
    const lines = this.#console.linesEndingAfter(this.#from);
    const kept: AnswerLine[] = [];
    for (const { text, start, end, atMs } of lines) {
      // A line that had begun before the request: only its rest is part of the answer.
      const own = start >= this.#from ? text : this.#console.textOf(this.#from, end).replace(/[\r\n]+$/, '');
      this.#from = end;
      const clean = withoutLeadingControls(own);
      const bare = this.#prompt === undefined ? clean : clean.replace(this.#prompt, '');
      if (this.#isEcho(bare) || this.#isUnsolicited(bare)) continue;
      kept.push({ text: bare, end, atMs });
    }
    return kept;
  }

  /**
   * A prompt behind which the device waits has no line ending; it counts as a line of its own. One that comes before
   * the echo belongs to the answer before: U-Boot says that a file has arrived, and prompts 10 ms later.
   */
  #waitingPrompt(): AnswerLine | undefined {
    if (this.#echo !== undefined) return undefined;
    const text = this.#console.textOf(Math.max(this.#from, this.#console.unfinished.start));
    const match = this.#prompt?.exec(text);
    if (match === undefined || match === null || match[0] !== text || text === '') return undefined;
    this.#from = this.#console.position;
    return { text, end: this.#from, atMs: monotonicMs() };
  }

  #isEcho(text: string): boolean {
    if (this.#echo === undefined || text.trim() !== this.#echo.trim()) return false;
    this.#echo = undefined;
    return true;
  }

  #isUnsolicited(text: string): boolean {
    return this.#console.unsolicited.some((pattern) => pattern.test(text)) && !this.#heeds(text);
  }
}

/** Lines for an error message or a reason: the last few, visible. */
export function quote(lines: readonly AnswerLine[]): string {
  const shown = lines.filter((line) => line.text !== '').slice(-3);
  return shown.length === 0 ? 'nothing' : shown.map((line) => printable(line.text)).join(' · ');
}

/** What a read of a value throws when the answer did not come: readers have no silence to report but this. */
export function noAnswer(
  console: SerialConsole,
  request: { send: string; withinMs: number },
  wanted: string,
  lines: readonly AnswerLine[],
): TimeoutError {
  const { wire } = console.options;
  const what = `${wire}: no ${wanted} in the answer to ${printable(request.send)} within ${request.withinMs} ms`;
  return new TimeoutError('no-answer', `${what}; what came: ${quote(lines)}`, {
    data: {
      wire,
      sent: request.send,
      withinMs: request.withinMs,
      lastLines: lines.slice(-5).map((line) => line.text),
    },
    hint:
      lines.length === 0
        ? 'Check that the device has booted, and lineEnding in the board file.'
        : 'Compare the pattern in the board file with what came.',
  });
}
