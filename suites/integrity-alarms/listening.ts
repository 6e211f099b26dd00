/** Hearing alarms: every declared wire at once, silence that counts, and how long silence must last. */

import {
  always,
  BenchError,
  explain,
  pause,
  type AlarmListener,
  type CaseContext,
} from '../../harness/index.ts';

export function detectionMs(t: CaseContext, object: string): number {
  const declared = t.need(t.declaration.integrity, 'declaration of integrity monitoring');
  const perObject: Readonly<Record<string, number | undefined>> = declared.perObjectDetectionMs ?? {};
  return perObject[object] ?? declared.detectionMs;
}

/** The longest that any declared object takes. */
export function longestDetectionMs(t: CaseContext): number {
  const declared = t.need(t.declaration.integrity, 'declaration of integrity monitoring');
  return Math.max(declared.detectionMs, ...Object.values(declared.perObjectDetectionMs ?? {}));
}

/** Listens on every declared wire while `work` runs; a wire that could not be heard is a bench error, not silence. */
export async function whileListening<T>(
  t: CaseContext,
  work: (listener: AlarmListener) => Promise<T>,
): Promise<T> {
  const alarms = t.need(t.device.alarms, 'alarm wire');
  const listener = await alarms.listen();
  return always(
    async () => {
      const result = await work(listener);
      mustHaveHeard(listener);
      return result;
    },
    () => listener.close(),
    (error) => t.note(`listening could not be ended: ${explain(error)}`),
  );
}

/** @throws BenchError when a wire's listening died: its silence is no evidence */
export function mustHaveHeard(listener: AlarmListener): void {
  const [failure] = listener.failures;
  if (failure === undefined) return;
  throw new BenchError('listening-failed', `alarms could not be heard on ${failure.wire}`, {
    cause: failure.error,
  });
}

/** The twin of every violation: the same time with nothing wrong, and no alarm. */
export async function mustBeQuiet(t: CaseContext, listener: AlarmListener, forMs: number): Promise<void> {
  const from = listener.events.length;
  await pause(forMs);
  mustHaveHeard(listener);
  mustHaveBeenQuiet(t, listener, from, `no alarm for ${forMs} ms with nothing wrong`);
}

/** No alarm since the event at `from`, while nothing was wrong. */
export function mustHaveBeenQuiet(
  t: CaseContext,
  listener: AlarmListener,
  from: number,
  name: string,
  untilMs = Infinity,
): void {
  const alarm = listener.events.slice(from).find(({ atMs }) => atMs < untilMs);
  t.control(name, 'twin', alarm === undefined, alarm?.text ?? 'quiet');
  if (alarm === undefined) return;
  t.violates({
    code: 'false-alarm',
    expected: 'no alarm while nothing is wrong',
    observed: `${alarm.wire}: alarm for ${alarm.object} (${alarm.text})`,
  });
}
