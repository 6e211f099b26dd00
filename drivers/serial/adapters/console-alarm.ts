import { pause } from '../../../harness/clock.ts';
import type { AdapterModule } from '../../../harness/driver.ts';
import type { ConsoleAlarmSettings } from '../adapter-settings.ts';
import { serialConsole } from '../conversation.ts';
import { readings } from '../log-text.ts';

/** Latency timer of common USB adapters (FTDI: 16 ms), by which a line may come late beside its time on the wire. */
const ADAPTER_LATENCY_MS = 16;

/**
 * Hears alarms that the device prints on its own. Its pattern also marks these lines as no part of any answer.
 *
 * A wire that dies while listening is told through `onFailure`; listening goes on when the wire comes back.
 */
export const consoleAlarmAdapter: AdapterModule<'alarm', ConsoleAlarmSettings> = {
  name: 'console-alarm',
  role: 'alarm',
  create(settings, wire) {
    const console = serialConsole(wire, 'console-alarm');
    const pattern = new RegExp(settings.pattern);
    console.unsolicited.push(pattern);
    return {
      async listen(onAlarm, onFailure) {
        await console.options.link.ready();
        const endLines = console.onLine(({ text, start, end, atMs }) => {
          const match = readings(text)
            .map((reading) => pattern.exec(reading))
            .find((found) => found !== null);
          const { object, text: said } = match?.groups ?? {};
          if (object === undefined || said === undefined) return;
          const uncertaintyMs = ADAPTER_LATENCY_MS + console.options.link.transmitMs(end - start);
          onAlarm({ object, text: said, atMs, uncertaintyMs });
        });
        const endFailures = console.onLinkEnd(onFailure);
        return async () => {
          await pause(0); // bytes that this turn of the event loop has read are still heard
          endLines();
          endFailures();
        };
      },
    };
  },
};
