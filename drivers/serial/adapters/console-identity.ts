import type { AdapterModule } from '../../../harness/driver.ts';
import type { ConsoleIdentitySettings } from '../adapter-settings.ts';
import { ask, noAnswer, serialConsole } from '../conversation.ts';

/**
 * Reads several named values out of one answer.
 *
 * `read` throws TimeoutError when the answer does not end or lacks a term.
 */
export const consoleIdentityAdapter: AdapterModule<'identity', ConsoleIdentitySettings> = {
  name: 'console-identity',
  role: 'identity',
  create(settings, wire) {
    const console = serialConsole(wire, 'console-identity');
    const end = new RegExp(settings.end);
    const terms = Object.entries(settings.patterns).map(([term, source]) => ({
      term,
      pattern: new RegExp(source),
    }));
    return {
      read: () =>
        console.exclusive(async () => {
          const found: Record<string, string> = {};
          const { value, lines } = await ask(console, settings, ({ text }) => {
            for (const { term, pattern } of terms)
              found[term] ??= pattern.exec(text)?.groups?.['value'] as string;
            return end.test(text) ? true : undefined;
          });
          if (value === undefined) throw noAnswer(console, settings, `end /${settings.end}/`, lines);
          const missing = terms.find(({ term }) => found[term] === undefined);
          if (missing !== undefined) throw noAnswer(console, settings, `term ${missing.term}`, lines);
          return found;
        }),
    };
  },
};
