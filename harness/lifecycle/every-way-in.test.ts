import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Answer, Device } from '../capabilities.ts';
import type { CaseContext } from './case-context.ts';
import type { ForbiddenImage, Ground } from './ground.ts';
import { attack } from './forbidden-image.ts';
import { RejectionBatch } from './rejection-batch.ts';
import { setCurrentRun } from './run.ts';
import type { FakeGateway } from './test/fake-gateway.ts';
import { fakeRun, forged, image, judged, payloads } from './test/fake-run.ts';
import { verdictTable, type VerdictRow } from './test/verdict-table.ts';

const altered: ForbiddenImage = {
  image: forged(),
  alteration: 'one bit of the payload',
  rationale: 'it was never signed',
};
const way = { refusesAt: ['transfer' as const, 'verify' as const], answersWithinMs: 1000 };
const genuine = [image('golden').sha256, image('pair').sha256];

/** The fake device with two ways in; forged images through the second are met as told. */
const twoWays =
  (meets?: Answer['kind']) =>
  (device: Device): Device => ({
    ...device,
    firmware: {
      ...device.firmware!,
      ingresses: ['ymodem', 'network'],
      offer: async (offered, ingress) => {
        const answer = await device.firmware!.offer(offered, ingress);
        const met = ingress === 'network' && !genuine.includes(offered.sha256) ? meets : undefined;
        return met === undefined ? answer : { ...answer, kind: met };
      },
    },
  });
const declaration = { ingresses: { ymodem: way, network: way } };

describe('a batch through every way in', () => {
  afterEach(() => setCurrentRun(undefined));

  for (const [everyIngress, verdict] of [
    [true, 'violates'],
    [false, 'conforms'],
  ] as const) {
    it(`finds ${verdict} where only the second way gives in, ${everyIngress ? 'all' : 'the primary one'} tried`, async () => {
      const run = fakeRun({ everyIngress, declaration, device: twoWays('accepted') });
      const batch = new RejectionBatch();
      await judged(
        run,
        batch.rejects(() => [altered]),
      );
      await batch.close();
      assert.equal(run.verdicts.get('SIG-02'), verdict, run.ended.at(-1)?.reason);
    });
  }

  it('has a control before and after through each of them', async () => {
    const run = fakeRun({ everyIngress: true, declaration, device: twoWays() });
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    await batch.close();
    assert.equal(run.verdicts.get('SIG-02'), 'conforms', run.ended.at(-1)?.reason);
    const controls = payloads(run, 'control').map(({ name, when }) => `${when} ${/\S+$/.exec(name)?.[0]}`);
    assert.deepEqual(controls, ['before ymodem', 'before network', 'after ymodem', 'after network']);
  });
});

describe('the stage of a refusal', () => {
  const at =
    (stage: Answer['stage']) =>
    (device: Device): Device => ({
      ...device,
      firmware: {
        ...device.firmware!,
        offer: async (offered, ingress) => {
          const answer = await device.firmware!.offer(offered, ingress);
          return answer.kind === 'accepted' || stage === undefined ? answer : { ...answer, stage };
        },
      },
    });
  const early = { ingresses: { ymodem: { ...way, refusesAt: ['transfer' as const] } } };
  const rows: VerdictRow[] = [
    { name: 'refuses in a declared stage', verdict: 'conforms', options: { device: at('verify') } },
    {
      name: 'refuses later than declared',
      verdict: 'violates',
      says: /refused at verify/,
      options: { declaration: early, device: at('verify') },
    },
    { name: 'refuses, and nobody can tell where', verdict: 'conforms', options: { declaration: early } },
    {
      name: 'refuses after it has accepted, which is not declared',
      verdict: 'violates',
      faults: { answersForged: 'accepted', refusesLate: true },
    },
  ];
  verdictTable(rows, 'SIG-02', (t) => attackOnce(t, altered));

  it('is on record, with what had arrived', async () => {
    const run = fakeRun({ device: at('verify') });
    await judged(run, (t) => attackOnce(t, altered));
    setCurrentRun(undefined);
    const [refusal] = payloads(run, 'refusal');
    const { bytes } = altered.image;
    assert.deepEqual(refusal, {
      of: altered.alteration,
      ingress: 'ymodem',
      stage: 'verify',
      declared: ['transfer', 'verify'],
      delivery: { totalBytes: bytes.length, acknowledgedBytes: bytes.length, complete: true },
    });
  });
});

describe('an image that may be taken, as long as the device lives', () => {
  const survivable = { ...altered, mayBeTaken: true };
  const rows: VerdictRow[] = [
    { name: 'refuses it', verdict: 'conforms' },
    { name: 'runs it', verdict: 'conforms', faults: { runsForged: 'at once' } },
    { name: 'takes it and goes on', verdict: 'conforms', faults: { answersForged: 'accepted' } },
    { name: 'dies of it', verdict: 'violates', faults: { dies: 'on a forged image' } },
    {
      name: 'dies of it at the next start',
      verdict: 'violates',
      faults: { dies: 'over a power cycle after a forged image' },
    },
    { name: 'stops its process', verdict: 'violates', faults: { process: 'frozen by a forged image' } },
  ];
  verdictTable(rows, 'SIG-19', (t) => attackOnce(t, survivable));
});

describe('an image of which not a byte was acknowledged', () => {
  const bytes = new Uint8Array(100_000);
  const announced = { ...altered, image: { name: 'too long', bytes, sha256: '1'.repeat(64) } };
  const faults = { acknowledges: 'nothing', dies: 'on a forged image' } as const;
  const rows: VerdictRow[] = [
    { name: 'dies of what was announced, on two wires', verdict: 'violates', faults, says: /no answer/ },
    {
      name: 'is silent on the only wire it has: the line may be lost',
      verdict: 'inconclusive',
      faults: { ...faults, process: 'absent' },
      says: /no byte/,
    },
    {
      name: 'does not answer, and lives',
      verdict: 'inconclusive',
      faults: { acknowledges: 'nothing', answersForged: 'silent' },
      says: /no byte/,
    },
    { name: 'refuses it at once', verdict: 'conforms', faults: { acknowledges: 'nothing' } },
  ];
  verdictTable(rows, 'SIG-27', (t) => attackOnce(t, announced));
});

describe('an altered golden image over the golden one', () => {
  const rows: VerdictRow[] = [
    {
      name: 'is taken, and by what can be read it may run',
      verdict: 'inconclusive',
      faults: { answersForged: 'accepted', hides: ['digest'] },
      options: { declaration: { ingresses: { ymodem: { ...way, refusesAt: ['transfer', 'boot'] } } } },
      says: /looks like the one before/,
    },
    {
      name: 'is taken over the other one of the pair, which goes on running',
      verdict: 'conforms',
      faults: { answersForged: 'accepted', hides: ['digest'] },
      options: { declaration: { ingresses: { ymodem: { ...way, refusesAt: ['transfer', 'boot'] } } } },
      prepare: (gateway) => {
        gateway.running = gateway.slotOf(image('pair'));
        gateway.confirmed = gateway.running;
      },
    },
  ];
  verdictTable(rows, 'SIG-02', (t) => attackOnce(t, altered));
});

describe('a no before a single byte had arrived', () => {
  afterEach(() => setCurrentRun(undefined));

  it('is asked for again after a restart, for it may be that of a busy updater', async () => {
    let restarts = 0;
    const busy = (device: Device): Device => ({
      ...device,
      power: { ...device.power!, on: async () => ((restarts += 1), device.power!.on()) },
      firmware: {
        ...device.firmware!,
        offer: async (offered, ingress) => {
          const totalBytes = offered.bytes.length;
          if (restarts === 0)
            return {
              kind: 'refused',
              reason: 'busy',
              elapsedMs: 1,
              delivery: { totalBytes, acknowledgedBytes: 0, complete: false },
            };
          return device.firmware!.offer(offered, ingress);
        },
      },
    });
    const run = fakeRun({ device: busy, faults: { runsForged: 'at once' } });
    const long = { ...altered, image: { ...altered.image, bytes: new Uint8Array(5000) } };
    const outcome = await judged(run, (t) => attackOnce(t, long));
    assert.equal(outcome.verdict, 'violates', outcome.reason);
  });
});

describe('a refused image that comes to run a while later', () => {
  afterEach(() => setCurrentRun(undefined));

  it('is looked for once in a run', async () => {
    const late = (device: Device, gateway: FakeGateway): Device => ({
      ...device,
      firmware: {
        ...device.firmware!,
        offer: async (offered, ingress) => {
          const answer = await device.firmware!.offer(offered, ingress);
          if (answer.kind === 'refused') setTimeout(() => (gateway.running = gateway.slotOf(offered)), 60);
          return answer;
        },
      },
    });
    const run = fakeRun({ device: late });
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    await batch.close();
    assert.equal(run.verdicts.get('SIG-02'), 'violates', run.ended.at(-1)?.reason);
  });
});

describe('an attack under a circumstance', () => {
  afterEach(() => setCurrentRun(undefined));

  const under = (story: string[]): ForbiddenImage => ({
    image: image('golden'),
    alteration: 'a genuine image while the clock is not set',
    rationale: 'nobody can tell the time',
    under: {
      name: 'the clock is not set',
      set: async () => {
        story.push('set');
      },
      undo: async () => {
        story.push('undone');
      },
    },
  });

  it('is made in it, and leaves it behind', async () => {
    const run = fakeRun();
    const story: string[] = [];
    const outcome = await judged(run, (t) => attackOnce(t, { ...under(story), image: image('older') }));
    assert.equal(outcome.verdict, 'conforms', outcome.reason);
    assert.deepEqual(story, ['set', 'undone']);
  });

  it('leaves it behind also when the attack has an effect', async () => {
    const run = fakeRun({ faults: { runsForged: 'at once' } });
    const story: string[] = [];
    const outcome = await judged(run, (t) => attackOnce(t, { ...under(story), image: image('older') }));
    assert.equal(outcome.verdict, 'violates', outcome.reason);
    assert.deepEqual(story, ['set', 'undone']);
  });
});

async function attackOnce(t: CaseContext, forbidden: ForbiddenImage): Promise<void> {
  const baseline = await t.device.firmware!.readState();
  const ground: Ground = { baseline, controlTraces: new Map([['ymodem', 'a control']]), alone: true };
  t.controlAccepted = true;
  await attack(t, forbidden, ground, 'ymodem');
}
