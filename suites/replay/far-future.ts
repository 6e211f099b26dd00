/**
 * REP-04: messages from the future.
 *
 * A device whose clock is ahead of ours takes early messages for longer. What our own messages show bounds that: one that
 * obeyed a message of now has a clock at most `olderMs` ahead, or its window is wider than declared.
 */

import { everyOne, type CaseContext } from '../../harness/index.ts';
import type { Authenticated, Sender } from './messages.ts';

/** Beyond what a clock explains by this much: more than a message is on its way. */
const beyondMs = 1000;

const aYearMs = 365 * 86_400_000;

/** Beyond the declared window, beyond what any clock of the device's explains, and a year ahead. */
export async function mustIgnoreTheFuture(t: CaseContext, sender: Sender): Promise<void> {
  sender.mustCarry('timestamp');
  const { window } = sender.declared;
  const attacks = [
    ...(window === undefined
      ? []
      : [
          () => beyondTheWindow(t, sender, window),
          () =>
            attack(
              sender,
              window.olderMs + farMs(window),
              `the declared window ends ${window.newerMs} ms ahead`,
            ),
        ]),
    () =>
      sender.mustNotObey(
        'message dated one year ahead',
        'a clock that far ahead is no clock; taking it over would lock legitimate senders out',
        sender.sealed({ ...sender.next(), timestampMs: Date.now() + aYearMs }),
      ),
  ];
  await everyOne(t, attacks, (each) => each());
}

type Window = NonNullable<Authenticated['window']>;

/** Far enough for a device whose clock is ahead by no more than `newerMs`. */
const farMs = ({ newerMs }: Window): number => 2 * newerMs + beyondMs;

async function beyondTheWindow(t: CaseContext, sender: Sender, window: Window): Promise<void> {
  const aheadMs = farMs(window);
  if (await isClockNear(sender, window)) {
    await attack(sender, aheadMs, `the declared window ends ${window.newerMs} ms ahead`);
    return;
  }
  const { obeyed } = await sender.probe(-aheadMs);
  if (!obeyed) return;
  t.inconclusive(
    'clock-unknown',
    `a message dated ${aheadMs} ms ahead was obeyed, declared: ${window.newerMs} ms; but one that was ${window.olderMs - window.newerMs} ms old was not, as if the device's clock were ahead: set it, and repeat`,
  );
}

/** A message this old would be too old for a device whose clock is more than `newerMs` ahead. */
async function isClockNear(sender: Sender, { olderMs, newerMs }: Window): Promise<boolean> {
  if (olderMs <= newerMs) return true; // shown by the message of now, which was obeyed
  return (await sender.probe(olderMs - newerMs)).obeyed;
}

async function attack(sender: Sender, aheadMs: number, rationale: string): Promise<void> {
  const bytes = sender.sealed({ ...sender.next(), timestampMs: Date.now() + aheadMs });
  await sender.mustNotObey(`message dated ${aheadMs} ms ahead`, rationale, bytes);
}
