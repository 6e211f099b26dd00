import { describe } from 'mocha';
import type { Answer, Device } from '../../harness/capabilities.ts';
import type { FakeGateway } from '../../harness/lifecycle/test/fake-gateway.ts';
import { declared, image, type FakeRunOptions } from '../../harness/lifecycle/test/fake-run.ts';
import { verdictTable, type VerdictRow } from '../../harness/lifecycle/test/verdict-table.ts';
import { mustFollowPolicy } from './declared-policy.ts';
import { mustRevertFailingImages } from './failing-image.ts';
import { mustNotWrapCounter } from './highest-counter.ts';
import { mustGuardOverride } from './operator-override.ts';
import { mustRefuseRevert } from './refused-revert.ts';

const update = declared.update!;
const declaring = (more: Partial<typeof update>, audit = {}): NonNullable<FakeRunOptions['declaration']> => ({
  update: { ...update, ...more },
  audit: { ...declared.audit!, ...audit },
});
const answer = (kind: Answer['kind']): Answer => ({ kind, elapsedMs: 1 });

/** The fake device with more ways to be asked. */
const asking =
  (more: (gateway: FakeGateway) => Partial<NonNullable<Device['firmware']>>) =>
  (device: Device, gateway: FakeGateway): Device => ({
    ...device,
    firmware: { ...device.firmware!, ...more(gateway) },
  });
const runs = (gateway: FakeGateway, name: 'older' | 'golden'): void => {
  gateway.running = gateway.slotOf(image(name));
  gateway.confirmed = gateway.running;
};

describe('a genuine image for which the declaration decides', () => {
  const of = (takes: boolean) => ({
    image: image('newer'),
    alteration: 'newer release',
    policy: takes ? 'accept' : 'refuse',
    takes,
  });
  describe('taken by policy', () => {
    // The closing control is a pair below the new floor: a device with a stock of newer images has it.
    const stock: FakeRunOptions = {
      declaration: { controls: { way: 'reinstall' } },
      images: ['golden', 'pair', 'older', 'newer'],
    };
    const rows: VerdictRow[] = [
      {
        name: 'refuses it',
        verdict: 'violates',
        says: /policy is accept/,
        options: {
          ...stock,
          device: asking(() => ({
            offer: async (offered) =>
              answer(offered.sha256 === image('newer').sha256 ? 'refused' : 'accepted'),
          })),
        },
      },
      {
        name: 'says nothing',
        verdict: 'inconclusive',
        options: {
          ...stock,
          device: asking(() => ({
            offer: async (offered) =>
              answer(offered.sha256 === image('newer').sha256 ? 'silent' : 'accepted'),
          })),
        },
      },
    ];
    verdictTable(rows, 'RB-02', (t) => mustFollowPolicy(t, of(true)));
  });
  describe('an equal counter, taken by policy', () => {
    verdictTable([{ name: 'takes it', verdict: 'conforms' }], 'RB-02', (t) =>
      mustFollowPolicy(t, { ...of(true), image: image('pair') }),
    );
  });
  describe('refused by policy', () => {
    verdictTable(
      [
        { name: 'refuses it', verdict: 'conforms' },
        {
          name: 'takes it',
          verdict: 'violates',
          faults: { runsForged: 'at once' },
          says: /policy is refuse/,
        },
      ],
      'RB-02',
      (t) => mustFollowPolicy(t, { ...of(false), image: image('older') }),
    );
  });
});

describe('the highest security counter', () => {
  const images = ['golden', 'pair', 'older', 'newer', 'maximumCounter'] as const;
  const refusing = (then: (gateway: FakeGateway) => void = () => undefined) =>
    asking((gateway) => {
      const inner = gateway.device().firmware!;
      return {
        offer: async (offered, ingress) => {
          if (offered.sha256 !== image('maximumCounter').sha256) return inner.offer(offered, ingress);
          then(gateway);
          gateway.tell('update-refused', 'refused');
          return answer('refused');
        },
      };
    });
  const rows: VerdictRow[] = [
    { name: 'refuses it', verdict: 'conforms', options: { images: [...images], device: refusing() } },
    { name: 'takes it and keeps its floor', verdict: 'conforms', options: { images: [...images] } },
    {
      name: 'refuses it, and loses its floor',
      verdict: 'violates',
      says: /counter floor of at least 5/,
      options: { images: [...images], device: refusing((gateway) => (gateway.floor = 0)) },
    },
    {
      name: 'takes it, and its floor wraps round',
      verdict: 'violates',
      says: /counter floor of at least 5|older/,
      options: {
        images: [...images],
        device: asking((gateway) => {
          const inner = gateway.device().firmware!;
          return {
            confirm: async () => {
              const said = await inner.confirm!();
              if (gateway.floor > 1000) gateway.floor = 0;
              return said;
            },
          };
        }),
      },
    },
  ];
  verdictTable(rows, 'RB-05', mustNotWrapCounter);
});

describe('an operator’s override', () => {
  const override = (
    kind: Answer['kind'],
    tells: boolean,
    then: (gateway: FakeGateway) => void = () => undefined,
  ) =>
    asking((gateway) => ({
      allowOlder: async () => {
        if (tells) gateway.tell('override', kind);
        then(gateway);
        return answer(kind);
      },
    }));
  const audit = { overrideUsed: { event: 'override' } };
  const refused = declaring({ operatorOverride: 'refused' }, audit);
  const granted = declaring({ operatorOverride: 'audited' }, audit);
  const rows: VerdictRow[] = [
    {
      name: 'refuses it, on record',
      verdict: 'conforms',
      options: { declaration: refused, device: override('refused', true) },
    },
    {
      name: 'refuses it, unrecorded',
      verdict: 'violates',
      says: /audit event/,
      options: { declaration: refused, device: override('refused', false) },
    },
    {
      name: 'grants what it was declared to refuse',
      verdict: 'violates',
      says: /as declared/,
      options: { declaration: refused, device: override('accepted', true) },
    },
    {
      name: 'grants it on record, as declared: to anybody?',
      verdict: 'inconclusive',
      options: { declaration: granted, device: override('accepted', true) },
    },
    {
      name: 'grants it unrecorded',
      verdict: 'violates',
      says: /audit event/,
      options: { declaration: granted, device: override('accepted', false) },
    },
    {
      name: 'refuses it, and takes older images from then on',
      verdict: 'violates',
      says: /older release/,
      options: { declaration: refused, device: override('refused', true, (gateway) => (gateway.floor = 0)) },
    },
    {
      name: 'does not answer',
      verdict: 'inconclusive',
      options: { declaration: refused, device: override('silent', true) },
    },
    {
      name: 'has no declared policy',
      verdict: 'inconclusive',
      says: /operatorOverride/,
      options: { device: override('refused', true) },
    },
    { name: 'has no override', verdict: 'not-executed', options: { declaration: refused } },
  ];
  verdictTable(rows, 'RB-08', mustGuardOverride);
});

describe('the wish to revert after a confirmation', () => {
  const reverting = (kind: Answer['kind'], then: (gateway: FakeGateway) => void = () => undefined) =>
    asking((gateway) => ({
      revert: async () => {
        then(gateway);
        return answer(kind);
      },
    }));
  const rows: VerdictRow[] = [
    { name: 'refuses', verdict: 'conforms', options: { device: reverting('refused') } },
    {
      name: 'goes back',
      verdict: 'violates',
      says: /confirmed image to stay/,
      options: { device: reverting('accepted', (gateway) => runs(gateway, 'older')) },
    },
    {
      name: 'says no and goes back',
      verdict: 'violates',
      says: /confirmed image to stay/,
      options: { device: reverting('refused', (gateway) => runs(gateway, 'golden')) },
    },
    {
      name: 'says yes and stays',
      verdict: 'violates',
      says: /nothing was reverted/,
      options: { device: reverting('accepted') },
    },
    { name: 'says nothing', verdict: 'inconclusive', options: { device: reverting('silent') } },
  ];
  verdictTable(rows, 'RB-11', mustRefuseRevert);
});

describe('an image that crashes', () => {
  const crashing = (backAfterMs: number | undefined, tells = true) =>
    asking((gateway) => {
      const inner = gateway.device().firmware!;
      return {
        activate: async (ingress) => {
          const said = await inner.activate(ingress);
          const fails = (['crashing', 'hanging'] as const).some(
            (name) => gateway.running.digest === gateway.slotOf(image(name)).digest,
          );
          if (fails && backAfterMs !== undefined) {
            setTimeout(() => {
              gateway.running = gateway.confirmed;
              if (tells) gateway.tell('image-reverted', 'ok');
            }, backAfterMs);
          }
          return said;
        },
      };
    });
  const images = ['golden', 'pair', 'older', 'newer', 'crashing', 'hanging'] as const;
  const declaration = declaring({ revertsWithinMs: 600 }, { imageReverted: { event: 'image-reverted' } });
  const rows: VerdictRow[] = [
    {
      name: 'gives way in time, on record',
      verdict: 'conforms',
      options: { images: [...images], declaration, device: crashing(200) },
    },
    {
      name: 'gives way unrecorded',
      verdict: 'violates',
      says: /audit event/,
      options: { images: [...images], declaration, device: crashing(200, false) },
    },
    {
      name: 'gives way late',
      verdict: 'violates',
      says: /within 600 ms/,
      options: { images: [...images], declaration, device: crashing(1000) },
    },
    {
      name: 'never gives way',
      verdict: 'violates',
      says: /the old image within/,
      options: { images: [...images], declaration, device: crashing(undefined) },
    },
    {
      name: 'has no declared time',
      verdict: 'inconclusive',
      says: /revertsWithinMs/,
      options: { images: [...images], device: crashing(200) },
    },
    {
      name: 'is refused',
      verdict: 'inconclusive',
      options: {
        images: [...images],
        declaration,
        device: asking((gateway) => ({
          offer: async (offered, ingress) =>
            offered.sha256 === image('crashing').sha256
              ? answer('refused')
              : gateway.device().firmware!.offer(offered, ingress),
        })),
      },
    },
  ];
  verdictTable(rows, 'RB-19', mustRevertFailingImages);
});
