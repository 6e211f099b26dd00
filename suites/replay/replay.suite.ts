/** REP: a message counts once, in its time, and never again. */

import { describe } from 'mocha';
import { powerCycle, testCase } from '../../harness/index.ts';
import { mustIgnoreCounters } from './counters.ts';
import { mustCloseOnRepeatedSequence } from './repeated-sequence.ts';
import { mustIgnoreRecording } from './on-the-wire.ts';
import { Sender, triple } from './messages.ts';
import { mustRefuseOldMessages } from './window.ts';

describe('Replay', () => {
  testCase(
    'REP-01 gives no effect to a recorded write that is replayed on a new connection',
    { needs: ['commands', 'tap', 'key:commands'], seconds: 2 },
    (t) => mustIgnoreRecording(t),
  );

  testCase(
    'REP-02 refuses a message that is replayed inside its acceptance window',
    { needs: ['commands', 'key:commands'], seconds: 1 },
    (t) =>
      triple(t, (sender, legitimate) =>
        sender.mustNotObey(
          'the same message again, inside the window',
          'each message counts once',
          legitimate,
        ),
      ),
  );

  testCase(
    'REP-03 refuses a message whose timestamp is older than the declared window',
    { needs: ['commands', 'key:commands'], seconds: 2 },
    (t) => mustRefuseOldMessages(t),
  );

  testCase(
    'REP-04 refuses a timestamp from the far future, and does not ratchet on it',
    { needs: ['commands', 'key:commands'], seconds: 1 },
    (t) =>
      triple(t, (sender) =>
        sender.mustNotObey(
          'message dated one year ahead',
          'a clock that far ahead is no clock; taking it over would lock legitimate senders out',
          sender.sealed({ ...sender.next(), timestampMs: Date.now() + 365 * 86_400_000 }),
        ),
      ),
  );

  testCase(
    'REP-06 refuses equal, lower, far and wrapped counters',
    { needs: ['commands', 'key:commands'], seconds: 2 },
    (t) => triple(t, (sender) => mustIgnoreCounters(t, sender)),
  );

  testCase(
    'REP-07 refuses a replay after a power loss',
    { needs: ['commands', 'key:commands', 'power'], powerCycles: 1, seconds: 1 },
    async (t) => {
      const before = await Sender.create(t);
      const legitimate = await t.step('legitimate command', () => before.mustAccept('before'));
      const used = before.counter;
      await t.step('power cycle', () => powerCycle(t));
      await t.step('attack', async () => {
        await before.mustNotObey('the same message after a power cycle', 'it was obeyed before', legitimate);
        await before.mustNotObey(
          'the used counter with a fresh timestamp after a power cycle',
          'the last accepted counter must survive the loss of power',
          before.sealed({ ...before.next(), counter: used }),
        );
      });
      await t.step('next legitimate command', () => before.mustAccept('after'));
    },
  );

  testCase(
    'REP-15 closes the secure channel on a repeated sequence number, and logs it',
    { needs: ['attack:repeated-sequence-number'], seconds: 4 },
    (t) => mustCloseOnRepeatedSequence(t),
  );
});
