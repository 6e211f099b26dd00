import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Device } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import { TimeoutError } from '../../harness/errors.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import type { FakeGateway, Faults } from '../../harness/lifecycle/test/fake-gateway.ts';
import { fakeRun, image, judged } from '../../harness/lifecycle/test/fake-run.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { alteredCode, mustNotBoot } from './altered-at-rest.ts';

type AtRest = 'not-booted' | 'recovers' | 'alarm-only';

interface Row {
  name: string;
  /** What the device does at the boot after its code was altered. */
  boots: (gateway: FakeGateway) => void;
  logs?: boolean;
  atRest?: AtRest;
  faults?: Faults;
  faulty?: readonly string[];
  /** The application does not run: no process value. */
  recoveryMode?: boolean;
  verdict: Verdict;
  says?: RegExp;
}

const other = (gateway: FakeGateway): void => {
  gateway.running = gateway.slotOf(image(gateway.running.version.startsWith('1.2.0') ? 'pair' : 'golden'));
};
const same = (): void => undefined;
const measured = (gateway: FakeGateway): void => {
  gateway.running = { ...gateway.running, digest: 'f'.repeat(64) };
};
const unnamed = (gateway: FakeGateway): void => {
  gateway.running = { ...gateway.running, version: '0.9.0+0', digest: 'e'.repeat(64) };
};
const nothing = (gateway: FakeGateway): void => {
  gateway.running = { version: 'none', digest: 'none', counter: 0, genuine: false };
};
const dead = (gateway: FakeGateway): void => void (gateway.dead = true);

const rows: Row[] = [
  {
    name: 'it runs another version that the board does not name',
    boots: unnamed,
    verdict: 'inconclusive',
    says: /whether it is genuine/,
  },
  { name: 'it runs the other, genuine image', boots: other, verdict: 'conforms', says: /logged/ },
  {
    name: 'it stays in its recovery mode',
    boots: nothing,
    recoveryMode: true,
    verdict: 'conforms',
    says: /not booted/,
  },
  { name: 'it runs as before', boots: same, verdict: 'violates', says: /not to be booted/ },
  {
    name: 'it runs the altered code, and measures it',
    boots: measured,
    verdict: 'violates',
    says: /none of the genuine/,
  },
  {
    name: 'it refuses, and logs nothing',
    boots: other,
    logs: false,
    verdict: 'violates',
    says: /audit event/,
  },
  { name: 'it restores itself, as declared', boots: same, atRest: 'recovers', verdict: 'conforms' },
  {
    name: 'it is declared to restore itself, runs as before, and has no log',
    boots: same,
    atRest: 'recovers',
    faults: { audit: 'absent' },
    verdict: 'inconclusive',
    says: /altered code would look the same/,
  },
  {
    name: 'it is declared to restore itself, and runs another',
    boots: other,
    atRest: 'recovers',
    verdict: 'violates',
  },
  { name: 'it only tells, and boots all the same', boots: same, atRest: 'alarm-only', verdict: 'violates' },
  {
    name: 'it stays silent for good',
    boots: dead,
    verdict: 'inconclusive',
    says: /could not be reinstalled/,
  },
  {
    name: 'it is silent on a bench out of order',
    boots: dead,
    faulty: ['console'],
    verdict: 'error',
    says: /not in order/,
  },
  {
    name: 'its state never keeps over a power cycle',
    boots: same,
    faults: { unstable: true },
    verdict: 'inconclusive',
    says: /innocent/,
  },
];

describe('code altered at rest', () => {
  afterEach(() => setCurrentRun(undefined));
  for (const {
    name,
    boots,
    logs = true,
    atRest = 'not-booted',
    faults = {},
    faulty = [],
    recoveryMode,
    verdict,
    says,
  } of rows) {
    it(`${verdict}: ${name}`, async () => {
      let altered = false;
      let inRecovery = false;
      const run = fakeRun({
        faults,
        faulty,
        declaration: {
          integrity: { detectionMs: 100, coverage: ['code'], alarmWires: ['console'], soakMs: 10, atRest },
        },
        device: (device: Device, gateway): Device => ({
          ...device,
          process: {
            ...device.process!,
            read: async () => {
              if (inRecovery) throw new TimeoutError('t', 'no reply');
              return device.process!.read();
            },
          },
          power: {
            ...device.power!,
            on: async () => {
              const done = await device.power!.on();
              if (altered) {
                altered = false;
                inRecovery = recoveryMode === true;
                boots(gateway);
                if (logs) gateway.tell('boot-refused', 'refused');
              }
              return done;
            },
          },
          tamper: {
            kinds: ['code-at-rest'],
            apply: async () => {
              altered = true;
              return { atMs: monotonicMs() };
            },
            restore: async () => void (inRecovery = false),
          },
        }),
      });
      const outcome = await judged(run, (t) => mustNotBoot(t, alteredCode), { id: 'INT-01' });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }
});
