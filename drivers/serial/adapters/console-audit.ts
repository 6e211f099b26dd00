import type { AuditEvent } from '../../../harness/capabilities.ts';
import type { AdapterModule } from '../../../harness/driver.ts';
import { FrameError } from '../../../harness/errors.ts';
import type { ConsoleAuditSettings } from '../adapter-settings.ts';
import { definedGroups } from '../console.ts';
import { ask, noAnswer, serialConsole } from '../conversation.ts';
import { printable } from '../log-text.ts';

/**
 * Reads the audit log. `since` throws TimeoutError when the answer does not end, FrameError when a record's
 * sequence is no number.
 */
export const consoleAuditAdapter: AdapterModule<'audit', ConsoleAuditSettings> = {
  name: 'console-audit',
  role: 'audit',
  create(settings, wire) {
    const console = serialConsole(wire, 'console-audit');
    const record = new RegExp(settings.pattern);
    const end = new RegExp(settings.end);
    return {
      since: (sequence) =>
        console.exclusive(async () => {
          const request = { ...settings, send: settings.send.replaceAll('{since}', String(sequence)) };
          const events: AuditEvent[] = [];
          const { value, lines } = await ask(console, request, ({ text }) => {
            const match = record.exec(text);
            if (match !== null) events.push(eventOf(match, console.options.wire));
            else if (end.test(text)) return true;
            return undefined;
          });
          if (value === undefined) throw noAnswer(console, request, `end /${settings.end}/`, lines);
          // The device may understand "since" as "from": only later records count.
          return events.filter((event) => event.sequence > sequence).sort((a, b) => a.sequence - b.sequence);
        }),
    };
  },
};

/** A group that took no part in the match is an empty text; the sequence must be there. */
function eventOf(match: RegExpExecArray, wire: string): AuditEvent {
  const { sequence = '', utc = '', event = '', object = '', result = '', text = '' } = definedGroups(match);
  if (!/^\d+$/.test(sequence)) {
    throw new FrameError('audit-sequence', `${wire}: ${printable(match[0])} has no sequence number`, {
      hint: 'Let the group (?<sequence>…) of the pattern match digits only.',
    });
  }
  return { sequence: Number(sequence), utc, event, object, result, text };
}
