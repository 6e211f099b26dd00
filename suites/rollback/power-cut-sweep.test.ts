import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Device, FirmwareImage } from '../../harness/capabilities.ts';
import { pause } from '../../harness/clock.ts';
import { PortError } from '../../harness/errors.ts';
import type { FakeGateway } from '../../harness/lifecycle/test/fake-gateway.ts';
import {
  declared,
  image,
  payloads,
  type FakeRun,
  type FakeRunOptions,
} from '../../harness/lifecycle/test/fake-run.ts';
import { verdictTable, type VerdictRow } from '../../harness/lifecycle/test/verdict-table.ts';
import type { Sweep } from '../../harness/record/events.ts';
import { cutsAtDepth } from './cut-sweep.ts';
import { mustSurvivePowerCuts } from './power-cut-sweep.ts';
import { mustSurviveRepeatedCuts } from './repeated-cuts.ts';
import { mustSurviveCutReverts } from './revert-cut-sweep.ts';

/** What the one sweep of a record must show. */
const swept =
  (check: (sweep: Sweep) => void) =>
  (run: FakeRun): void => {
    const [sweep, ...more] = payloads(run, 'sweep');
    assert.ok(sweep !== undefined && more.length === 0);
    check(sweep);
  };

type Slow = Partial<Record<'offer' | 'activate' | 'off', (gateway: FakeGateway) => Promise<void>>>;

/** A device whose requests take long enough to be cut. */
const slow = (over: Slow = {}): FakeRunOptions => ({
  cuts: 4,
  device: (device: Device, gateway: FakeGateway): Device => ({
    ...device,
    power: {
      ...device.power!,
      off: async () => {
        await over.off?.(gateway);
        return device.power!.off();
      },
    },
    firmware: {
      ...device.firmware!,
      offer: async (offered: FirmwareImage, ingress: string) => {
        await (over.offer?.(gateway) ?? pause(30));
        return device.firmware!.offer(offered, ingress);
      },
      activate: async (ingress: string) => {
        const answer = await device.firmware!.activate(ingress);
        await (over.activate?.(gateway) ?? pause(100));
        return answer;
      },
    },
  }),
});

/** What was confirmed when the last update began. */
const confirmedAtOffer = new WeakMap<FakeGateway, FakeGateway['confirmed']>();

/** Whatever happens at each return of power, after the first so many. */
const afterCuts =
  (work: (gateway: FakeGateway) => void, from = 1) =>
  (gateway: FakeGateway) => {
    const on = gateway.on.bind(gateway);
    gateway.on = () => {
      const done = on();
      if (gateway.powerCycles >= from) work(gateway);
      return done;
    };
  };

const torn = (gateway: FakeGateway): void => {
  gateway.running = { ...gateway.running, digest: 'f'.repeat(64) };
};

/** Refuses all images once power was cut; `until` so many offers more have come. */
const refusesAfterCut = (until: number): Partial<VerdictRow> => {
  const { device } = slow();
  return {
    options: {
      ...slow(),
      device: (plain, gateway) => {
        const whole = device?.(plain, gateway) ?? plain;
        let refused = 0;
        return {
          ...whole,
          firmware: {
            ...whole.firmware!,
            offer: (offered, ingress) => {
              if (gateway.powerCycles === 0 || refused >= until)
                return whole.firmware!.offer(offered, ingress);
              refused += 1;
              return Promise.resolve({ kind: 'refused', reason: 'busy', elapsedMs: 1 });
            },
          },
        };
      },
    },
  };
};

describe('power cuts during an update', () => {
  const rows: VerdictRow[] = [
    {
      name: 'survived with the old or the new image',
      options: slow(),
      verdict: 'conforms',
      says: /cuts that landed.*whole updates were made after cuts 1/s,
      shows: swept(({ of, seed, points, phases }) => {
        assert.deepEqual([of, seed, points.length], ['update', '00'.repeat(16), 4]);
        for (const { outcome } of points) assert.match(outcome, /^(old|new|new on trial)$/);
        const names = phases.map(({ name }) => name);
        assert.deepEqual(names.slice(0, 3), ['transfer', 'verify', 'install']);
        for (const { coverage } of phases) assert.ok(coverage >= 0 && coverage <= 100);
      }),
    },
    {
      name: 'that leave neither of them',
      options: slow(),
      prepare: afterCuts(torn),
      verdict: 'violates',
      says: /old or the new image/,
      shows: swept(({ points }) => assert.equal(points[0]?.outcome, 'neither')),
    },
    {
      name: 'that lower the floor',
      options: slow(),
      prepare: afterCuts((gateway) => (gateway.floor -= 1)),
      verdict: 'violates',
      says: /at least 5/,
    },
    {
      name: 'that raise the floor while nothing newer is confirmed',
      options: slow({
        offer: async (gateway) => {
          confirmedAtOffer.set(gateway, gateway.confirmed);
          await pause(30);
        },
      }),
      // A cut may also come behind a confirmation: then the floor may rise.
      prepare: afterCuts((gateway) => {
        if (gateway.confirmed === confirmedAtOffer.get(gateway)) gateway.floor += 1;
      }),
      verdict: 'violates',
      says: /while no newer image is confirmed/,
    },
    {
      name: 'that leave the device dead',
      options: slow(),
      prepare: afterCuts((gateway) => (gateway.dead = true)),
      verdict: 'violates',
      says: /boots after a power cut/,
      shows: swept(({ points }) =>
        assert.deepEqual(
          points.map(({ outcome }) => outcome),
          ['not back'],
        ),
      ),
    },
    {
      name: 'that leave it silent on a bench out of order',
      options: { ...slow(), faulty: ['console', 'modbus'] },
      prepare: afterCuts((gateway) => (gateway.dead = true)),
      verdict: 'error',
    },
    {
      name: 'that stop the process value',
      options: slow(),
      prepare: afterCuts((gateway) => Object.assign(gateway.faults, { process: 'frozen' })),
      verdict: 'violates',
      says: /process value/,
    },
    {
      name: 'after which no image is taken any more',
      ...refusesAfterCut(Infinity),
      verdict: 'violates',
      says: /takes a legitimate update after a power cut/,
    },
    {
      name: 'after which an image is taken only when the device was started again',
      ...refusesAfterCut(1),
      verdict: 'inconclusive',
      says: /after a restart the offer was accepted/,
    },
    {
      name: 'that all come after the installation',
      options: slow({ off: () => pause(300) }),
      verdict: 'inconclusive',
      says: /no cut landed/,
      shows: swept(({ points, phases }) => {
        assert.ok(points.every(({ phase, inTime }) => phase !== 'install' || !inTime));
        assert.equal(phases.find(({ name }) => name === 'install')?.coverage, 0);
      }),
    },
    { name: 'none of them', options: { ...slow(), cuts: 0 }, verdict: 'not-executed', says: /not a single/ },
    {
      name: 'on a device that shows neither version nor digest',
      faults: { hides: ['version', 'digest'] },
      options: slow(),
      verdict: 'inconclusive',
      says: /neither version nor digest/,
    },
    {
      name: 'on a device that reinstalls the golden image and installs nothing',
      faults: { genuine: 'ignores' },
      options: { ...slow(), declaration: { controls: { way: 'reinstall' } } },
      verdict: 'inconclusive',
      says: /nothing shows/,
    },
    {
      name: 'by a supply that fails',
      options: slow({ off: () => Promise.reject(new PortError('relay', 'relay stuck')) }),
      verdict: 'error',
      says: /relay stuck/,
    },
  ];
  verdictTable(rows, 'RB-16', (t) => mustSurvivePowerCuts(t));

  it('are at most eight at depth smoke, and four times as many at full', () => {
    const counts = (['smoke', 'standard', 'full'] as const).map((depth) =>
      cutsAtDepth({ run: { cuts: 40, depth } } as Parameters<typeof cutsAtDepth>[0]),
    );
    assert.deepEqual(counts, [8, 40, 160]);
  });
});

describe('power cuts during a revert', () => {
  /** From the third return of power on: after the undisturbed revert and the start that is cut. */
  const afterCutRevert = (work: (gateway: FakeGateway) => void) => afterCuts(work, 3);
  const stays = (gateway: FakeGateway): void => {
    gateway.running = gateway.slotOf(image('newer'));
  };
  /** A start that takes long enough to be cut. */
  const slowStart = (cuts: number): FakeRunOptions => ({
    cuts,
    device: (device) => ({
      ...device,
      waitUntilReady: async (withinMs) => {
        await pause(150);
        return device.waitUntilReady(withinMs);
      },
    }),
  });
  const rows: VerdictRow[] = [
    {
      name: 'survived with the old image',
      options: slowStart(8),
      verdict: 'conforms',
      shows: swept(({ of, points, phases }) => {
        assert.deepEqual([of, points.length, phases.length], ['revert', 4, 1]);
        assert.ok(points.every(({ outcome }) => outcome === 'old'));
      }),
    },
    {
      name: 'after which one more start is needed',
      options: slowStart(2),
      prepare: (gateway) => {
        const on = gateway.on.bind(gateway);
        gateway.on = () => {
          const done = on();
          if (gateway.powerCycles === 3) stays(gateway);
          return done;
        };
      },
      verdict: 'conforms',
      says: /1 old, one start later/,
    },
    {
      name: 'that keep the trial for good',
      options: slowStart(2),
      prepare: afterCutRevert(stays),
      verdict: 'violates',
      says: /after the next start at the latest/,
    },
    {
      name: 'that leave neither image',
      options: slowStart(2),
      prepare: afterCutRevert(torn),
      verdict: 'violates',
      says: /the old image, or the one on trial/,
    },
    {
      name: 'that leave the device dead',
      options: slowStart(2),
      prepare: afterCutRevert((gateway) => (gateway.dead = true)),
      verdict: 'violates',
      says: /boots after a power cut/,
    },
    {
      name: 'that raise the floor',
      options: slowStart(2),
      prepare: afterCutRevert((gateway) => (gateway.floor = 6)),
      verdict: 'violates',
      says: /counter floor of 5/,
    },
    {
      name: 'on a device that does not even revert undisturbed',
      options: slowStart(2),
      prepare: afterCuts((gateway) => {
        stays(gateway);
        gateway.confirmed = gateway.running;
      }),
      verdict: 'inconclusive',
      says: /undisturbed trial was not reverted/,
    },
    { name: 'where no trial ran', faults: { genuine: 'ignores' }, verdict: 'inconclusive' },
    {
      name: 'on a device that is declared not to revert',
      options: { declaration: { update: { ...declared.update!, unconfirmedReverts: false } } },
      verdict: 'inconclusive',
      says: /not swapped back/,
    },
  ];
  verdictTable(rows, 'RB-17', (t) => mustSurviveCutReverts(t));
});

describe('five power cuts in one update', () => {
  /** The start after the first cut is not yet one of an update that was cut twice. */
  const inSecondCut = (work: (gateway: FakeGateway) => void) => afterCuts(work, 2);
  const rows: VerdictRow[] = [
    {
      name: 'survived, ten times',
      options: slow(),
      verdict: 'conforms',
      shows: swept(({ points }) => {
        assert.equal(points.length, 50);
        assert.equal(points.filter(({ outcome }) => outcome === 'cut again').length, 40);
        assert.ok(points.every(({ chosen }) => chosen === 'random'));
      }),
    },
    {
      name: 'that leave the device dead',
      options: slow(),
      prepare: inSecondCut((gateway) => (gateway.dead = true)),
      verdict: 'violates',
      says: /cuts of update \d+ of 10 at (\d+, ){4}\d+ ms/,
    },
    {
      name: 'that leave neither image',
      options: slow(),
      prepare: inSecondCut(torn),
      verdict: 'violates',
      says: /old or the new image/,
    },
    {
      name: 'that all come too late',
      options: { ...slow({ off: () => pause(300) }), depth: 'smoke' },
      verdict: 'inconclusive',
      says: /no cut landed/,
    },
    { name: 'none of them', options: { ...slow(), cuts: 0 }, verdict: 'not-executed' },
  ];
  verdictTable(rows, 'RB-18', (t) => mustSurviveRepeatedCuts(t));
});
