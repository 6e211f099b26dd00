/** INT: the device notices when its code, memory, processes or monitor are tampered with, and says so in time. */

import { describe } from 'mocha';
import { testCase, type Need } from '../../harness/index.ts';
import { mustBeQuiet, whileListening } from './listening.ts';
import { mustRaiseAlarm } from './violation.ts';
import { alteredCode, mustNotBoot } from './altered-at-rest.ts';
import { mustUpdateQuietly } from './legitimate-update.ts';

const live = (kind: string): { needs: readonly Need[]; seconds: number } => ({
  needs: ['alarms', `tamper:${kind}`],
  seconds: 4,
});

describe('Integrity alarms', () => {
  testCase(
    'INT-01 does not boot code that was altered at rest, and records the recovery',
    { needs: ['power', 'firmware', 'image:golden', 'tamper:code-at-rest'], powerCycles: 2, updates: 1 },
    (t) => mustNotBoot(t, alteredCode),
  );

  testCase('INT-02 raises an alarm when its executable is altered while it runs', live('executable'), (t) =>
    mustRaiseAlarm(t, 'executable', 'code'),
  );

  testCase('INT-03 raises an alarm when its code is patched in memory', live('memory'), (t) =>
    mustRaiseAlarm(t, 'memory', 'memory'),
  );

  testCase('INT-05 raises an alarm when an unknown process is started', live('start-process'), (t) =>
    mustRaiseAlarm(t, 'start-process', 'process-list'),
  );

  testCase(
    'INT-06 raises an alarm or resets itself when its integrity monitor is killed',
    live('kill-monitor'),
    (t) => mustRaiseAlarm(t, 'kill-monitor', 'monitor'),
  );

  testCase('INT-08 refuses or reports an altered reference baseline', live('baseline'), (t) =>
    mustRaiseAlarm(t, 'baseline', 'baseline'),
  );

  testCase(
    'INT-11 measures as declared and raises no alarm after a legitimate update',
    { needs: ['alarms', 'firmware', 'image:golden'], updates: 1, seconds: 2 },
    (t) => mustUpdateQuietly(t),
  );

  testCase('INT-12 raises no false alarm while it is left alone', { needs: ['alarms'], seconds: 5 }, (t) => {
    const soakMs = t.need(t.declaration.integrity, 'declaration of integrity monitoring').soakMs;
    return whileListening(t, (listener) => t.step('soak', () => mustBeQuiet(t, listener, soakMs)));
  });
});
