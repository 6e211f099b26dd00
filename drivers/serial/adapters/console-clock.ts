import type { AdapterModule } from '../../../harness/driver.ts';
import type { ConsoleClockSettings } from '../adapter-settings.ts';
import { ask, serialConsole } from '../conversation.ts';
import { answerOf } from './console-command.ts';
import { wordReader } from './verdict-lines.ts';

/** Sets the device's clock to a time in UTC, to the second. `set` answers and throws as console-command does. */
export const consoleClockAdapter: AdapterModule<'clock', ConsoleClockSettings> = {
  name: 'console-clock',
  role: 'clock',
  create(settings, wire) {
    const console = serialConsole(wire, 'console-clock');
    const read = wordReader(settings);
    return {
      set: (utc) =>
        console.exclusive(async () => {
          const request = { ...settings, send: settings.send.replaceAll('{utc}', inSeconds(utc)) };
          return answerOf(await ask(console, request, read), settings.withinMs);
        }),
    };
  },
};

/** ISO 8601 without a fraction: 2026-11-29T05:40:24Z. */
function inSeconds(utc: Date): string {
  return utc.toISOString().replace(/\.\d+Z$/, 'Z');
}
