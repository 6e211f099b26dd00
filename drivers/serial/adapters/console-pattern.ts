import type { AdapterModule } from '../../../harness/driver.ts';
import { FrameError } from '../../../harness/errors.ts';
import type { ConsolePatternSettings } from '../adapter-settings.ts';
import { ask, noAnswer, serialConsole } from '../conversation.ts';
import { printable } from '../log-text.ts';

/**
 * Reads one value out of the answer to a line.
 *
 * `read` throws TimeoutError when no line of the answer matches, FrameError when a number is wanted and none came.
 */
export const consolePatternAdapter: AdapterModule<'value', ConsolePatternSettings> = {
  name: 'console-pattern',
  role: 'value',
  create(settings, wire) {
    const console = serialConsole(wire, 'console-pattern');
    const pattern = new RegExp(settings.pattern);
    const { answerEnd } = console.options;
    const end = answerEnd === undefined ? undefined : new RegExp(answerEnd);
    return {
      read: () =>
        console.exclusive(async () => {
          let value: string | undefined;
          const { lines } = await ask(console, settings, (line) => {
            value ??= pattern.exec(line.text)?.groups?.['value'];
            if (end === undefined || value === undefined) return value; // an end without the value ends an older answer
            return end.test(line.text) ? true : undefined;
          });
          if (value === undefined) throw noAnswer(console, settings, `match of /${settings.pattern}/`, lines);
          return settings.as === 'number' ? numberOf(value, console.options.wire) : value;
        }),
    };
  },
};

/** Decimal, or hexadecimal with 0x. */
function numberOf(text: string, wire: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) {
    throw new FrameError('not-a-number', `${wire}: ${printable(text)} is no number`, {
      data: { text },
      hint: 'Narrow the group (?<value>…) of the pattern, or set as: text in the board file.',
    });
  }
  return value;
}
