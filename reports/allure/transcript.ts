/** What crossed the wires while a case ran, to be read by a person. */

import type { Entry } from '../../harness/record/entry.ts';
import { channelsOf, readWire, type WireHappening, type WireWindow } from '../../harness/record/read-wire.ts';

/** Size of one transcript; an image transfer alone would be a hundred times as long. */
export const transcriptChars = 32 * 1024;
const bytesPerLine = 16;
/** Lines shown of one burst. */
const linesPerBurst = 16;

export interface Transcript {
  caseId: string;
  channel: string;
  text: string;
}

/** A case and the part of the run's monotonic clock in which it ran. */
export interface CaseWindow extends WireWindow {
  caseId: string;
}

/**
 * Transcripts of all cases and channels with traffic, each channel read once.
 *
 * @param windows in order and without overlap, as cases run one after the other
 */
export function transcripts(
  dir: string,
  entries: readonly Entry[],
  windows: readonly CaseWindow[],
): Transcript[] {
  return channelsOf(entries).flatMap((channel) => {
    const builders = windows.map((window) => new TranscriptBuilder(window, channel));
    let current: TranscriptBuilder | undefined;
    for (const happening of readWire(dir, entries, channel)) {
      // A note about a blanked secret has no time of its own: it belongs to the burst before it.
      if (happening.kind !== 'secret') current = builders.find((builder) => builder.covers(happening.tMono));
      current?.add(happening);
    }
    return builders.filter((builder) => !builder.empty).map((builder) => builder.finish());
  });
}

class TranscriptBuilder {
  readonly #window: CaseWindow;
  readonly #channel: string;
  readonly #head: WireHappening[] = [];
  #tail: WireHappening[] = [];
  #headChars = 0;
  #tailChars = 0;
  #leftOut = 0;

  constructor(window: CaseWindow, channel: string) {
    this.#window = window;
    this.#channel = channel;
  }

  get empty(): boolean {
    return this.#head.length === 0;
  }

  covers(tMono: number): boolean {
    return tMono >= this.#window.fromMs && tMono <= this.#window.toMs;
  }

  /** The first half is kept as it comes, and of the rest the newest half. Text is made only of what is kept. */
  add(happening: WireHappening): void {
    if (this.#headChars < transcriptChars / 2) {
      this.#head.push(happening);
      this.#headChars += charsOf(happening);
      return;
    }
    this.#tail.push(happening);
    this.#tailChars += charsOf(happening);
    while (this.#tailChars > transcriptChars / 2 && this.#tail.length > 1) this.#dropOldest();
  }

  finish(): Transcript {
    const { caseId, fromMs } = this.#window;
    const note = `\n... ${this.#leftOut} bursts left out here; all bytes are in the run's wire folder ...\n\n`;
    const text = (some: readonly WireHappening[]) => some.map((one) => render(one, fromMs)).join('');
    const whole = `${text(this.#head)}${this.#leftOut > 0 ? note : ''}${text(this.#tail)}`;
    return { caseId, channel: this.#channel, text: whole };
  }

  #dropOldest(): void {
    const oldest = this.#tail.shift();
    if (oldest === undefined) return;
    this.#tailChars -= charsOf(oldest);
    this.#leftOut += 1;
  }
}

/** About as many characters as `render` makes. */
function charsOf(happening: WireHappening): number {
  if (happening.kind === 'event') return 40 + happening.text.length;
  if (happening.kind === 'secret') return 80;
  return 100 * Math.min(linesPerBurst + 1, Math.ceil(happening.bytes.length / bytesPerLine));
}

function render(happening: WireHappening, fromMs: number): string {
  if (happening.kind === 'secret')
    return `${' '.repeat(28)}(secret "${happening.name}" blanked: ${happening.bytes} bytes)\n`;
  const when = `${happening.tUtc.slice(11, 23)} ${`+${(happening.tMono - fromMs).toFixed(1)} ms`.padStart(13)}`;
  if (happening.kind === 'event') return `${when}  -- ${printable(Buffer.from(happening.text))}\n`;
  const arrow = happening.direction === 'sent' ? '>>' : '<<';
  const lines = hexLines(happening.bytes);
  const [first = '', ...more] = lines;
  return [`${when}  ${arrow} ${first}`, ...more.map((line) => `${' '.repeat(31)}${line}`), ''].join('\n');
}

/** `de ad be ef  |....|`, sixteen bytes to a line. */
function hexLines(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < linesPerBurst; at += bytesPerLine) {
    const part = bytes.subarray(at, at + bytesPerLine);
    const hex = part.toString('hex').replace(/..(?=.)/g, '$& ');
    lines.push(`${hex.padEnd(bytesPerLine * 3 - 1)}  |${printable(part)}|`);
  }
  const rest = bytes.length - linesPerBurst * bytesPerLine;
  return rest > 0 ? [...lines, `... ${rest} more bytes in this burst`] : lines;
}

function printable(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
}
