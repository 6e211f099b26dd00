/** The alarm wires of a device: all are heard, or none. */

import type { BoardFile } from './board/index.ts';
import type { AlarmEvent, AlarmListener, Alarms } from './capabilities.ts';
import type { Bind } from './device.ts';

/** Every alarm wire that the profile names, heard at once. */
export function alarmWires(profile: BoardFile['profile'], bind: Bind): Alarms {
  const wires = Object.entries(profile.alarms ?? {}).map(([name, use]) => ({
    name,
    source: bind('alarm', use),
  }));
  const { acknowledgeAlarms } = profile;
  const acknowledging = acknowledgeAlarms === undefined ? undefined : bind('action', acknowledgeAlarms);
  return {
    wires: wires.map(({ name }) => name),
    listen: async () => {
      const events: AlarmEvent[] = [];
      const failures: { wire: string; error: unknown }[] = [];
      for (const { source } of wires) source.prepare?.();
      const closers = await listenOnAll(
        wires.map(
          ({ name, source }) =>
            () =>
              source.listen(
                (alarm) => events.push({ ...alarm, wire: name }),
                (error) => failures.push({ wire: name, error }),
              ),
        ),
      );
      const listener: AlarmListener = { events, failures, close: () => closeAll(closers) };
      return listener;
    },
    ...(acknowledging === undefined
      ? {}
      : {
          acknowledge: async () => {
            await acknowledging.perform();
          },
        }),
  };
}

type Close = () => Promise<void>;

/** Starts all; when one fails, those that started are closed again. */
async function listenOnAll(starts: readonly (() => Promise<Close>)[]): Promise<Close[]> {
  const settled = await Promise.allSettled(starts.map((start) => start()));
  const closers = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed === undefined) return closers;
  await closeAll(closers).catch(() => undefined); // the first cause is the one that counts
  throw failed.reason;
}

/** Closes all, whatever each does; then the first error counts. */
async function closeAll(closers: readonly Close[]): Promise<void> {
  const settled = await Promise.allSettled(closers.map((close) => close()));
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
