import { describe } from 'mocha';
import type { Device, FirmwareImage } from '../../harness/capabilities.ts';
import type { FakeGateway } from '../../harness/lifecycle/test/fake-gateway.ts';
import { declared, image } from '../../harness/lifecycle/test/fake-run.ts';
import { verdictTable, type VerdictRow } from '../../harness/lifecycle/test/verdict-table.ts';
import { mustInstallWhatItVerified } from './verified-bytes.ts';

const genuine = [image('golden').sha256, image('pair').sha256];

type Activate = NonNullable<Device['firmware']>['activate'];
type Start = (inner: Activate, offered: FirmwareImage, gateway: FakeGateway) => Activate;

/** Starts in a way of its own what it was offered last, if that is not genuine. */
const starting =
  (start: Start, keeps: (next: FirmwareImage) => boolean = () => true) =>
  (device: Device, gateway: FakeGateway): Device => {
    let offered = image('golden');
    const inner = device.firmware!;
    return {
      ...device,
      firmware: {
        ...inner,
        offer: async (next, ingress) => {
          if (genuine.includes(next.sha256) || keeps(next)) offered = next;
          return inner.offer(next, ingress);
        },
        activate: (ingress) => {
          const activate: Activate = (through) => inner.activate(through);
          return (genuine.includes(offered.sha256) ? activate : start(activate, offered, gateway))(ingress);
        },
      },
    };
  };

/** What was offered last is booted, if something was verified before. */
const swapping = (which: 'whole' | 'half') =>
  starting(
    (activate, offered, gateway) => async (ingress) => {
      const said = await activate(ingress);
      gateway.running = gateway.slotOf(offered);
      gateway.confirmed = gateway.running;
      return said;
    },
    ({ bytes }) => (bytes.length === image('golden').bytes.length) === (which === 'whole'),
  );

/** A loader that starts whatever lies there; what was swapped in crashes at once, and the old state is back. */
const crashing = starting(() => async () => ({ kind: 'accepted', elapsedMs: 1 }));

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
