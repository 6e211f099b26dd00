import { describe } from 'mocha';
import type { Device } from '../../harness/capabilities.ts';
import type { FakeGateway } from '../../harness/lifecycle/test/fake-gateway.ts';
import { declared, image } from '../../harness/lifecycle/test/fake-run.ts';
import { verdictTable, type VerdictRow } from '../../harness/lifecycle/test/verdict-table.ts';
import { mustInstallWhatItVerified } from './verified-bytes.ts';

const genuine = [image('golden').sha256, image('pair').sha256];

/** What was offered last is booted, if something was verified before. */
const swapping =
  (which: 'whole' | 'half') =>
  (device: Device, gateway: FakeGateway): Device => {
    let offered = image('golden');
    const inner = device.firmware!;
    return {
      ...device,
      firmware: {
        ...inner,
        offer: async (next, ingress) => {
          const whole = next.bytes.length === image('golden').bytes.length;
          if (genuine.includes(next.sha256) || whole === (which === 'whole')) offered = next;
          return inner.offer(next, ingress);
        },
        activate: async (ingress) => {
          const said = await inner.activate(ingress);
          if (genuine.includes(offered.sha256)) return said;
          gateway.running = gateway.slotOf(offered);
          gateway.confirmed = gateway.running;
          return said;
        },
      },
    };
  };

/** A loader that starts whatever lies there; what was swapped in crashes at once, and the old state is back. */
const crashing = (device: Device): Device => {
  let offered = image('golden');
  const inner = device.firmware!;
  return {
    ...device,
    firmware: {
      ...inner,
      offer: async (next, ingress) => {
        offered = next;
        return inner.offer(next, ingress);
      },
      activate: async (ingress) =>
        genuine.includes(offered.sha256) ? inner.activate(ingress) : { kind: 'accepted', elapsedMs: 1 },
    },
  };
};
const volatileUpdate = { ...declared.update!, activation: 'volatile' as const };

describe('bytes swapped between verification and installation', () => {
  const rows: VerdictRow[] = [
    { name: 'installs what it verified', verdict: 'conforms', says: /was verified/ },
    {
      name: 'installs what came last, whole',
      verdict: 'violates',
      says: /which was verified/,
      options: { device: swapping('whole') },
    },
    {
      name: 'installs what came last, broken off',
      verdict: 'violates',
      says: /which was verified/,
      options: { device: swapping('half') },
    },
    {
      name: 'starts what came last, which is gone with the next power cycle',
      verdict: 'inconclusive',
      says: /whether the exchanged bytes were started cannot be told/,
      options: { device: crashing, declaration: { update: volatileUpdate } },
    },
    { name: 'takes no genuine image', verdict: 'inconclusive', faults: { genuine: 'refuses' } },
    { name: 'dies of it', verdict: 'violates', faults: { dies: 'on a forged image' } },
  ];
  verdictTable(rows, 'SIG-26', mustInstallWhatItVerified);
});
