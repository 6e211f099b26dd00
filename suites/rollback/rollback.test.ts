import { describe } from 'mocha';
import type { FakeGateway } from '../../harness/lifecycle/test/fake-gateway.ts';
import { declared, image } from '../../harness/lifecycle/test/fake-run.ts';
import { verdictTable, type VerdictRow } from '../../harness/lifecycle/test/verdict-table.ts';
import { mustKeepFloorOverFactoryReset } from './factory-reset.ts';
import { mustRevertUnconfirmedTrial } from './unconfirmed-trial.ts';

const lowersFloor = (gateway: FakeGateway): void => {
  const reset = gateway.factoryReset.bind(gateway);
  gateway.factoryReset = () => {
    gateway.floor = 0;
    return reset();
  };
};

describe('a factory reset', () => {
  const rows: VerdictRow[] = [
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
  verdictTable(rows, 'RB-07', (t) => mustKeepFloorOverFactoryReset(t));
});

describe('a trial that nobody confirms', () => {
  const update = declared.update!;
  const rows: VerdictRow[] = [
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
  verdictTable(rows, 'RB-10', (t) => mustRevertUnconfirmedTrial(t));
});
