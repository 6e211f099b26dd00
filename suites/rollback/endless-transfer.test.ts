import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Answer, Device, EndlessKind, EndlessTransfer } from '../../harness/capabilities.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import type { FakeGateway, Faults } from '../../harness/lifecycle/test/fake-gateway.ts';
import { declared, fakeRun, image, judged, payloads } from '../../harness/lifecycle/test/fake-run.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { mustEndEndlessTransfers } from './endless-transfer.ts';

const storageBytes = 65_536;
const limitMs = 500;

/** How a device meets a transfer without an end; what is not said is what a faithful one does. */
interface Meets {
  kinds?: readonly EndlessKind[];
  stall?: Partial<Answer>;
  flood?: Partial<Answer>;
  /** Bytes of the stall, or of the flood, that it acknowledges. */
  takes?: number;
  logs?: string | undefined;
  /** Afterwards it takes no image until it is restarted. */
  leaks?: boolean;
  /** It installs what it has of an unfinished transfer. */
  installs?: boolean;
}

function meeting(device: Device, gateway: FakeGateway, meets: Meets): Device {
  let leakedAt: number | undefined;
  const firmware = device.firmware!;
  const offerEndlessly = async (
    _image: unknown,
    _ingress: string,
    transfer: EndlessTransfer,
  ): Promise<Answer> => {
    const stalls = transfer.kind === 'stalls';
    const acknowledgedBytes = meets.takes ?? (stalls ? transfer.bytes : storageBytes);
    const delivery = { totalBytes: transfer.bytes, acknowledgedBytes, complete: false };
    const event = 'logs' in meets ? meets.logs : stalls ? 'transfer-ended' : 'update-refused';
    if (event !== undefined) gateway.tell(event, 'refused');
    if (meets.leaks === true) leakedAt = gateway.powerCycles;
    if (meets.installs === true) gateway.running = gateway.confirmed = gateway.slotOf(image('newer'));
    const answer: Answer = { kind: 'refused', reason: stalls ? 'timeout' : 'size', elapsedMs: 200, delivery };
    return { ...answer, ...(stalls ? meets.stall : meets.flood) };
  };
  return {
    ...device,
    firmware: {
      ...firmware,
      offer: async (offered, ingress) =>
        leakedAt === gateway.powerCycles
          ? { kind: 'refused', reason: 'no space', elapsedMs: 1 }
          : firmware.offer(offered, ingress),
      endless: () => meets.kinds ?? ['stalls', 'never-ends'],
      offerEndlessly,
    },
  };
}

interface Row {
  name: string;
  meets?: Meets;
  faults?: Faults;
  update?: object;
  audit?: object;
  verdict: Verdict;
  says?: RegExp;
  faulty?: readonly string[];
}

const silent = { kind: 'silent', reason: 'still receiving' } as const;
const rows: Row[] = [
  { name: 'ends both, tells of both, and serves on', verdict: 'conforms' },
  {
    name: 'refuses a transfer without a length at once',
    meets: { kinds: ['never-ends'], takes: 0 },
    verdict: 'conforms',
  },
  {
    name: 'ends a stall without a word',
    meets: { stall: { kind: 'closed', elapsedMs: 0 } },
    verdict: 'conforms',
  },
  {
    name: 'never ends a stall',
    meets: { stall: silent },
    verdict: 'violates',
    says: /within 500 ms.*still receiving/,
  },
  { name: 'ends a stall late', meets: { stall: { elapsedMs: 800 } }, verdict: 'violates', says: /800 ms/ },
  { name: 'ends a stall about when it must', meets: { stall: { elapsedMs: 490 } }, verdict: 'inconclusive' },
  {
    name: 'takes more than it can hold, and goes on',
    meets: { flood: silent, takes: 2 * storageBytes },
    verdict: 'violates',
    says: /131072 bytes were taken/,
  },
  {
    name: 'takes more than it can hold, and then refuses',
    meets: { kinds: ['never-ends'], takes: 1.6 * storageBytes },
    verdict: 'violates',
    says: /bytes were taken/,
  },
  { name: 'does not free its storage', meets: { leaks: true }, verdict: 'violates', says: /no space/ },
  {
    name: 'does not free its storage, on a bench that is out of order',
    meets: { leaks: true },
    faulty: ['console'],
    verdict: 'inconclusive',
  },
  { name: 'tells of neither', meets: { logs: undefined }, verdict: 'violates', says: /transfer-ended/ },
  { name: 'tells of a stall as of a refusal', meets: { logs: 'update-refused' }, verdict: 'conforms' },
  {
    name: 'installs an unfinished image',
    meets: { installs: true },
    verdict: 'violates',
    says: /to change nothing/,
  },
  { name: 'restarts on it', meets: { stall: { kind: 'crashed' } }, verdict: 'violates', says: /restarted/ },
  {
    name: 'breaks off before the stall',
    meets: { takes: 100 },
    verdict: 'inconclusive',
    says: /100 of \d+ bytes/,
  },
  {
    name: 'falls silent under a flood',
    meets: { flood: silent },
    verdict: 'inconclusive',
    says: /could not be told/,
  },
  { name: 'cannot be met so', meets: { kinds: [] }, verdict: 'not-executed', says: /through ymodem/ },
  { name: 'refuses everything', faults: { genuine: 'refuses' }, verdict: 'inconclusive' },
  {
    name: 'declares no time, and ends a stall',
    update: { endsStalledTransferWithinMs: undefined },
    verdict: 'conforms',
    says: /no limit is declared/,
  },
  {
    name: 'declares no time, and does not end a stall',
    meets: { stall: silent },
    update: { endsStalledTransferWithinMs: undefined },
    verdict: 'inconclusive',
    says: /no update.endsStalledTransferWithinMs/,
  },
  {
    name: 'declares no storage',
    update: { storageBytes: undefined },
    verdict: 'inconclusive',
    says: /storageBytes/,
  },
  {
    name: 'declares no storage, and never ends a stall all the same',
    meets: { stall: silent },
    update: { storageBytes: undefined },
    verdict: 'violates',
  },
];

describe('transfers without an end', () => {
  afterEach(() => setCurrentRun(undefined));
  const run = ({ meets = {}, faults, update, audit, faulty }: Omit<Row, 'name' | 'verdict'>) =>
    fakeRun({
      ...(faults === undefined ? {} : { faults }),
      ...(faulty === undefined ? {} : { faulty }),
      device: (device, gateway) => meeting(device, gateway, meets),
      declaration: {
        update: { ...declared.update!, endsStalledTransferWithinMs: limitMs, storageBytes, ...update },
        audit: { ...declared.audit!, transferEnded: { event: 'transfer-ended' }, ...audit },
      },
    });

  for (const { name, verdict, says, ...row } of rows) {
    it(`${verdict}: the device ${name}`, async () => {
      const outcome = await judged(run(row), (t) => mustEndEndlessTransfers(t), { id: 'RB-21' });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }

  it('are followed by a legitimate update without a restart in between', async () => {
    const made = run({});
    const outcome = await judged(made, (t) => mustEndEndlessTransfers(t), { id: 'RB-21' });
    assert.equal(outcome.verdict, 'conforms', outcome.reason);
    assert.equal(made.gateway.powerCycles, 0);
    const controls = payloads(made, 'control').map(({ when, accepted }) => `${when} ${accepted}`);
    assert.deepEqual(controls, ['before true', 'after true', 'after true']);
    assert.deepEqual(
      payloads(made, 'stimulus').map(({ bytes }) => bytes),
      [Math.floor(image('golden').bytes.length / 2), 2 * storageBytes],
    );
  });
});
