/** REP-15: a chunk with a sequence number that was seen already (OPC 10000-6, 6.7.2.4). */

import { auditMarker, mustBeAudited, NotExecuted, say, type CaseContext } from '../../harness/index.ts';

/** Asks the link for the attack by its kind; which bytes repeat is the driver's knowledge. */
export async function mustCloseOnRepeatedSequence(t: CaseContext): Promise<void> {
  const attack = t.device.linkAttacks.get('repeated-sequence-number');
  if (attack === undefined) {
    throw new NotExecuted(
      'input-missing',
      'no link of this board offers the attack "repeated-sequence-number"',
      {
        hint: 'Name the wire under profile.linkAttacks and lead it through a tap.',
      },
    );
  }
  await t.step('control: a fresh exchange', async () => {
    await attack.control();
    t.control('fresh exchange', 'before', true, 'answered');
  });
  const marker = await auditMarker(t);
  t.stimulus({ name: attack.name, rationale: attack.description });
  const outcome = await t.step('attack', () => attack.perform());
  t.stimulusDelivered = true;
  t.answered(attack.name, outcome.answer);
  if (outcome.tookEffect) {
    t.found({
      code: 'repeated-sequence-answered',
      expected: 'a repeated sequence number to be refused',
      observed: `the repeated message was treated as new (${say(outcome.answer)})`,
    });
  }
  if (!outcome.tookEffect && !outcome.connectionClosed) {
    t.found({
      code: 'channel-left-open',
      expected: 'the secure channel to be closed on a repeated sequence number',
      observed: `${say(outcome.answer)}, and the channel stayed open`,
    });
  }
  // Findings first: a control that fails now must not hide them.
  await t.step('control: a fresh exchange after the attack', async () => {
    await attack.control();
    t.control('fresh exchange', 'after', true, 'answered');
  });
  await mustBeAudited(t, 'channelClosed', marker);
}
