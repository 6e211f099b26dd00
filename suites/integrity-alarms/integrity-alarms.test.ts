import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { AlarmEvent, Device } from '../../harness/capabilities.ts';
import { monotonicMs, pause } from '../../harness/clock.ts';
import { PortError, TimeoutError } from '../../harness/errors.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import { declared, fakeRun, judged, payloads, type FakeRun } from '../../harness/lifecycle/test/fake-run.ts';
import type { Faults } from '../../harness/lifecycle/test/fake-gateway.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { mustUpdateQuietly } from './legitimate-update.ts';
import { mustBeQuiet, whileListening } from './listening.ts';
import { mustRaiseAlarm } from './violation.ts';

const detectionMs = 250;
const integrity = {
  detectionMs,
  coverage: ['code' as const],
  alarmWires: ['console', 'modbus'],
  soakMs: 50,
  atRest: 'not-booted' as const,
};

/** How the monitor of this device differs from a faithful one. */
interface Monitor {
  /** Alarm after the tampering by wire, in ms; absent: 5 ms. `never`: none. */
  after?: Partial<Record<string, number | 'never'>>;
  object?: string;
  /** Another object for which it raises an alarm as well. */
  alsoNames?: string;
  /** Alarms at these times after listening began, with nothing wrong. */
  falseAfterMs?: number;
  /** An alarm that lies on the wire already when the device is tampered with, naming the right object. */
  alreadyOnItsWay?: boolean;
  /** Wire whose listening dies. */
  deaf?: string;
  deafOnRestart?: string;
  closeFails?: boolean;
  tamper?: 'refused' | 'blocks the bench';
  restoreFails?: boolean;
  uncertaintyMs?: number;
  logs?: boolean;
  alarmAfterUpdateMs?: number;
  logsUpdate?: boolean;
}

function monitored(monitor: Monitor, faults: Faults = {}): FakeRun {
  const timers: NodeJS.Timeout[] = [];
  const raise = (
    events: AlarmEvent[],
    wire: string,
    object = monitor.object ?? 'code',
    atMs = monotonicMs(),
  ): void =>
    void events.push({ wire, object, text: 'differs', atMs, uncertaintyMs: monitor.uncertaintyMs ?? 0 });
  let open: AlarmEvent[] = [];
  const run = fakeRun({
    faults,
    declaration: { integrity, audit: { ...declared.audit, withinMs: 200 } },
    device: (device: Device, gateway): Device => ({
      ...device,
      firmware: {
        ...device.firmware!,
        activate: async (ingress) => {
          const answer = await device.firmware!.activate(ingress);
          if (monitor.alarmAfterUpdateMs !== undefined)
            timers.push(setTimeout(() => raise(open, 'console'), monitor.alarmAfterUpdateMs));
          if (monitor.logsUpdate === true) gateway.tell('integrity-alarm', 'found');
          if (monitor.deafOnRestart !== undefined)
            failures.push({ wire: monitor.deafOnRestart, error: new Error('closed') });
          return answer;
        },
      },
      alarms: {
        wires: ['console', 'modbus'],
        listen: async () => {
          open = [];
          failures = [];
          const events = open;
          if (monitor.falseAfterMs !== undefined)
            timers.push(setTimeout(() => raise(events, 'console'), monitor.falseAfterMs));
          if (monitor.deaf !== undefined)
            failures.push({ wire: monitor.deaf, error: new PortError('gone', 'gone') });
          return {
            events,
            failures,
            close: async () => {
              timers.forEach(clearTimeout);
              if (monitor.closeFails === true) throw new PortError('gone', 'cannot close');
            },
          };
        },
      },
      tamper: {
        kinds: ['memory'],
        apply: async () => {
          const askedAtMs = monotonicMs();
          if (monitor.tamper === 'refused') throw new PortError('gone', 'maintenance wire gone');
          await pause(2);
          if (monitor.alreadyOnItsWay === true) raise(open, 'console', 'code', askedAtMs - 1);
          if (monitor.logs !== false) gateway.tell('integrity-alarm', 'found');
          for (const wire of integrity.alarmWires) {
            const delay = monitor.after?.[wire] ?? 5;
            const events = open;
            if (delay !== 'never') timers.push(setTimeout(() => raise(events, wire), delay));
            if (monitor.alsoNames !== undefined) raise(events, wire, monitor.alsoNames);
          }
          const confirmedAtMs = monotonicMs();
          if (monitor.tamper === 'blocks the bench')
            while (monotonicMs() - confirmedAtMs < 1.3 * detectionMs);
          return { atMs: confirmedAtMs };
        },
        restore: async () => {
          if (monitor.restoreFails === true) throw new TimeoutError('t', 'restore never answered');
        },
      },
    }),
  });
  let failures: { wire: string; error: unknown }[] = [];
  return run;
}

interface Row {
  name: string;
  monitor?: Monitor;
  faults?: Faults;
  verdict: Verdict;
  says?: RegExp;
}

const rows: Row[] = [
  { name: 'an alarm in time on both wires', verdict: 'conforms', says: /logged/ },
  {
    name: 'no alarm on one of two wires',
    monitor: { after: { modbus: 'never' } },
    verdict: 'violates',
    says: /on modbus/,
  },
  {
    name: 'a late alarm on one of two wires',
    monitor: { after: { modbus: 3 * detectionMs } },
    verdict: 'violates',
    says: /on modbus within/,
  },
  {
    name: 'alarms for everything',
    monitor: { alsoNames: 'memory' },
    verdict: 'inconclusive',
    says: /beside the one for code/,
  },
  { name: 'the wrong object', monitor: { object: 'memory' }, verdict: 'violates', says: /alarm for memory/ },
  {
    name: 'an alarm whose time is uncertain',
    monitor: { after: { console: 0.9 * detectionMs }, uncertaintyMs: detectionMs },
    verdict: 'inconclusive',
  },
  {
    name: 'a doubtful time on one wire and none on the other',
    monitor: { after: { console: 0.9 * detectionMs, modbus: 'never' }, uncertaintyMs: detectionMs },
    verdict: 'violates',
    says: /on modbus/,
  },
  {
    name: 'a bench that was late itself',
    monitor: { tamper: 'blocks the bench' },
    verdict: 'inconclusive',
    says: /cannot be told/,
  },
  {
    name: 'a listener that died',
    monitor: { deaf: 'modbus', after: { modbus: 'never' } },
    verdict: 'error',
    says: /could not be heard on modbus/,
  },
  {
    name: 'a false alarm before',
    monitor: { falseAfterMs: 20 },
    verdict: 'violates',
    says: /nothing is wrong/,
  },
  {
    name: 'an alarm that was on its way before, and none for the tampering',
    monitor: { alreadyOnItsWay: true, after: { console: 'never', modbus: 'never' } },
    verdict: 'violates',
  },
  {
    name: 'an alarm from before beside the right one',
    monitor: { alreadyOnItsWay: true },
    verdict: 'violates',
    says: /nothing is wrong/,
  },
  { name: 'nothing in the log', monitor: { logs: false }, verdict: 'violates', says: /audit event/ },
  {
    name: 'a process value that stops',
    faults: { process: 'frozen' },
    verdict: 'violates',
    says: /process value/,
  },
  {
    name: 'a maintenance wire that breaks',
    monitor: { tamper: 'refused' },
    verdict: 'error',
    says: /maintenance wire/,
  },
  {
    name: 'no alarm, and a restoration that fails too',
    monitor: { after: { modbus: 'never' }, restoreFails: true },
    verdict: 'violates',
    says: /on modbus/,
  },
  {
    name: 'no alarm, and a listener that cannot be closed',
    monitor: { after: { modbus: 'never' }, closeFails: true },
    verdict: 'violates',
    says: /on modbus/,
  },
];

describe('the alarm for a violation', () => {
  afterEach(() => setCurrentRun(undefined));
  for (const { name, monitor = {}, faults, verdict, says } of rows) {
    it(`${verdict}: ${name}`, async () => {
      const run = monitored(monitor, faults);
      const outcome = await judged(run, (t) => mustRaiseAlarm(t, 'memory', 'code'), { id: 'INT-03' });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }

  it('is measured with what the bench itself was late by', async () => {
    const run = monitored({ tamper: 'blocks the bench' });
    await judged(run, (t) => mustRaiseAlarm(t, 'memory', 'code'), { id: 'INT-03' });
    const [latency] = payloads(run, 'measurement').filter(({ name }) => name.startsWith('detection'));
    assert.ok((latency?.uncertainty ?? 0) > detectionMs, String(latency?.uncertainty));
  });
});

describe('an alteration that the declared coverage does not name', () => {
  afterEach(() => setCurrentRun(undefined));
  const undeclared = async (monitor: Monitor) => {
    const run = monitored({ object: 'memory', ...monitor });
    const outcome = await judged(run, (t) => mustRaiseAlarm(t, 'memory', 'memory'), { id: 'INT-03' });
    return { outcome, run };
  };
  const never = { console: 'never', modbus: 'never' } as const;

  it('is held against the device as coverage that is missing, not as an alarm that it promised', async () => {
    for (const after of [never, { console: 3 * detectionMs, modbus: 3 * detectionMs }]) {
      const { outcome } = await undeclared({ after });
      assert.equal(outcome.verdict, 'violates', outcome.reason);
      assert.equal(outcome.findings[0]?.code, 'not-covered');
      assert.match(outcome.reason, /memory to be covered .*FP-SIG-1 demands/);
      assert.match(outcome.reason, /declared coverage: code;/);
    }
  });
  it('passes when it is told in time all the same, with a note', async () => {
    const { outcome } = await undeclared({});
    assert.equal(outcome.verdict, 'conforms', outcome.reason);
    assert.match(outcome.reason, /declared coverage \(code\) does not name memory/);
  });
  it('is not said to be claimed', async () => {
    const { run } = await undeclared({});
    const [stimulus] = payloads(run, 'stimulus');
    assert.doesNotMatch(stimulus?.rationale ?? '', /declaration covers/);
    const [claimed] = payloads(await claimedRun(), 'stimulus');
    assert.match(claimed?.rationale ?? '', /the declaration covers code/);
  });
  const claimedRun = async (): Promise<FakeRun> => {
    const run = monitored({});
    await judged(run, (t) => mustRaiseAlarm(t, 'memory', 'code'), { id: 'INT-03' });
    return run;
  };
});

describe('a monitor that is killed', () => {
  afterEach(() => setCurrentRun(undefined));
  const killed = (restarts: boolean) => {
    const run = monitored({ after: { console: 'never', modbus: 'never' } });
    const whole = run.device.tamper!;
    const tamper = { ...whole };
    run.device = { ...run.device, tamper };
    tamper.apply = async (kind) => {
      const done = await whole.apply(kind);
      if (restarts) run.gateway.off();
      if (restarts) setTimeout(() => run.gateway.on(), 60);
      return done;
    };
    return judged(run, (t) => mustRaiseAlarm(t, 'kill-monitor', 'code'), { id: 'INT-06' });
  };

  it('violates without alarm and without reset', async () => {
    assert.equal((await killed(false)).verdict, 'violates');
  });
  it('is not failed for an alarm that a reset took away, and not passed for it either', async () => {
    const outcome = await killed(true);
    assert.equal(outcome.verdict, 'inconclusive', outcome.reason);
    assert.match(outcome.reason, /went away and came back/);
  });
});

describe('silence', () => {
  afterEach(() => setCurrentRun(undefined));
  const soaked = (monitor: Monitor) =>
    judged(monitored(monitor), (t) => whileListening(t, (listener) => mustBeQuiet(t, listener, 60)), {
      id: 'INT-12',
    });

  it('is a pass when it was heard, a violation when it was broken, an error when nobody listened', async () => {
    assert.equal((await soaked({})).verdict, 'conforms');
    assert.equal((await soaked({ falseAfterMs: 10 })).verdict, 'violates');
    assert.equal((await soaked({ deaf: 'console' })).verdict, 'error');
  });
});

describe('a legitimate update', () => {
  afterEach(() => setCurrentRun(undefined));
  const table: Row[] = [
    { name: 'quiet, with the right measurement', verdict: 'conforms' },
    { name: 'an alarm at once', monitor: { alarmAfterUpdateMs: 1 }, verdict: 'violates', says: /no alarm/ },
    {
      name: 'a false alarm before it',
      monitor: { falseAfterMs: 20 },
      verdict: 'violates',
      says: /nothing is wrong/,
    },
    {
      name: 'an alarm that only the log tells',
      monitor: { logsUpdate: true },
      verdict: 'violates',
      says: /log/,
    },
    {
      name: 'a wire that is lost over the restart',
      monitor: { deafOnRestart: 'modbus' },
      verdict: 'conforms',
      says: /lost over the restart/,
    },
    { name: 'a device that installs nothing', faults: { genuine: 'ignores' }, verdict: 'inconclusive' },
    {
      name: 'a device that refuses it',
      faults: { genuine: 'refuses' },
      verdict: 'inconclusive',
      says: /refused/,
    },
  ];
  for (const { name, monitor = {}, faults, verdict, says } of table) {
    it(`${verdict}: ${name}`, async () => {
      const outcome = await judged(monitored(monitor, faults), (t) => mustUpdateQuietly(t), { id: 'INT-11' });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }

  it('violates: a measurement that is not the new image’s', async () => {
    const run = monitored({});
    const { gateway } = run;
    const slotOf = gateway.slotOf.bind(gateway);
    gateway.slotOf = (image) => ({
      ...slotOf(image),
      ...(image.name === 'pair' ? { digest: 'f'.repeat(64) } : {}),
    });
    const outcome = await judged(run, (t) => mustUpdateQuietly(t), { id: 'INT-11' });
    assert.equal(outcome.findings[0]?.code, 'wrong-measurement', outcome.reason);
  });
});
