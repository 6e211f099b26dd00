import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Device } from '../../harness/capabilities.ts';
import { pause } from '../../harness/clock.ts';
import { PortError } from '../../harness/errors.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import type { FakeGateway, Faults } from '../../harness/lifecycle/test/fake-gateway.ts';
import {
  declared,
  fakeRun,
  image,
  judged,
  type FakeRunOptions,
} from '../../harness/lifecycle/test/fake-run.ts';
import type { Verdict } from '../../harness/verdict.ts';
import { mustKeepFloorOverFactoryReset } from './factory-reset.ts';
import { mustSurvivePowerCuts } from './power-cut-sweep.ts';
import { mustRevertUnconfirmedTrial } from './unconfirmed-trial.ts';
import { cutPoints } from './update-with-cut.ts';

interface Row {
  name: string;
  faults?: Faults;
  options?: FakeRunOptions;
  prepare?: (gateway: FakeGateway) => void;
  verdict: Verdict;
  says?: RegExp;
}

function table(rows: readonly Row[], id: string, body: Parameters<typeof judged>[1]): void {
  afterEach(() => setCurrentRun(undefined));
  for (const { name, faults, options, prepare, verdict, says } of rows) {
    it(`${verdict}: ${name}`, async () => {
      const run = fakeRun({ ...options, ...(faults === undefined ? {} : { faults }) });
      prepare?.(run.gateway);
      const outcome = await judged(run, body, { id });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
    });
  }
}

const lowersFloor = (gateway: FakeGateway): void => {
  const reset = gateway.factoryReset.bind(gateway);
  gateway.factoryReset = () => {
    gateway.floor = 0;
    return reset();
  };
};

describe('a factory reset', () => {
  const rows: Row[] = [
    { name: 'that keeps the floor', verdict: 'conforms' },
    { name: 'that lowers the floor', prepare: lowersFloor, verdict: 'violates', says: /counter/ },
    {
      name: 'that lowers a floor which nobody can read',
      faults: { hides: ['securityCounter'] },
      prepare: lowersFloor,
      verdict: 'violates',
      says: /older release/,
    },
    {
      name: 'that goes back to older firmware',
      prepare: (gateway) => {
        const reset = gateway.factoryReset.bind(gateway);
        gateway.factoryReset = () => {
          gateway.running = gateway.slotOf(image('older'));
          gateway.confirmed = gateway.running;
          return reset();
        };
      },
      verdict: 'violates',
      says: /survive a factory reset/,
    },
    {
      name: 'that is refused',
      prepare: (gateway) => (gateway.factoryReset = () => ({ kind: 'refused', elapsedMs: 1 })),
      verdict: 'inconclusive',
    },
    {
      name: 'that is promised, and not done',
      prepare: (gateway) => (gateway.factoryReset = () => ({ kind: 'accepted', elapsedMs: 1 })),
      verdict: 'violates',
      says: /factory-reset/,
    },
    { name: 'on a device that refuses everything', faults: { genuine: 'refuses' }, verdict: 'inconclusive' },
  ];
  table(rows, 'RB-07', (t) => mustKeepFloorOverFactoryReset(t));
});

describe('a trial that nobody confirms', () => {
  const update = declared.update!;
  const rows: Row[] = [
    { name: 'that is reverted', verdict: 'conforms' },
    {
      name: 'that starts a while after activation was answered',
      faults: { restartsAfterMs: 30 },
      verdict: 'conforms',
    },
    {
      name: 'that stays',
      prepare: (gateway) => {
        const on = gateway.on.bind(gateway);
        gateway.on = () => {
          gateway.confirmed = gateway.running;
          return on();
        };
      },
      verdict: 'violates',
      says: /confirmed image/,
    },
    {
      name: 'that burns the floor early',
      prepare: (gateway) => {
        const slotOf = gateway.slotOf.bind(gateway);
        gateway.slotOf = (offered) => {
          if (offered.name === 'newer') setTimeout(() => (gateway.floor = 6), 1);
          return slotOf(offered);
        };
      },
      verdict: 'violates',
    },
    { name: 'that never ran', faults: { genuine: 'ignores' }, verdict: 'inconclusive' },
    {
      name: 'on a device that is declared to need no confirmation',
      options: { declaration: { update: { ...update, confirmation: 'none', unconfirmedReverts: false } } },
      verdict: 'inconclusive',
      says: /no trial/,
    },
  ];
  table(rows, 'RB-10', (t) => mustRevertUnconfirmedTrial(t));
});

/** A device whose requests take long enough to be cut. */
const slow = (
  over: Partial<Record<'offer' | 'activate' | 'off', (gateway: FakeGateway) => Promise<void>>> = {},
) => ({
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
      offer: async (offered, ingress) => {
        await (over.offer?.(gateway) ?? pause(30));
        return device.firmware!.offer(offered, ingress);
      },
      activate: async (ingress) => {
        const answer = await device.firmware!.activate(ingress);
        await (over.activate?.(gateway) ?? pause(100));
        return answer;
      },
    },
  }),
});

describe('power cuts during an update', () => {
  const afterCuts = (work: (gateway: FakeGateway) => void) => (gateway: FakeGateway) => {
    const on = gateway.on.bind(gateway);
    gateway.on = () => {
      const done = on();
      work(gateway);
      return done;
    };
  };
  const rows: Row[] = [
    {
      name: 'survived with the old or the new image',
      options: slow(),
      verdict: 'conforms',
      says: /cuts that landed/,
    },
    {
      name: 'that leave neither of them',
      options: slow(),
      prepare: afterCuts((gateway) => (gateway.running = { ...gateway.running, digest: 'f'.repeat(64) })),
      verdict: 'violates',
      says: /old or the new image/,
    },
    {
      name: 'that lower the floor',
      options: slow(),
      prepare: afterCuts((gateway) => (gateway.floor -= 1)),
      verdict: 'violates',
    },
    {
      name: 'that leave the device dead',
      options: slow(),
      prepare: afterCuts((gateway) => (gateway.dead = true)),
      verdict: 'violates',
      says: /boots after a power cut/,
    },
    {
      name: 'that leave it silent on a bench out of order',
      options: { ...slow(), faulty: ['console', 'modbus'] },
      prepare: afterCuts((gateway) => (gateway.dead = true)),
      verdict: 'error',
    },
    {
      name: 'that all come after the installation',
      options: slow({ off: () => pause(300) }),
      verdict: 'inconclusive',
      says: /no cut landed/,
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
  table(rows, 'RB-16', (t) => mustSurvivePowerCuts(t));
});

describe('the instants of cuts', () => {
  const times = { transferMs: 1000, installMs: 500, confirmMs: 10 };
  for (const count of [1, 2, 3, 7, 20, 50]) {
    it(`${count}: as many as asked for, inside their phases, most of them during the installation`, () => {
      const cuts = cutPoints(times, count);
      assert.equal(cuts.length, count);
      for (const { phase, afterMs } of cuts) {
        const length = { transfer: 1000, install: 500, confirm: 10 }[phase];
        assert.ok(afterMs > 0 && afterMs < length);
      }
      const install = cuts.filter(({ phase }) => phase === 'install').length;
      assert.ok(install >= count / 2, `${install} of ${count}`);
    });
  }

  it('leave out a confirmation that the device does not need', () => {
    const cuts = cutPoints({ transferMs: 1000, installMs: 500 }, 20);
    assert.deepEqual([cuts.length, cuts.some(({ phase }) => phase === 'confirm')], [20, false]);
  });
});
