import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Answer, Device } from '../../harness/capabilities.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import { declared, fakeRun, image, judged } from '../../harness/lifecycle/test/fake-run.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { mustRejectThroughEveryIngress } from './every-ingress.ts';

const way = { refusesAt: ['transfer' as const], answersWithinMs: 1000 };

interface Row {
  name: string;
  wired: readonly string[];
  declaredWays: readonly string[];
  /** How a forged image is met through a way in. */
  meets?: (ingress: string) => Answer['kind'] | undefined;
  verdict: Verdict;
  says?: RegExp;
}
const rows: Row[] = [
  { name: 'both ways in refuse', wired: ['a', 'b'], declaredWays: ['a', 'b'], verdict: 'conforms' },
  {
    name: 'the second way in gives in',
    wired: ['a', 'b'],
    declaredWays: ['a', 'b'],
    meets: (ingress) => (ingress === 'b' ? 'accepted' : undefined),
    verdict: 'violates',
  },
  {
    name: 'the first decides nothing, and the second gives in',
    wired: ['a', 'b'],
    declaredWays: ['a', 'b'],
    meets: (ingress) => (ingress === 'b' ? 'accepted' : 'silent'),
    verdict: 'violates',
  },
  {
    name: 'a declared way in is not wired',
    wired: ['a'],
    declaredWays: ['a', 'b'],
    verdict: 'not-executed',
    says: /way in b/,
  },
  { name: 'there is no way in at all', wired: [], declaredWays: [], verdict: 'not-executed' },
];

describe('forged images through every way in', () => {
  afterEach(() => setCurrentRun(undefined));
  for (const { name, wired, declaredWays, meets, verdict, says } of rows) {
    it(`${verdict}: ${name}`, async () => {
      const run = fakeRun({
        faults: { audit: 'absent' },
        declaration: { ...declared, ingresses: Object.fromEntries(declaredWays.map((each) => [each, way])) },
        device: (device): Device => ({
          ...device,
          firmware: {
            ...device.firmware!,
            ingresses: wired,
            offer: async (offered, ingress) => {
              const answer = await device.firmware!.offer(offered, ingress);
              const genuine = [image('golden').sha256, image('pair').sha256].includes(offered.sha256);
              return { ...answer, kind: (genuine ? undefined : meets?.(ingress)) ?? answer.kind };
            },
          },
        }),
      });
      const outcome = await judged(run, (t) => mustRejectThroughEveryIngress(t, wired), { id: 'SIG-28' });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }
});
