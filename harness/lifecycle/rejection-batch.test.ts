import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { seen } from '../capabilities.ts';
import { PortError } from '../errors.ts';
import type { Verdict } from '../verdict.ts';
import { offerForbidden, RejectionBatch } from './rejection-batch.ts';
import { setCurrentRun } from './run.ts';
import type { Faults } from './test/fake-gateway.ts';
import { fakeRun, forged, image, judged, payloads, type FakeRunOptions } from './test/fake-run.ts';

const altered = { image: forged(), alteration: 'one bit of the payload', rationale: 'it was never signed' };
const another = { ...altered, image: forged(5000), alteration: 'another bit of the payload' };
const older = { image: image('older'), alteration: 'older release', rationale: 'below the floor' };

const late: FakeRunOptions['declaration'] = {
  ingresses: { ymodem: { refusesAt: ['transfer', 'boot'], answersWithinMs: 1000 } },
};

/** The first state that is read once something forged was offered. */
const misreadOnce: FakeRunOptions['device'] = (device, gateway) => {
  let misread = false;
  return {
    ...device,
    firmware: {
      ...device.firmware!,
      readState: async () => {
        const state = await device.firmware!.readState();
        if (misread || !gateway.log.some(({ event }) => event === 'update-refused')) return state;
        misread = true;
        return { ...state, version: seen('x') };
      },
    },
  };
};

interface Row {
  name: string;
  faults?: Faults;
  options?: FakeRunOptions;
  verdict: Verdict;
  /** What the final reason must say. */
  says?: RegExp;
}

/** What becomes of a batch of two cases, forged and older, on such a device. */
const rows: Row[] = [
  { name: 'a faithful device', verdict: 'conforms', says: /logged as/ },
  {
    name: 'one that runs what is forged',
    faults: { runsForged: 'at once' },
    verdict: 'violates',
    says: /version/,
  },
  {
    name: 'one that says no and installs all the same',
    faults: { answersForged: 'refused', runsForged: 'after a power cycle' },
    verdict: 'violates',
    says: /after a power cycle/,
  },
  {
    name: 'one that does so and logs nothing: the installation outweighs the missing event',
    faults: { answersForged: 'refused', runsForged: 'after a power cycle', audit: 'empty' },
    verdict: 'violates',
    says: /after a power cycle/,
  },
  {
    name: 'one that says yes and installs nothing',
    faults: { answersForged: 'accepted' },
    verdict: 'violates',
    says: /what runs looks as before/,
  },
  {
    name: 'one that says no, and lets whoever asks start it all the same',
    faults: { keepsForged: true },
    verdict: 'violates',
    says: /after the activation of what was refused, version/,
  },
  {
    name: 'one of whose answers a byte is lost on the line',
    options: { device: misreadOnce },
    verdict: 'conforms',
    says: /one reading differed \(version: \S+ → x\), and the next was as before/,
  },
  {
    name: 'one that does not understand that it is to restart',
    faults: { noPower: true },
    options: {
      device: (device) => ({ ...device, restart: async () => ({ kind: 'garbage', elapsedMs: 1 }) }),
    },
    verdict: 'inconclusive',
    says: /asked to restart, it was garbage/,
  },
  {
    name: 'one that refuses everything',
    faults: { genuine: 'refuses' },
    verdict: 'inconclusive',
    says: /control|refusal means/,
  },
  {
    name: 'one that takes everything and installs nothing',
    faults: { genuine: 'ignores' },
    verdict: 'inconclusive',
  },
  {
    name: 'one that refuses the closing control',
    faults: { genuine: 'refuses after a forged one' },
    verdict: 'inconclusive',
    says: /closing control did not hold/,
  },
  {
    name: 'one that never answers, but logs',
    faults: { answersForged: 'silent' },
    verdict: 'conforms',
    says: /conceptual/,
  },
  {
    name: 'one that never answers, and has no log',
    faults: { answersForged: 'silent', audit: 'absent' },
    verdict: 'inconclusive',
    says: /no log shows/,
  },
  {
    name: 'one that answers garbage, and has no log',
    faults: { answersForged: 'garbage', audit: 'absent' },
    verdict: 'inconclusive',
  },
  {
    name: 'one to which forged images come damaged, and break off: the line may have done it',
    faults: { answersForged: 'garbage', breaksOff: true },
    verdict: 'inconclusive',
    says: /bytes of .* arrived/,
  },
  {
    name: 'one that ends the transfer without a word',
    faults: { answersForged: 'closed' },
    verdict: 'conforms',
  },
  { name: 'one that restarts', faults: { answersForged: 'crashed' }, verdict: 'violates', says: /restarted/ },
  {
    name: 'one that dies of it',
    faults: { dies: 'on a forged image' },
    verdict: 'violates',
    says: /no answer from/,
  },
  {
    name: 'one that dies of it on a bench out of order',
    faults: { dies: 'on a forged image' },
    options: { faulty: ['console', 'modbus'] },
    verdict: 'error',
  },
  {
    name: 'one that dies over the shared power cycle',
    faults: { dies: 'over a power cycle after a forged image', breaksOff: true },
    verdict: 'violates',
    says: /one of which did it/,
  },
  { name: 'one with an empty log', faults: { audit: 'empty' }, verdict: 'violates', says: /audit event/ },
  { name: 'one whose log’s wire breaks', faults: { audit: 'dead' }, verdict: 'error', says: /wire is gone/ },
  {
    name: 'one without a log',
    faults: { audit: 'absent' },
    verdict: 'conforms',
    says: /audit event not observable/,
  },
  {
    name: 'one whose process value stops',
    faults: { process: 'frozen by a forged image' },
    verdict: 'violates',
    says: /process value/,
  },
  {
    name: 'one whose process value times out',
    faults: { process: 'times out' },
    verdict: 'error',
    says: /did not finish/,
  },
  {
    name: 'one without a process value',
    faults: { process: 'absent' },
    verdict: 'conforms',
    says: /process value not observable/,
  },
  {
    name: 'one that hides its counter',
    faults: { hides: ['securityCounter'] },
    verdict: 'conforms',
    says: /securityCounter not observable/,
  },
  {
    name: 'one that hides version and digest',
    faults: { hides: ['version', 'digest'] },
    verdict: 'inconclusive',
    says: /neither version nor digest/,
  },
  {
    name: 'one without a switched supply',
    faults: { noPower: true },
    verdict: 'conforms',
    says: /neither a switched supply/,
  },
  {
    name: 'one whose state never keeps over a power cycle',
    faults: { unstable: true },
    verdict: 'inconclusive',
    says: /innocent power cycle/,
  },
  {
    name: 'one that is locked and looks at nothing',
    faults: { acknowledges: 'nothing' },
    verdict: 'inconclusive',
    says: /no byte/,
  },
  {
    name: 'one whose way in tells nothing of delivery',
    faults: { acknowledges: 'nothing, and tells not' },
    verdict: 'conforms',
    says: /delivery not observable/,
  },
  {
    name: 'one that says no far too late',
    faults: { answersAfterMs: 5000 },
    verdict: 'violates',
    says: /refusal within 1000 ms/,
  },
  {
    name: 'one that must be confirmed, and cannot be',
    faults: { noConfirm: true },
    verdict: 'not-executed',
    says: /confirm/,
  },
  {
    name: 'one that says it confirmed, and did not',
    faults: { neverConfirms: true },
    verdict: 'inconclusive',
    says: /trial/,
  },
  {
    name: 'one that restarts a while after it said so',
    faults: { restartsAfterMs: 30 },
    verdict: 'conforms',
  },
  {
    name: 'one that refuses at boot, as declared',
    faults: { answersForged: 'accepted' },
    options: { declaration: late },
    verdict: 'conforms',
    says: /refused at boot, as declared/,
  },
  {
    name: 'one that reinstalls the golden image',
    options: { declaration: { controls: { way: 'reinstall' } } },
    verdict: 'conforms',
  },
  {
    name: 'a reinstalling one that takes all, installs nothing, and is declared to refuse late',
    faults: { genuine: 'ignores', answersForged: 'accepted' },
    options: { declaration: { ...late, controls: { way: 'reinstall' } } },
    verdict: 'inconclusive',
    says: /accepted both/,
  },
  {
    name: 'one with controls of a series that is used up',
    options: { declaration: { controls: { way: 'series', left: 0 } } },
    verdict: 'not-executed',
    says: /used up/,
  },
  {
    name: 'a bench that loses a port in the middle of an attack',
    faults: {
      onOffer: ({ name }) => {
        if (name === 'forged') throw new PortError('port-gone', 'ttyUSB0 is gone');
      },
    },
    verdict: 'error',
    says: /ttyUSB0/,
  },
];

describe('a batch of rejections', () => {
  afterEach(() => setCurrentRun(undefined));

  for (const { name, faults, options, verdict, says } of rows) {
    it(`finds ${verdict} for ${name}`, async () => {
      const run = fakeRun({ ...options, ...(faults === undefined ? {} : { faults }) });
      const batch = new RejectionBatch();
      await judged(
        run,
        batch.rejects(() => [altered]),
      );
      await batch.close();
      const said = run.ended.map(({ reason }) => reason).join('\n');
      assert.equal(run.verdicts.get('SIG-02'), verdict, said);
      if (says !== undefined) assert.match(said, says);
      if (verdict === 'conforms') assert.equal(run.ended.at(-1)?.provisional, false);
    });

    it(`finds ${verdict} for ${name}, in one case`, async () => {
      const run = fakeRun({ ...options, ...(faults === undefined ? {} : { faults }) });
      const outcome = await judged(run, (t) => offerForbidden(t, 'ymodem', [altered]));
      assert.equal(outcome.verdict, verdict, outcome.reason);
    });
  }

  it('keeps a pass provisional until the closing control, and writes both', async () => {
    const run = fakeRun({ faults: { breaksOff: true } });
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    await judged(
      run,
      batch.rejects(() => [older]),
      { id: 'RB-01' },
    );
    assert.deepEqual(
      run.ended.map(({ provisional }) => provisional),
      [true, true],
    );
    assert.deepEqual(await batch.close(), []);
    assert.deepEqual(
      run.ended.slice(2).map(({ id, provisional }) => [id, provisional]),
      [
        ['SIG-02', false],
        ['RB-01', false],
      ],
    );
    assert.equal(run.gateway.powerCycles, 1, 'one power cycle for all');
    assert.deepEqual(
      payloads(run, 'control').map(({ when, accepted }) => [when, accepted]),
      [
        ['before', true],
        ['after', true],
      ],
    );
  });

  it('blames no later attack either, once the state was seen to change without one', async () => {
    const run = fakeRun({ faults: { unstable: true } });
    const batch = new RejectionBatch();
    const outcome = await judged(
      run,
      batch.rejects(() => [altered, another]),
    );
    assert.equal(outcome.verdict, 'inconclusive', outcome.reason);
    assert.match(outcome.reason, /innocent power cycle/);
  });

  it('boots what was taken in whole before another offer could wipe it out', async () => {
    const run = fakeRun();
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered, another]),
    );
    assert.equal(run.gateway.powerCycles, 2);
    await batch.close();
    assert.equal(run.gateway.powerCycles, 2, 'nothing is left for a shared power cycle');
    assert.equal(run.verdicts.get('SIG-02'), 'conforms');
  });

  it('runs each case again alone when the shared power cycle changed the state, and keeps every attempt', async () => {
    const run = fakeRun({ faults: { runsForged: 'after a power cycle', breaksOff: true } });
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    await batch.close();
    const attempts = payloads(run, 'verdict').map(({ attempt, verdict }) => [attempt, verdict]);
    assert.deepEqual(attempts[0], [1, 'conforms']);
    assert.ok(attempts.some(([attempt, verdict]) => attempt === 2 && verdict === 'violates'));
    assert.equal(run.verdicts.get('SIG-02'), 'violates');
  });

  it('does not pass a state that changed, only because no case did it alone', async () => {
    const run = fakeRun({
      faults: { runsForged: 'after a power cycle', runsForgedAfter: 2, breaksOff: true },
    });
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    await judged(
      run,
      batch.rejects(() => [another]),
      { id: 'SIG-03' },
    );
    const fallen = await batch.close();
    assert.deepEqual(fallen, ['SIG-02', 'SIG-03']);
    assert.match(run.ended.at(-1)?.reason ?? '', /not again when each case was run alone/);
    assert.equal(payloads(run, 'verdict').at(-1)?.attempt, 2, 'the verdict is that of the last attempt');
  });

  it('keeps the notes of the attempt that counts, of the opening and of the closing', async () => {
    const run = fakeRun({ faults: { hides: ['securityCounter'] } });
    const batch = new RejectionBatch();
    let round = 0;
    const body = batch.rejects((t) => {
      t.note(`round ${(round += 1)}`);
      return [altered];
    });
    await judged(run, body);
    await judged(
      run,
      batch.rejects(() => [older]),
      { id: 'RB-01' },
    );
    await batch.close();
    const [first, second] = run.ended.slice(-2).map(({ reason }) => reason);
    assert.match(first ?? '', /round 1/);
    for (const reason of [first, second]) assert.match(reason ?? '', /securityCounter not observable/);
  });

  it('blames no other case when one of them left the device unusable', async () => {
    const run = fakeRun({ faults: { dies: 'on a forged image', breaksOff: true } });
    const batch = new RejectionBatch();
    const nothing = { ...altered, image: image('older'), alteration: 'older release' };
    run.gateway.faults.dies = 'over a power cycle after a forged image';
    await judged(
      run,
      batch.rejects(() => [nothing]),
      { id: 'RB-01' },
    );
    run.gateway.faults.dies = 'on a forged image';
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    assert.equal(run.verdicts.get('SIG-02'), 'violates');
    assert.ok(run.poisoned !== undefined);
    await batch.close();
    assert.equal(run.verdicts.get('RB-01'), 'inconclusive');
  });

  it('lets violations stand when the closing control fails', async () => {
    const run = fakeRun({ faults: { answersForged: 'accepted' } });
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    run.gateway.faults.genuine = 'refuses';
    assert.deepEqual(await batch.close(), []);
    assert.equal(run.verdicts.get('SIG-02'), 'violates');
  });

  it('does not pass what was interrupted before the closing control', async () => {
    const run = fakeRun();
    const batch = new RejectionBatch();
    await judged(
      run,
      batch.rejects(() => [altered]),
    );
    run.stop();
    await batch.close();
    assert.equal(run.verdicts.get('SIG-02'), 'inconclusive');
  });

  it('is not executed when there is nothing to offer', async () => {
    const outcome = await judged(
      fakeRun(),
      new RejectionBatch().rejects(() => []),
    );
    assert.equal(outcome.verdict, 'not-executed');
  });

  it('goes on to the other attacks when one of them decides nothing', async () => {
    const run = fakeRun();
    const faults = run.gateway.faults;
    const outcome = await judged(run, (t) => {
      faults.onOffer = ({ name }) => {
        if (name === 'forged') faults.acknowledges = 'nothing';
        else delete faults.acknowledges;
        if (name === 'second') faults.answersForged = 'accepted';
      };
      return offerForbidden(t, 'ymodem', [altered, { ...another, image: forged(5000, 'second') }]);
    });
    assert.equal(outcome.verdict, 'violates', outcome.reason);
  });

  it('takes data after the image as benign only while exactly the signed image runs', async () => {
    const appended = { ...altered, benignAs: image('golden') };
    const run = fakeRun({ faults: { runsForged: 'at once', answersForged: 'accepted' } });
    const outcome = await judged(run, (t) => offerForbidden(t, 'ymodem', [appended]));
    assert.equal(outcome.verdict, 'violates', outcome.reason);
    const benign = fakeRun({ faults: { answersForged: 'accepted', takesForgedAs: image('golden') } });
    const passed = await judged(benign, (t) => offerForbidden(t, 'ymodem', [appended]));
    assert.equal(passed.verdict, 'conforms', passed.reason);
    assert.match(passed.reason, /exactly what was signed/);
  });

  it('takes a part moved within the image as benign also where the device measures the file as stored', async () => {
    const moved = { ...altered, benignAs: image('golden') };
    const faults = { runsForged: 'at once', answersForged: 'accepted' } as const;
    const whole = await judged(fakeRun({ faults }), (t) =>
      offerForbidden(t, 'ymodem', [{ ...moved, measuredWhole: true }]),
    );
    assert.equal(whole.verdict, 'conforms', whole.reason);
    const bare = await judged(fakeRun({ faults }), (t) => offerForbidden(t, 'ymodem', [moved]));
    assert.equal(bare.verdict, 'violates', bare.reason);
  });
});
