import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { notObservable, seen, type Answer, type Device, type FirmwareImage } from '../capabilities.ts';
import { monotonicMs, until } from '../clock.ts';
import { TimeoutError } from '../errors.ts';
import type { Verdict } from '../verdict.ts';
import { identifyImage } from '../image/index.ts';
import { RejectionBatch } from './rejection-batch.ts';
import { setCurrentRun } from './run.ts';
import { declared, fakeRun, forged, image, judged, payloads, type FakeRun } from './test/fake-run.ts';

const altered = { image: forged(), alteration: 'one bit of the payload', rationale: 'it was never signed' };

/** What a boot loader does when it is told to start a forged image. */
type Meets = 'refuses' | 'starts' | 'crashes' | 'hangs' | 'crashes and stays down';

/** A boot loader with a prompt: what it starts runs until the next power cycle, and leaves no trace behind it. */
class Loader {
  readonly meets: Meets;
  /** A start that outlives the power cycle, against the declaration. */
  readonly lasting: boolean;
  running = 'prompt';
  #loaded: FirmwareImage | undefined;
  #answers = true;
  readonly activated: Answer['kind'][] = [];

  constructor(meets: Meets, lasting = false) {
    this.meets = meets;
    this.lasting = lasting;
  }

  device(): Device {
    const now = (): { atMs: number } => ({ atMs: monotonicMs() });
    return {
      firmware: {
        ingresses: ['ymodem'],
        readState: async () => ({
          version: seen(this.#mustAnswer()),
          digest: notObservable('hidden'),
          securityCounter: notObservable('it has none'),
          confirmation: notObservable('it has none'),
        }),
        offer: async (offered) => this.#load(offered),
        activate: async () => this.#start(),
      },
      power: { precise: true, off: async () => now(), on: async () => this.#powerOn() },
      linkAttacks: new Map(),
      waitUntilReady: async (withinMs) => {
        await until(() => (this.#answers ? true : undefined), { withinMs, everyMs: 2, what: 'its prompt' });
        return { tookMs: 1 };
      },
    };
  }

  #mustAnswer(): string {
    if (!this.#answers) throw new TimeoutError('no-reply', 'no reply within 5 ms');
    return this.running;
  }

  #powerOn(): { atMs: number } {
    this.#answers = this.meets !== 'crashes and stays down' || !this.activated.includes('crashed');
    if (!this.lasting) this.running = 'prompt';
    return { atMs: monotonicMs() };
  }

  #load(offered: FirmwareImage): Answer {
    this.#mustAnswer();
    assert.ok(this.lasting || this.running === 'prompt', 'a running image takes no further one');
    this.#loaded = offered;
    const totalBytes = offered.bytes.length;
    const delivery = { totalBytes, acknowledgedBytes: totalBytes, complete: true };
    return { kind: 'accepted', delivery, elapsedMs: 1 };
  }

  #start(): Answer {
    const kind = this.#outcome();
    this.activated.push(kind);
    return { kind, elapsedMs: 1 };
  }

  #outcome(): Answer['kind'] {
    const { meets } = this;
    const genuine = this.#loaded?.sha256 === image('golden').sha256;
    if (genuine || meets === 'starts') {
      this.running = genuine ? (identifyImage(image('golden').bytes)?.version ?? '') : 'forged';
      return 'accepted';
    }
    if (meets === 'refuses') return 'refused';
    this.#answers = meets === 'crashes';
    return meets === 'hangs' ? 'silent' : 'crashed';
  }
}

function loaderRun(loader: Loader): FakeRun {
  const { update } = declared;
  assert.ok(update !== undefined);
  return fakeRun({
    device: () => loader.device(),
    declaration: {
      ingresses: { ymodem: { refusesAt: ['install'], answersWithinMs: 1000 } },
      update: {
        ...update,
        activation: 'volatile',
        confirmation: 'none',
        unconfirmedReverts: false,
        raisesFloorAt: 'install',
      },
      controls: { way: 'reinstall' },
      processDuringUpdate: 'interrupted',
    },
  });
}

/** Two cases of one batch, each with the forged image. */
async function outcomes(loader: Loader): Promise<{ run: FakeRun; verdicts: Verdict[]; reasons: string[] }> {
  const run = loaderRun(loader);
  const batch = new RejectionBatch();
  await judged(
    run,
    batch.rejects(() => [altered]),
  );
  await judged(
    run,
    batch.rejects(() => [altered]),
    { id: 'SIG-03' },
  );
  await batch.close();
  const last = (id: string) => run.ended.filter((each) => each.id === id).at(-1);
  return {
    run,
    verdicts: ['SIG-02', 'SIG-03'].map((id) => last(id)?.verdict ?? 'not-executed'),
    reasons: ['SIG-02', 'SIG-03'].map((id) => last(id)?.reason ?? ''),
  };
}

describe('a device whose images run only until the next power cycle', () => {
  afterEach(() => setCurrentRun(undefined));

  it('conforms when it starts what is genuine and nothing else', async () => {
    const { run, verdicts } = await outcomes(new Loader('refuses'));
    assert.deepEqual(verdicts, ['conforms', 'conforms']);
    const controls = payloads(run, 'control');
    assert.deepEqual(
      controls.map(({ when, accepted }) => [when, accepted]),
      [
        ['before', true],
        ['after', true],
      ],
    );
    assert.match(controls[0]?.detail ?? '', /runs \(version: prompt → /);
    assert.ok(payloads(run, 'refusal').every(({ stage }) => stage === 'install'));
  });

  it('is measured by what it comes back to, also where that is not what it declares', async () => {
    const { verdicts } = await outcomes(new Loader('refuses', true));
    assert.deepEqual(verdicts, ['conforms', 'conforms']);
  });

  it('violates when a forged image runs, though it is gone after the power cycle', async () => {
    const { verdicts, reasons } = await outcomes(new Loader('starts'));
    assert.deepEqual(verdicts, ['violates', 'violates']);
    assert.match(reasons[0] ?? '', /version: prompt → forged/);
  });

  it('violates when a forged image makes it restart: no start of an image does', async () => {
    const { verdicts, reasons } = await outcomes(new Loader('crashes'));
    assert.deepEqual(verdicts, ['violates', 'violates']);
    assert.match(reasons[0] ?? '', /observed the device restarted on one bit of the payload$/);
  });

  it('violates when a forged image hangs it, and is brought back for the next case', async () => {
    const { run, verdicts, reasons } = await outcomes(new Loader('hangs'));
    assert.deepEqual(verdicts, ['violates', 'violates']);
    assert.match(reasons[1] ?? '', /no answer from its sign of readiness/);
    assert.equal(run.poisoned, undefined);
  });

  it('poisons the board when nothing brings it back', async () => {
    const { run, verdicts } = await outcomes(new Loader('crashes and stays down'));
    assert.deepEqual(verdicts, ['violates', 'not-executed']);
    assert.equal(run.poisoned?.byCase, 'SIG-02');
  });
});
