import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Declaration } from '../../harness/board/index.ts';
import type { LinkAttack, LinkAttackOutcome } from '../../harness/capabilities.ts';
import { TimeoutError } from '../../harness/errors.ts';
import type { CaseContext } from '../../harness/index.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import { fakeRun, judged } from '../../harness/lifecycle/test/fake-run.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { mustIgnoreCounters } from './counters.ts';
import { mustIgnoreTheFuture } from './far-future.ts';
import { Sender, triple } from './messages.ts';
import { mustIgnoreRecording } from './on-the-wire.ts';
import { mustForgetNothingWithoutPower } from './power-loss.ts';
import { mustCloseOnRepeatedSequence } from './repeated-sequence.ts';
import { commandsDeclaration, layout, receiving, type ReceiverFaults } from './test/fake-receiver.ts';
import { mustRefuseOldMessages } from './window.ts';

interface Row {
  name: string;
  faults?: ReceiverFaults;
  options?: { declared?: Declaration['commands']; audit?: boolean };
  verdict: Verdict;
  says?: RegExp;
}

function table(title: string, rows: readonly Row[], body: (t: CaseContext) => Promise<void>): void {
  describe(title, () => {
    afterEach(() => setCurrentRun(undefined));
    for (const { name, faults, options, verdict, says } of rows) {
      it(`${verdict}: ${name}`, async () => {
        const { run } = receiving(faults, options);
        const outcome = await judged(run, body, { id: 'REP-02' });
        assert.equal(outcome.verdict, verdict, outcome.reason);
        if (says !== undefined) assert.match(outcome.reason, says);
      });
    }
  });
}

const unprotected: Row['options'] = { declared: { mechanism: 'none', effectWithinMs: 40 } };

const without = (name: string): Declaration['commands'] => ({
  ...(commandsDeclaration as Extract<Declaration['commands'], { mechanism: 'authenticated-messages' }>),
  layout: { ...layout, fields: layout.fields.filter((field) => field.name !== name) },
});

/** What holds for every triple. */
const everyTriple: Row[] = [
  { name: 'a faithful receiver', verdict: 'conforms', says: /logged/ },
  {
    name: 'one that obeys, and says that it refuses',
    faults: { obeysSilently: true },
    verdict: 'violates',
    says: /effect 101 → 102/,
  },
  {
    name: 'one that obeys a while after it said that it refuses',
    faults: { obeysAfterReads: 1 },
    verdict: 'violates',
    says: /to stay at 101/,
  },
  {
    name: 'one that obeys some time after it said that it refuses',
    faults: { obeysAfterReads: 2 },
    verdict: 'violates',
    says: /to stay at 101.* observed 102 .* ms after again/,
  },
  {
    name: 'one that obeys some time after it did not answer',
    faults: { obeysAfterReads: 2, answersRefused: 'silent' },
    options: { audit: false },
    verdict: 'violates',
    says: /to stay at 101/,
  },
  { name: 'one that acts in its next scan', faults: { effectAfterMs: 5 }, verdict: 'conforms' },
  {
    name: 'one that accepts the next, and does nothing any more',
    faults: { afterwards: 'accepted' },
    verdict: 'violates',
    says: /next legitimate .* observed accepted; effect 101 → 101/,
  },
  {
    name: 'one that says yes, and does nothing',
    faults: { answersRefused: 'accepted' },
    verdict: 'violates',
    says: /said that it accepted/,
  },
  {
    name: 'one that never answers, but logs',
    faults: { answersRefused: 'silent' },
    verdict: 'conforms',
    says: /conceptual/,
  },
  {
    name: 'one that never answers, and has no log',
    faults: { answersRefused: 'silent' },
    options: { audit: false },
    verdict: 'inconclusive',
  },
  {
    name: 'one that answers garbage, and has no log',
    faults: { answersRefused: 'garbage' },
    options: { audit: false },
    verdict: 'inconclusive',
  },
  {
    name: 'one that ends the connection',
    faults: { answersRefused: 'closed' },
    options: { audit: false },
    verdict: 'conforms',
  },
  { name: 'one that logs nothing', faults: { logs: false }, verdict: 'violates', says: /audit event/ },
  {
    name: 'one that refuses everybody from then on',
    faults: { afterwards: 'refused' },
    verdict: 'violates',
    says: /next legitimate/,
  },
  {
    name: 'one whose answer to the next is lost',
    faults: { afterwards: 'silent' },
    verdict: 'inconclusive',
    says: /next legitimate/,
  },
  {
    name: 'one that refuses legitimate messages',
    faults: { beforehand: 'refused' },
    verdict: 'inconclusive',
    says: /legitimate command was refused/,
  },
  { name: 'one that accepts without effect', faults: { noEffect: true }, verdict: 'inconclusive' },
  {
    name: 'one that is declared unprotected',
    options: { declared: { mechanism: 'none' } },
    verdict: 'violates',
    says: /names none/,
  },
  {
    name: 'one whose commands are declared off',
    options: { declared: { mechanism: 'service-off' } },
    verdict: 'inconclusive',
  },
];

table(
  'the same message again',
  [
    ...everyTriple,
    { name: 'one that counts nothing', faults: { ignores: ['counter'] }, verdict: 'violates' },
  ],
  (t) => triple(t, (sender, legitimate) => sender.mustNotObey('again', 'once is enough', legitimate)),
);

table(
  'counters',
  [
    { name: 'a faithful receiver', verdict: 'conforms' },
    {
      name: 'one that takes any counter',
      faults: { ignores: ['counter'] },
      verdict: 'violates',
      says: /equal/,
    },
    {
      name: 'one that takes any gap',
      faults: { ignores: ['gap'] },
      verdict: 'violates',
      says: /beyond the declared gap/,
    },
  ],
  (t) => triple(t, (sender) => mustIgnoreCounters(t, sender)),
);

describe('while no time passes between a message and its receiver', () => {
  before(() => mock.timers.enable({ apis: ['Date'], now: Date.now() }));
  after(() => mock.timers.reset());
  table(
    'old messages',
    [
      { name: 'a faithful receiver', verdict: 'conforms', says: /window for old messages ends between/ },
      { name: 'one without a window', faults: { ignores: ['window'] }, verdict: 'violates' },
      {
        name: 'one whose window is half as wide again',
        faults: { windowMs: 3000 },
        verdict: 'violates',
        says: /older than 2000 ms/,
      },
      { name: 'one that acts in its next scan', faults: { effectAfterMs: 5 }, verdict: 'conforms' },
      { name: 'one whose window is narrower', faults: { windowMs: 1000 }, verdict: 'conforms' },
      {
        name: 'one whose window is a little wider',
        faults: { windowMs: 2450 },
        verdict: 'violates',
        says: /older than 2000 ms/,
      },
      {
        name: 'one whose clock is behind',
        faults: { clockAheadMs: -450 },
        verdict: 'conforms',
        says: /clock is behind ours by about 4\d\d ms/,
      },
      {
        name: 'one whose clock is behind, and whose window is wider',
        faults: { clockAheadMs: -400, windowMs: 2400 },
        verdict: 'violates',
        says: /older than 2000 ms/,
      },
      {
        name: 'one whose clock is behind, and whose answers to what it refuses are lost',
        faults: { clockAheadMs: -450, answersRefused: 'silent' },
        verdict: 'inconclusive',
        says: /whether the device's clock is behind cannot be told/,
      },
      { name: 'one whose clock is ahead', faults: { clockAheadMs: 1600 }, verdict: 'conforms' },
      { name: 'one that obeys old messages now and then', faults: { wavers: 2 }, verdict: 'violates' },
    ],
    (t) => mustRefuseOldMessages(t),
  );

  table(
    'messages from the future',
    [
      { name: 'a faithful receiver', verdict: 'conforms' },
      { name: 'one without a window', faults: { ignores: ['future'] }, verdict: 'violates' },
      {
        name: 'one whose window is wider',
        faults: { futureMs: 2500 },
        verdict: 'violates',
        says: /message dated 2000 ms ahead to have no effect/,
      },
      {
        name: 'one that takes over the time of what it refuses',
        faults: { ratchets: true },
        verdict: 'violates',
        says: /next legitimate/,
      },
      { name: 'one whose clock is a little ahead', faults: { clockAheadMs: 600 }, verdict: 'conforms' },
      {
        name: 'one whose clock is so far ahead that it obeys what is early',
        faults: { clockAheadMs: 1600 },
        verdict: 'inconclusive',
        says: /as if the device's clock were ahead/,
      },
      {
        name: 'one whose clock is ahead, and that obeys what no clock explains',
        faults: { clockAheadMs: 1600, futureMs: 3000 },
        verdict: 'violates',
        says: /message dated 4000 ms ahead to have no effect/,
      },
      { name: 'one whose clock is behind', faults: { clockAheadMs: -450 }, verdict: 'conforms' },
    ],
    (t) => triple(t, (sender) => mustIgnoreTheFuture(t, sender)),
  );
});

table(
  'a message after a power loss',
  [
    { name: 'a faithful receiver', verdict: 'conforms' },
    {
      name: 'one that obeys some time after it said that it refuses',
      faults: { obeysAfterMs: 30 },
      verdict: 'violates',
    },
    { name: 'one that forgets its counter', faults: { forgetsWithoutPower: true }, verdict: 'violates' },
  ],
  (t) => mustForgetNothingWithoutPower(t),
);

const off = { declared: { mechanism: 'service-off' as const, effectWithinMs: 40 } };
table(
  'a recording on a new connection',
  [
    { name: 'a faithful receiver', verdict: 'conforms', says: /plain write not tried/ },
    { name: 'one that counts nothing', faults: { ignores: ['counter'] }, verdict: 'violates' },
    {
      name: 'one that counts nothing, behind a recording of reads',
      faults: { ignores: ['counter'], tap: 'reads come first' },
      verdict: 'violates',
    },
    {
      name: 'one that counts nothing, on a connection that begins with an opening',
      faults: { ignores: ['counter'], connectionOriented: true },
      verdict: 'violates',
      says: /recorded bytes to have no effect/,
    },
    {
      name: 'a tap that saw nothing',
      faults: { tap: 'sees nothing' },
      verdict: 'inconclusive',
      says: /saw no/,
    },
    {
      name: 'a connection that is refused',
      faults: { tap: 'connection refused' },
      verdict: 'inconclusive',
      says: /connection was refused/,
    },
    {
      name: 'a device that obeys a recording some time after it refused it',
      faults: { obeysAfterReads: 1 },
      verdict: 'violates',
      says: /effect to stay at 101.* ms after the end of the replay of recorded bytes/,
    },
    {
      name: 'a device that serves one client alone, and that is the bench',
      faults: { ignores: ['counter'], tap: 'single client' },
      verdict: 'inconclusive',
      says: /serve one client alone/,
    },
    {
      name: 'a device that serves one client alone, which can go away: the recording is obeyed',
      faults: { ignores: ['counter'], tap: 'single client', connectionOriented: true },
      verdict: 'violates',
      says: /recorded bytes to have no effect/,
    },
    {
      name: 'a device that serves one client alone, which can go away',
      faults: { tap: 'single client', connectionOriented: true },
      verdict: 'conforms',
      says: /repeated while the bench itself was not connected/,
    },
    {
      name: 'a device that logs a recording, and closes its connection without a byte',
      faults: { closesOnReplay: true },
      verdict: 'conforms',
    },
    {
      name: 'a device without a log that closes the connection of a recording without a byte',
      faults: { closesOnReplay: true },
      options: { audit: false },
      verdict: 'inconclusive',
      says: /no byte came back/,
    },
    {
      name: 'plain writes that are refused and work some time later',
      faults: { plain: { answer: 'refused', effect: 1, afterMs: 10 } },
      verdict: 'violates',
    },
    {
      name: 'a service that is off, and does what it refuses some time later',
      faults: { plain: { answer: 'refused', effect: 1, afterMs: 10 } },
      options: off,
      verdict: 'violates',
      says: /effect 100 → 101/,
    },
    {
      name: 'a device that declares no protection, whose plain write shows in its next scan',
      faults: { plain: { answer: 'accepted', effect: 7, afterMs: 10 } },
      options: unprotected,
      verdict: 'violates',
      says: /plain write accepted; effect 100 → 107$/,
    },
    {
      name: 'a connection that is refused, and plain writes that work',
      faults: { tap: 'connection refused', plain: { answer: 'accepted', effect: 1 } },
      verdict: 'violates',
      says: /unprotected/,
    },
    {
      name: 'plain writes that are refused',
      faults: { plain: { answer: 'refused', effect: 0 } },
      verdict: 'conforms',
    },
    {
      name: 'plain writes that work',
      faults: { plain: { answer: 'accepted', effect: 1 } },
      verdict: 'violates',
      says: /unprotected/,
    },
    {
      name: 'plain writes that are refused and work',
      faults: { plain: { answer: 'refused', effect: 1 } },
      verdict: 'violates',
    },
    {
      name: 'plain writes that are accepted and do nothing',
      faults: { plain: { answer: 'accepted', effect: 0 } },
      verdict: 'violates',
    },
    {
      name: 'a device that declares no protection, and has no plain write either',
      options: unprotected,
      verdict: 'violates',
      says: /names none$/,
    },
    {
      name: 'a device that declares no protection, whose effect outlives the power cycle',
      faults: { plain: { answer: 'accepted', effect: 7 } },
      options: unprotected,
      verdict: 'violates',
      says: /names none; plain write accepted; effect 100 → 107$/,
    },
    {
      name: 'a device that declares no protection, and obeys the recorded write again',
      faults: { plain: { answer: 'accepted', effect: 7 }, forgetsEffect: true },
      options: unprotected,
      verdict: 'violates',
      says: /a second time; observed effect 100 → 107, over a connection of its own/,
    },
    {
      name: 'a device that declares no protection, and takes no second connection',
      faults: { plain: { answer: 'accepted', effect: 7 }, forgetsEffect: true, tap: 'connection refused' },
      options: unprotected,
      verdict: 'violates',
      says: /names none; plain write accepted; effect 100 → 107$/,
    },
    {
      name: 'a service that is off',
      faults: { plain: { answer: 'refused', effect: 0 } },
      options: off,
      verdict: 'conforms',
    },
    {
      name: 'a service that is off, or a dead wire',
      faults: { plain: { answer: 'silent', effect: 0 } },
      options: off,
      verdict: 'inconclusive',
    },
    {
      name: 'a service that is not off',
      faults: { plain: { answer: 'accepted', effect: 1 } },
      options: off,
      verdict: 'violates',
    },
  ],
  (t) => mustIgnoreRecording(t),
);

describe('an attack on a field', () => {
  afterEach(() => setCurrentRun(undefined));
  for (const field of ['counter', 'timestamp'] as const) {
    it(`is not made on messages without ${field}: it would be a legitimate one`, async () => {
      const { run } = receiving({}, { declared: without(field) });
      const outcome = await judged(run, async (t) => (await Sender.create(t)).mustCarry(field));
      assert.equal(outcome.verdict, 'not-executed', outcome.reason);
    });
  }
});

describe('a repeated sequence number', () => {
  afterEach(() => setCurrentRun(undefined));
  const outcome: LinkAttackOutcome = {
    answer: { kind: 'closed', elapsedMs: 1 },
    tookEffect: false,
    connectionClosed: true,
    details: {},
  };
  const lost = () => Promise.reject(new TimeoutError('t', 'no reply'));
  const rows: [
    string,
    Partial<LinkAttackOutcome>,
    { logs?: boolean; control?: 'before' | 'after' },
    Verdict,
  ][] = [
    ['closes the channel', {}, {}, 'conforms'],
    ['closes the channel, and logs nothing', {}, { logs: false }, 'violates'],
    ['leaves the channel open', { connectionClosed: false }, {}, 'violates'],
    ['answers it', { tookEffect: true }, {}, 'violates'],
    ['answers it, and then no control either', { tookEffect: true }, { control: 'after' }, 'violates'],
    ['does not answer the first control', {}, { control: 'before' }, 'error'],
    ['does not answer the closing control', {}, { control: 'after' }, 'error'],
  ];
  for (const [name, over, { logs = true, control }, verdict] of rows) {
    it(`${verdict}: ${name}`, async () => {
      let controls = 0;
      const run = fakeRun({
        device: (device, gateway) => {
          const attack: LinkAttack = {
            name: 'repeated-sequence-number',
            description: 'a chunk with a number that was seen',
            control: async () => {
              controls += 1;
              if (control === (controls === 1 ? 'before' : 'after')) await lost();
            },
            perform: async () => {
              if (logs) gateway.tell('channel-closed', 'closed');
              return { ...outcome, ...over };
            },
          };
          return { ...device, linkAttacks: new Map([[attack.name, attack]]) };
        },
      });
      const judgedAs = await judged(run, (t) => mustCloseOnRepeatedSequence(t), { id: 'REP-15' });
      assert.equal(judgedAs.verdict, verdict, judgedAs.reason);
    });
  }

  it('is not executed where no link offers it', async () => {
    const outcomeWithout = await judged(fakeRun(), (t) => mustCloseOnRepeatedSequence(t), { id: 'REP-15' });
    assert.equal(outcomeWithout.verdict, 'not-executed');
  });
});
