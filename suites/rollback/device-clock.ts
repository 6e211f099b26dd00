/** The device's own clock, as its log shows it: for what happens while nobody may ask. */

import { BenchError, type CaseContext } from '../../harness/index.ts';

/** Which instant of ours a time of the device is. */
export interface DeviceClock {
  /** To be taken from a time of the device, in ms since 1970, to have it on the monotonic clock. */
  offsetMs: number;
  uncertaintyMs: number;
}

/** Sets the device's clock beside ours by an event that it logged between two instants; undefined where it logged none. */
export async function clockOf(
  t: CaseContext,
  marker: number | undefined,
  fromMs: number,
  toMs: number,
): Promise<DeviceClock | undefined> {
  const event = (await newEvents(t, marker)).at(-1);
  const time = event === undefined ? undefined : timeOf(event.utc);
  if (time === undefined) return undefined;
  return {
    offsetMs: time.ms - (fromMs + toMs) / 2,
    uncertaintyMs: (toMs - fromMs) / 2 + time.resolutionMs,
  };
}

/** When an image gave way to the one before it, on the monotonic clock; undefined where the log does not tell. */
export async function revertedAt(
  t: CaseContext,
  marker: number | undefined,
  clock: DeviceClock | undefined,
): Promise<{ atMs: number; uncertaintyMs: number } | undefined> {
  const declared = t.declaration.audit?.imageReverted;
  if (declared === undefined || clock === undefined) return undefined;
  const event = (await newEvents(t, marker)).find((entry) => entry.event === declared.event);
  const time = event === undefined ? undefined : timeOf(event.utc);
  if (time === undefined) return undefined;
  return { atMs: time.ms - clock.offsetMs, uncertaintyMs: clock.uncertaintyMs + time.resolutionMs };
}

/** A log that does not answer tells no time; that it must tell of an event is demanded elsewhere. */
async function newEvents(t: CaseContext, marker: number | undefined) {
  if (marker === undefined || t.device.audit === undefined) return [];
  return t.device.audit.since(marker).catch((error: unknown) => {
    if (error instanceof BenchError) return [];
    throw error;
  });
}

/** A time as ISO 8601 writes it, and to what it is rounded. */
function timeOf(utc: string): { ms: number; resolutionMs: number } | undefined {
  const ms = Date.parse(utc);
  if (Number.isNaN(ms)) return undefined;
  const fraction = /\.(\d+)/.exec(utc)?.[1]?.length ?? 0;
  return { ms, resolutionMs: Math.max(1, 1000 / 10 ** fraction) };
}
