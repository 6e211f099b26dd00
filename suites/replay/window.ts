/** REP-03: how old may a message be? Measured by bisection, and held against the declaration. */

import { LagMeter, searchWindow, type CaseContext } from '../../harness/index.ts';
import { triple, type Sender } from './messages.ts';

/** Beyond the declared window by this much at least: a window of nothing must still be left behind for certain. */
const beyondMs = 1000;

/** An old message must be refused; the window is searched and reported with its uncertainty. */
export async function mustRefuseOldMessages(t: CaseContext): Promise<void> {
  await triple(t, async (sender) => {
    const { olderMs } = t.need(sender.declared.window, 'declared acceptance window (commands.window)');
    const tooOldMs = Math.max(2 * olderMs, olderMs + beyondMs);
    await sender.mustNotObey(
      `message ${tooOldMs} ms old`,
      `the declared window ends at ${olderMs} ms`,
      sender.sealed({ ...sender.next(), timestampMs: Date.now() - tooOldMs }),
    );
    await t.step('search the acceptance window', () => measureWindow(t, sender, olderMs, tooOldMs));
  });
}

async function measureWindow(
  t: CaseContext,
  sender: Sender,
  olderMs: number,
  tooOldMs: number,
): Promise<void> {
  const resolutionMs = Math.max(20, olderMs / 40);
  const lag = new LagMeter();
  lag.start();
  const found = await searchWindow({
    probe: (ageMs) => sender.isObeyed(ageMs),
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
  // Obeyed once is obeyed, whatever the other answers were.
  t.mustBeWithin(
    'oldest message that was obeyed',
    { valueMs: oldest, uncertaintyMs },
    olderMs + 2 * uncertaintyMs, // the device's clock and ours are two
    { code: 'window-too-wide', expected: `messages older than ${olderMs} ms to be refused` },
  );
}
