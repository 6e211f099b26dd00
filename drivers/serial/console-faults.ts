/** What `expect` says when it fails: what came instead, and what to do next. */

import type { Deadline } from '../../harness/clock.ts';
import { DriverError, TimeoutError } from '../../harness/errors.ts';
import type { SerialConsole } from './console.ts';
import { printable } from './log-text.ts';

const LINES_SHOWN = 5;

/** Nothing matched within the deadline. */
export function expectFault(
  console: SerialConsole,
  pattern: RegExp,
  deadline: Deadline,
  from: number,
): TimeoutError {
  const { wire } = console.options;
  const receivedBytes = console.position - from;
  const lines = lastLines(console, from);
  const came =
    receivedBytes === 0
      ? 'not one byte came'
      : `${receivedBytes} bytes came, at last: ${lines.map((line) => printable(line)).join(' · ')}`;
  return new TimeoutError(
    'no-match',
    `${wire}: nothing matched ${String(pattern)} within ${deadline.withinMs} ms; ${came}`,
    {
      data: { wire, pattern: String(pattern), withinMs: deadline.withinMs, receivedBytes, lastLines: lines },
      hint: nextStep(console, from, receivedBytes),
    },
  );
}

/** A pattern that must not appear came first. */
export function forbiddenFault(console: SerialConsole, pattern: RegExp, text: string): DriverError {
  const { wire } = console.options;
  return new DriverError(
    'forbidden-text',
    `${wire}: ${String(pattern)} must not appear, but ${printable(text)} came`,
    {
      data: { wire, pattern: String(pattern), text },
      hint: 'Read the device output in the record around this moment.',
    },
  );
}

/** The cursor points at bytes that the log in memory has forgotten. */
export function overrunFault(console: SerialConsole, cursor: number): DriverError {
  const { wire } = console.options;
  const lostBytes = console.log.start - cursor;
  return new DriverError(
    'log-overrun',
    `${wire}: ${lostBytes} bytes behind the cursor are no longer in memory`,
    {
      data: { wire, lostBytes, keepLogBytes: console.log.maxBytes },
      hint: 'Call skipToEnd() before the request, or raise keepLogMiB in the board file. The record has all bytes.',
    },
  );
}

/** The last lines since a position, the unfinished one included. */
function lastLines(console: SerialConsole, from: number): string[] {
  const lines = console.linesSince(from).map((line) => line.text);
  const { start } = console.unfinished;
  const rest = console.textOf(Math.max(from, start));
  if (rest !== '') lines.push(rest);
  return lines.slice(-LINES_SHOWN);
}

function nextStep(console: SerialConsole, from: number, receivedBytes: number): string {
  const { parameters } = console.options;
  if (receivedBytes === 0) {
    return `Check that the device has power, that TX and RX are not swapped, and that its console is on this port (${parameters}).`;
  }
  if (noiseShare(console.log.slice(from)) > 0.3) {
    return `What came is no text: check baudRate, dataBits and parity (now ${parameters}).`;
  }
  return 'Compare the pattern with what came; a device that is only slow needs a longer withinMs.';
}

/** Share of bytes that no text console sends: control characters and bytes above ASCII. */
function noiseShare(bytes: Uint8Array): number {
  let noise = 0;
  for (const byte of bytes) {
    const control = byte < 0x20 && ![0x07, 0x08, 0x09, 0x0a, 0x0d, 0x1b].includes(byte);
    if (control || byte >= 0x7f) noise += 1;
  }
  return bytes.length === 0 ? 0 : noise / bytes.length;
}
