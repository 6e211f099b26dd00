import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Answer, Device } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import type { FakeGateway, Faults } from '../../harness/lifecycle/test/fake-gateway.ts';
import { declared, fakeRun, image, judged, payloads } from '../../harness/lifecycle/test/fake-run.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { mustStayServiceable } from './invalid-updates.ts';

const genuine = new Set([image('golden').sha256, image('pair').sha256]);

/** A device that takes no image for a while after so many refused ones. */
interface Lock {
  after: number;
  forMs: number;
}
/** How the invalid image with this number, counted from 1, is met in place of a refusal. */
type Meets = (number: number, gateway: FakeGateway) => Answer['kind'] | undefined;

function limited(device: Device, gateway: FakeGateway, lock: Lock | undefined, meets: Meets): Device {
  let invalid = 0;
  let inARow = 0;
  let lockedUntilMs = 0;
  const firmware = device.firmware!;
  return {
    ...device,
    firmware: {
      ...firmware,
      offer: async (offered, ingress) => {
        const forged = !genuine.has(offered.sha256);
        if (forged) invalid += 1;
        if (monotonicMs() < lockedUntilMs) return { kind: 'refused', reason: 'busy locked', elapsedMs: 1 };
        const met = forged ? meets(invalid, gateway) : undefined;
        if (met !== undefined) return { kind: met, elapsedMs: 1 };
        const answer = await firmware.offer(offered, ingress);
        inARow = forged ? inARow + 1 : 0;
        if (inARow === lock?.after) {
          inARow = 0;
          lockedUntilMs = monotonicMs() + lock.forMs;
        }
        return answer;
      },
    },
  };
}

interface Row {
  name: string;
  lock?: Lock;
  declaredLock?: { lockAfter: number; lockedForMs: number };
  meets?: Meets;
  faults?: Faults;
  faulty?: readonly string[];
  refusesAt?: readonly ('transfer' | 'verify' | 'install' | 'boot')[];
  verdict: Verdict;
  says?: RegExp;
}

const lock = { after: 6, forMs: 400 };
const declaredLock = { lockAfter: 6, lockedForMs: 400 };
const on =
  (number: number, kind: Answer['kind']): Meets =>
  (each) =>
    each === number ? kind : undefined;

const rows: Row[] = [
  { name: 'without a rate limit declared', verdict: 'conforms', says: /no rate limit declared.*10 refused/ },
  {
    name: 'with the rate limit that it declares',
    lock,
    declaredLock,
    verdict: 'conforms',
    says: /locked after 6/,
  },
  {
    name: 'without the rate limit that it declares',
    declaredLock,
    verdict: 'violates',
    says: /400 ms after 6 refused/,
  },
  {
    name: 'with a rate limit that comes after more images',
    declaredLock: { lockAfter: 101, lockedForMs: 400 },
    verdict: 'conforms',
    says: /not seen: it comes after 101/,
  },
  {
    name: 'with a lock that never opens',
    lock: { after: 6, forMs: 60_000 },
    declaredLock,
    verdict: 'violates',
    says: /busy locked/,
  },
  {
    name: 'that takes no update any more',
    faults: { genuine: 'refuses after a forged one' },
    verdict: 'violates',
    says: /legitimate update to be taken/,
  },
  {
    name: 'that takes no update any more, on a bench that is out of order',
    faults: { genuine: 'refuses after a forged one' },
    faulty: ['console'],
    verdict: 'inconclusive',
  },
  { name: 'that took none to begin with', faults: { genuine: 'refuses' }, verdict: 'inconclusive' },
  { name: 'that accepts one of them', meets: on(7, 'accepted'), verdict: 'violates', says: /number 7/ },
  {
    name: 'that accepts them at transfer, as declared',
    meets: () => 'accepted',
    refusesAt: ['transfer', 'boot'],
    verdict: 'conforms',
    says: /as declared/,
  },
  {
    name: 'that restarts on one of them',
    meets: on(5, 'crashed'),
    verdict: 'violates',
    says: /restarted.*number 5/,
  },
  { name: 'that ends the connection on one', meets: on(5, 'closed'), verdict: 'conforms', says: /1 closed/ },
  {
    name: 'that does not answer one of them',
    meets: on(5, 'silent'),
    verdict: 'inconclusive',
    says: /1 of 10/,
  },
  { name: 'that answers none of them', meets: () => 'silent', verdict: 'inconclusive', says: /3 of 3/ },
  {
    name: 'that dies of one of them',
    meets: (number, gateway) => {
      if (number !== 4) return undefined;
      gateway.dead = true;
      return 'silent';
    },
    verdict: 'violates',
    says: /no answer from.*number 4/,
  },
  {
    name: 'that runs one of them',
    faults: { runsForged: 'at once', runsForgedAfter: 9 },
    verdict: 'violates',
  },
  {
    name: 'whose process stops',
    faults: { process: 'frozen by a forged image' },
    verdict: 'violates',
    says: /process value/,
  },
];

describe('invalid updates in a row', () => {
  afterEach(() => setCurrentRun(undefined));
  const run = (row: Omit<Row, 'name' | 'verdict'>, depth: 'smoke' | 'standard' | 'full' = 'smoke') => {
    const { lock: limit, declaredLock: said, meets = () => undefined, faults, faulty, refusesAt } = row;
    return fakeRun({
      ...(faults === undefined ? {} : { faults }),
      ...(faulty === undefined ? {} : { faulty }),
      depth,
      device: (device, gateway) => limited(device, gateway, limit, meets),
      declaration: {
        update: { ...declared.update!, ...(said === undefined ? {} : { invalidUpdates: said }) },
        ...(refusesAt === undefined
          ? {}
          : { ingresses: { ymodem: { refusesAt: [...refusesAt], answersWithinMs: 1000 } } }),
      },
    });
  };

  for (const { name, verdict, says, ...row } of rows) {
    it(`${verdict}: a device ${name}`, async () => {
      const outcome = await judged(run(row), (t) => mustStayServiceable(t), { id: 'RB-22' });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }

  it('are a hundred by standard, most of them short, without a restart in between', async () => {
    const made = run({}, 'standard');
    let restarts = 0;
    const outcome = await judged(
      made,
      async (t) => {
        await mustStayServiceable(t);
        restarts = made.gateway.powerCycles;
      },
      { id: 'RB-22' },
    );
    assert.equal(outcome.verdict, 'conforms', outcome.reason);
    const offered = payloads(made, 'stimulus').map(({ bytes = 0 }) => bytes);
    const shortest = Math.min(...offered);
    assert.deepEqual(
      [offered.length, offered.filter((bytes) => bytes === shortest).length >= 90],
      [100, true],
    );
    assert.ok(new Set(payloads(made, 'stimulus').map((each) => each.image?.sha256)).size > 5);
    assert.equal(restarts, 1); // the one at the end
  });
});
