/** REP-07: what was obeyed before the supply went must not be obeyed after it came back. */

import { powerCycle, type CaseContext } from '../../harness/index.ts';
import { attackAndWatch, Sender } from './messages.ts';

/** Legitimate command, power cycle, the same bytes again and the same counter under a fresh time, next command. */
export async function mustForgetNothingWithoutPower(t: CaseContext): Promise<void> {
  const sender = await Sender.create(t);
  const legitimate = await t.step('legitimate command', () => sender.mustAccept('before'));
  const used = sender.counter;
  await t.step('power cycle', () => powerCycle(t));
  sender.effect.restarted();
  await attackAndWatch(t, sender, async () => {
    await sender.mustNotObey('the same message after a power cycle', 'it was obeyed before', legitimate);
    if (sender.declared.layout.fields.every(({ name }) => name !== 'counter')) return;
    await sender.mustNotObey(
      'the used counter with a fresh timestamp after a power cycle',
      'the last accepted counter must survive the loss of power',
      sender.sealed({ ...sender.next(), counter: used }),
    );
  });
  await t.step('next legitimate command', () => sender.mustAccept('after'));
}
