/** REP-03: how old may a message be? Measured by bisection, and held against the declaration. */

import { searchWindow, type CaseContext } from '../../harness/index.ts';
import { triple, type Sender } from './messages.ts';

/** An old message must be refused; the window is searched and reported with its uncertainty. */
export async function mustRefuseOldMessages(t: CaseContext): Promise<void> {
  await triple(t, async (sender) => {
    const { olderMs } = t.need(sender.declared.window, 'declared acceptance window (commands.window)');
    await sender.mustNotObey(
      `message ${2 * olderMs} ms old`,
      `the declared window ends at ${olderMs} ms`,
      sender.sealed({ ...sender.next(), timestampMs: Date.now() - 2 * olderMs }),
    );
    await t.step('search the acceptance window', () => measureWindow(t, sender, olderMs));
  });
}

async function measureWindow(t: CaseContext, sender: Sender, olderMs: number): Promise<void> {
  const found = await searchWindow({
    probe: (ageMs) => sender.isObeyed(ageMs),
    lowMs: 0,
    highMs: 2 * olderMs,
    resolutionMs: Math.max(20, olderMs / 40),
  });
  if (found.outcome !== 'found') {
    t.note(`acceptance window not measured: ${found.outcome === 'inconclusive' ? found.why : found.outcome}`);
    return;
  }
  t.mustBeWithin(
    'acceptance window for old messages',
    { valueMs: found.edgeMs, uncertaintyMs: found.uncertaintyMs },
    olderMs + 2 * found.uncertaintyMs,
    { code: 'window-too-wide', expected: `messages older than ${olderMs} ms to be refused` },
  );
}
