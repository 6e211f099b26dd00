/** REP: a message counts once, in its time, and never again. */

import { describe } from 'mocha';
import { testCase } from '../../harness/index.ts';
import { mustIgnoreCounters } from './counters.ts';
import { mustIgnoreTheFuture } from './far-future.ts';
import { mustCloseOnRepeatedSequence } from './repeated-sequence.ts';
import { mustIgnoreRecording } from './on-the-wire.ts';
import { triple } from './messages.ts';
import { mustForgetNothingWithoutPower } from './power-loss.ts';
import { mustRefuseOldMessages } from './window.ts';

describe('Replay', () => {
  testCase(
    'REP-01 lets a recorded write have no effect when it is replayed over a new connection',
    { needs: ['commands', 'tap', 'key:commands'], seconds: 2 },
    (t) => mustIgnoreRecording(t),
  );

  testCase(
    'REP-02 refuses a replayed command that is still inside its time window',
    { needs: ['commands', 'key:commands'], seconds: 1 },
    (t) =>
      triple(t, async (sender, legitimate) => {
        await sender.mustNotObey(
          'the same message again, inside the window',
          'each message counts once',
          legitimate,
        );
        await sender.mustNotObey(
          'the same message made to look new: next counter, time now, the old code',
          'without the key nobody may turn a recorded message into the next one',
          sender.renewed(legitimate),
        );
      }),
  );

  testCase(
    'REP-03 refuses a command whose timestamp is older than its window',
    { needs: ['commands', 'key:commands'], seconds: 2 },
    (t) => mustRefuseOldMessages(t),
  );

  testCase(
    'REP-04 refuses a command from the far future and still accepts the next legitimate one',
    { needs: ['commands', 'key:commands'], seconds: 1 },
    (t) => triple(t, (sender) => mustIgnoreTheFuture(t, sender)),
  );

  testCase(
    'REP-06 refuses commands whose counter is equal, lower, too far ahead or wrapped',
    { needs: ['commands', 'key:commands'], seconds: 2 },
    (t) => triple(t, (sender) => mustIgnoreCounters(t, sender)),
  );

  testCase(
    'REP-07 refuses a replayed command after a loss of power',
    { needs: ['commands', 'key:commands', 'power'], powerCycles: 1, seconds: 1 },
    (t) => mustForgetNothingWithoutPower(t),
  );

  testCase(
    'REP-15 closes a secure channel on which a sequence number is repeated',
    { needs: ['attack:repeated-sequence-number'], seconds: 4 },
    (t) => mustCloseOnRepeatedSequence(t),
  );
});
