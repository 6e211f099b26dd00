import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Device } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import type { FakeGateway, Faults } from '../../harness/lifecycle/test/fake-gateway.ts';
import { declared, fakeRun, judged, payloads } from '../../harness/lifecycle/test/fake-run.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { mustRevertWhenClientVanishes } from './vanished-client.ts';

const confirmWithinMs = 250;

interface Ending {
  afterMs?: number;
  confirmsItself?: boolean;
}

/** A gateway whose trial ends by itself so long after it was started, with the old image or with a confirmation. */
function endsTrials(
  device: Device,
  gateway: FakeGateway,
  { afterMs = 180, confirmsItself = false }: Ending,
  listen: (what: string) => void,
): Device {
  const firmware = device.firmware!;
  const logged = (): void => {
    const entry = { event: 'image-reverted', object: 'firmware', result: 'ok', text: '' };
    gateway.log.push({ sequence: gateway.log.length + 1, utc: new Date().toISOString(), ...entry });
  };
  return {
    ...device,
    firmware: {
      ...firmware,
      readState: () => {
        listen('read');
        return firmware.readState();
      },
      offer: async (image, ingress) => {
        const answer = await firmware.offer(image, ingress);
        const entry = { event: 'update-staged', object: 'firmware', result: 'ok', text: '' };
        gateway.log.push({ sequence: gateway.log.length + 1, utc: new Date().toISOString(), ...entry });
        return answer;
      },
      activate: async (ingress) => {
        const answer = await firmware.activate(ingress);
        setTimeout(() => {
          if (gateway.running === gateway.confirmed) return;
          if (confirmsItself) {
            gateway.confirmed = gateway.running;
            gateway.floor = 6;
            return;
          }
          gateway.off();
          gateway.on();
          logged();
        }, afterMs).unref();
        return answer;
      },
    },
  };
}

interface Row extends Ending {
  name: string;
  faults?: Faults;
  update?: Partial<NonNullable<typeof declared.update>>;
  audit?: Partial<NonNullable<typeof declared.audit>>;
  verdict: Verdict;
  says?: RegExp;
}

const never = 60_000;
const rows: Row[] = [
  { name: 'goes back in time', verdict: 'conforms' },
  {
    name: 'goes back at once, which is noted',
    afterMs: 100,
    update: { confirmWithinMs: 600 },
    verdict: 'conforms',
    says: /ended after \d+ ms already/,
  },
  { name: 'stays on trial', afterMs: never, verdict: 'violates', says: /version: 1\.2\.[01]\+0 → 1\.3\.0/ },
  {
    name: 'confirms itself when nobody does',
    confirmsItself: true,
    verdict: 'violates',
    says: /securityCounter: 5 → 6/,
  },
  {
    name: 'goes back without a word in its log',
    faults: { audit: 'empty' },
    audit: { imageReverted: { event: 'something-else' } },
    verdict: 'violates',
    says: /something-else/,
  },
  { name: 'refuses the trial', faults: { genuine: 'refuses' }, verdict: 'inconclusive' },
  { name: 'takes the trial and never starts it', faults: { genuine: 'ignores' }, verdict: 'inconclusive' },
  {
    name: 'declares no time',
    update: { confirmWithinMs: undefined },
    verdict: 'not-executed',
    says: /confirmWithinMs/,
  },
  {
    name: 'needs no confirmation',
    update: { confirmation: 'none' },
    verdict: 'inconclusive',
    says: /FP-RB-5/,
  },
];

describe('a trial whose client vanishes', () => {
  afterEach(() => setCurrentRun(undefined));

  const runOf = (
    { faults, update, audit, ...ending }: Omit<Row, 'name' | 'verdict'>,
    listen = (_what: string): void => undefined,
  ) =>
    fakeRun({
      ...(faults === undefined ? {} : { faults }),
      device: (device, gateway) => endsTrials(device, gateway, ending, listen),
      declaration: {
        update: { ...declared.update!, confirmWithinMs, ...update },
        audit: { ...declared.audit!, imageReverted: { event: 'image-reverted' }, ...audit },
      },
    });

  for (const { name, verdict, says, ...row } of rows) {
    it(`${verdict}: ${name}`, async () => {
      const run = runOf(row);
      const outcome = await judged(run, (t) => mustRevertWhenClientVanishes(t), { id: 'RB-20' });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }

  it('is asked nothing while it waits, and its way back is timed by its own log', async () => {
    const asked: number[] = [];
    const run = runOf({}, () => asked.push(monotonicMs()));
    const outcome = await judged(run, (t) => mustRevertWhenClientVanishes(t), { id: 'RB-20' });
    assert.equal(outcome.verdict, 'conforms', outcome.reason);
    const pauses = asked.map((at, index) => at - (asked[index - 1] ?? at));
    assert.ok(Math.max(...pauses) >= confirmWithinMs, `longest silence ${Math.max(...pauses)} ms`);
    const timed = payloads(run, 'measurement').find((each) => /way back/.test(each.name));
    assert.ok(timed !== undefined && timed.value > 100 && timed.value < 400, `${timed?.value} ms`);
  });

  it('is inconclusive where a confirmed update goes back after the same time as well', async () => {
    const run = runOf({});
    const before = run.gateway.confirmed;
    const confirm = run.device.firmware!.confirm!.bind(run.device.firmware);
    let confirmations = 0;
    run.device.firmware!.confirm = async () => {
      const answer = await confirm();
      if ((confirmations += 1) === 2)
        setTimeout(() => {
          run.gateway.running = before;
          run.gateway.confirmed = before;
        }, 40).unref();
      return answer;
    };
    // The first control installs the other of the pair, the second the golden image again: `before` is neither.
    before.version = '1.0.0+0';
    const outcome = await judged(run, (t) => mustRevertWhenClientVanishes(t), { id: 'RB-20' });
    assert.equal(outcome.verdict, 'inconclusive', outcome.reason);
    assert.match(outcome.reason, /did not stay either/);
  });
});
