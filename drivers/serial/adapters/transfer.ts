/** What transfers over a console have in common: bringing the device to receive, and hearing what it says meanwhile. */

import type { Answer } from '../../../harness/capabilities.ts';
import { monotonicMs } from '../../../harness/clock.ts';
import { TimeoutError } from '../../../harness/errors.ts';
import type { SerialConsole } from '../console.ts';
import { listen } from '../conversation.ts';
import { readings } from '../log-text.ts';
import { answerOf } from './console-command.ts';
import type { Word } from './verdict-lines.ts';

type Reader = (line: { text: string }) => Word | undefined;

/** Listens while a transfer runs. */
export interface Watch {
  /** Raised when the device has said no, or has restarted. */
  signal: AbortSignal;
  /** What it said. */
  readonly spoken: Word | undefined;
  end(): void;
}

/** A refusal in words, or a boot banner, ends a transfer; a yes does not, since it can only belong to its end. */
export function watchFor(console: SerialConsole, start: string, read: Reader): Watch {
  const stop = new AbortController();
  let spoken: Word | undefined;
  const end = console.onLine(({ text }) => {
    const word = wordIn(console, start, read, text);
    if (word === undefined || word.kind === 'accepted' || spoken !== undefined) return;
    spoken = word;
    stop.abort();
  });
  return {
    signal: stop.signal,
    get spoken() {
      return spoken;
    },
    end,
  };
}

function wordIn(console: SerialConsole, start: string, read: Reader, text: string): Word | undefined {
  const { echo, prompt } = console.options;
  for (const reading of readings(text)) {
    const bare = prompt === undefined ? reading : reading.replace(new RegExp(`^(?:${prompt})`), '');
    if (echo && bare.trim() === start.trim()) return undefined;
    const word = read({ text: bare });
    if (word?.kind === 'crashed') return word; // also where the banner is one of the lines that come unasked
    if (console.unsolicited.some((pattern) => pattern.test(bare))) return undefined;
    if (word !== undefined) return word;
  }
  return undefined;
}

/** Brings the device to wait for the file. @returns its answer when it does not */
export async function startTransfer(
  console: SerialConsole,
  { start, ready }: { start: string; ready: string },
  withinMs: number,
  read: Reader,
): Promise<Answer | undefined> {
  await console.settle();
  const from = console.position;
  const startedAtMs = monotonicMs();
  const watch = watchFor(console, start, read);
  try {
    await console.send(start);
    await console.expect(new RegExp(ready), { withinMs, stop: watch.signal });
    return undefined;
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    const heard = await listen(console, { from, withinMs: 0, sent: start }, () => undefined);
    return answerOf({ ...heard, value: watch.spoken, startedAtMs, endedAtMs: monotonicMs() }, withinMs);
  } finally {
    watch.end();
  }
}
