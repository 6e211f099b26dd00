/**
 * REP-03: how old may a message be? Measured by bisection, and held against the declaration.
 *
 * The device's clock is not ours, and the declared window is one around the device's. What our own messages show bounds
 * the difference: whoever accepts a message of now has a clock that is at most `newerMs` behind, or its window is wider
 * than declared. And one that is behind takes old messages for longer, and early ones for as much less: the length of
 * the window does not depend on any clock.
 */

import { LagMeter, searchWindow, type CaseContext } from '../../harness/index.ts';
import { triple, type Authenticated, type Sender } from './messages.ts';

/** Beyond the declared window by this much at least: a window of nothing must still be left behind for certain. */
const beyondMs = 1000;

/** An old message must be refused; the window is searched and reported with its uncertainty. */
export async function mustRefuseOldMessages(t: CaseContext): Promise<void> {
  await triple(t, async (sender) => {
    const window = t.need(sender.declared.window, 'declared acceptance window (commands.window)');
    const { olderMs, newerMs } = window;
    const tooOldMs = Math.max(2 * olderMs, olderMs + newerMs + beyondMs); // even if its clock is newerMs behind
    await sender.mustNotObey(
      `message ${tooOldMs} ms old`,
      `the declared window ends at ${olderMs} ms`,
      sender.sealed({ ...sender.next(), timestampMs: Date.now() - tooOldMs }),
    );
    await t.step('search the acceptance window', () => measureWindow(t, sender, window, tooOldMs));
  });
}

type Window = NonNullable<Authenticated['window']>;

async function measureWindow(
  t: CaseContext,
  sender: Sender,
  window: Window,
  tooOldMs: number,
): Promise<void> {
  const { olderMs } = window;
  const resolutionMs = Math.max(20, olderMs / 40);
  const lag = new LagMeter();
  lag.start();
  const found = await searchWindow({
    probe: async (ageMs) => (await sender.probe(ageMs)).obeyed,
    lowMs: 0,
    highMs: tooOldMs,
    resolutionMs,
  }).finally(() => lag.stopMs());
  const uncertaintyMs = resolutionMs + lag.stopMs();
  // A message ages on its way, never the other way round: what was obeyed was at least as old as it was sent.
  const oldest = Math.max(0, ...found.probes.filter(({ accepted }) => accepted).map(({ ageMs }) => ageMs));
  if (found.outcome === 'found') {
    const said = `between ${found.acceptedMs.toFixed(0)} and ${found.refusedMs.toFixed(0)} ms`;
    t.note(`acceptance window for old messages ends ${said}, declared: ${olderMs} ms`);
  } else {
    const why = found.outcome === 'inconclusive' ? found.why : found.outcome;
    t.note(`acceptance window not measured: ${why}`);
  }
  const limitMs = olderMs + 2 * uncertaintyMs; // near enough for the time that messages are on their way
  if (
    oldest - uncertaintyMs > limitMs &&
    (await isClockBehind(t, sender, window, { oldest, uncertaintyMs }))
  ) {
    return;
  }
  // Obeyed once is obeyed, whatever the other answers were.
  t.mustBeWithin('oldest message that was obeyed', { valueMs: oldest, uncertaintyMs }, limitMs, {
    code: 'window-too-wide',
    expected: `messages older than ${olderMs} ms to be refused`,
  });
}

/**
 * Whether a clock that is behind explains that messages were obeyed which are too old by ours. If it does, the window
 * ends as much earlier on the other side: a message beyond that must be refused.
 *
 * @returns false when no clock explains it, for the window is too long
 * @throws Inconclusive when it cannot be told
 */
async function isClockBehind(
  t: CaseContext,
  sender: Sender,
  { olderMs, newerMs }: Window,
  { oldest, uncertaintyMs }: { oldest: number; uncertaintyMs: number },
): Promise<boolean> {
  const behindMs = oldest - olderMs;
  const marginMs = 2 * uncertaintyMs + sender.timestampStepMs;
  const aheadMs = newerMs - behindMs + marginMs;
  if (aheadMs <= 0) return false; // messages of now would be refused, and were obeyed
  const said = `messages ${oldest.toFixed(0)} ms old were obeyed, declared: ${olderMs} ms`;
  const cannotTell = (why: string): never =>
    t.inconclusive('clock-unknown', `${said}; whether the device's clock is behind cannot be told: ${why}`);
  if (aheadMs >= newerMs) cannotTell(`${behindMs.toFixed(0)} ms are no more than the measurement's margin`);
  const { obeyed, refused, tookMs } = await sender.probe(-aheadMs);
  const early = `a message dated ${aheadMs.toFixed(0)} ms ahead`;
  if (obeyed) {
    const surelyMs = oldest + aheadMs - tookMs - sender.timestampStepMs;
    if (surelyMs <= olderMs + newerMs) cannotTell(`${early} was ${tookMs.toFixed(0)} ms on its way`);
    t.note(`${said}, and so was ${early}: no clock has both in a window of ${olderMs + newerMs} ms`);
    return false;
  }
  if (!refused) cannotTell(`${early} was not answered`);
  t.note(
    `${said}, and ${early} was refused, declared: ${newerMs} ms: the device's clock is behind ours by about ${behindMs.toFixed(0)} ms, and its window no longer than declared`,
  );
  t.measure({
    name: 'device’s clock behind ours',
    value: behindMs,
    unit: 'ms',
    uncertainty: marginMs,
  });
  return true;
}
