import type { Answer } from '../../../harness/capabilities.ts';
import type { AdapterModule } from '../../../harness/driver.ts';
import type { ConsoleCommandSettings } from '../adapter-settings.ts';
import { ask, quote, serialConsole, type Heard } from '../conversation.ts';
import { restartIn, wordReader, type Word } from './verdict-lines.ts';

/**
 * Asks the device to do something.
 *
 * `perform` answers `silent` when nothing came within the deadline and `garbage` when only other text did;
 * it throws PortError or DriverError when the bench's end fails, and never for what the device does.
 */
export const consoleCommandAdapter: AdapterModule<'action', ConsoleCommandSettings> = {
  name: 'console-command',
  role: 'action',
  create(settings, wire) {
    const console = serialConsole(wire, 'console-command');
    const read = wordReader(settings);
    const { send, withinMs } = settings;
    const request = { send, withinMs, heeds: restartIn(read) };
    return {
      perform: () => console.exclusive(async () => answerOf(await ask(console, request, read), withinMs)),
    };
  },
};

/** The answer that lines amount to. */
export function answerOf(heard: Heard<Word>, withinMs: number): Answer {
  const elapsedMs = heard.endedAtMs - heard.startedAtMs;
  if (heard.value !== undefined) return { ...heard.value, elapsedMs };
  const spoke = heard.lines.some((line) => line.text.trim() !== '');
  if (!spoke) return { kind: 'silent', reason: `nothing within ${withinMs} ms`, elapsedMs };
  return {
    kind: 'garbage',
    reason: `neither yes nor no within ${withinMs} ms: ${quote(heard.lines)}`,
    elapsedMs,
  };
}
