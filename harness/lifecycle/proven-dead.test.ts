import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { TimeoutError } from '../errors.ts';
import { provenDead } from './proven-dead.ts';
import { setCurrentRun } from './run.ts';
import { contextOf, fakeRun, judged, type FakeRunOptions } from './test/fake-run.ts';

const oneWire = {
  read: { adapter: 'fake', wire: 'console', settings: {} },
  unit: 'bar',
  changesWithinMs: 20,
};

interface Row {
  name: string;
  options?: FakeRunOptions;
  control?: boolean;
  delivered?: boolean;
  alive?: boolean;
  dead: boolean;
}
const rows: Row[] = [
  { name: 'silent everywhere, bench in order', dead: true },
  { name: 'alive', alive: true, dead: false },
  { name: 'no control was accepted before', control: false, dead: false },
  { name: 'the stimulus was not delivered', delivered: false, dead: false },
  { name: 'one silent wire is faulty, the other in order', options: { faulty: ['console'] }, dead: true },
  { name: 'both silent wires are faulty', options: { faulty: ['console', 'modbus'] }, dead: false },
  { name: 'the supply is faulty', options: { faulty: ['power'] }, dead: false },
  { name: 'a wire of neither sign is faulty', options: { faulty: ['opcua'] }, dead: true },
  {
    name: 'both signs share one wire, and it is faulty',
    options: { faulty: ['console'], profile: { process: oneWire } as never },
    dead: false,
  },
  {
    name: 'both signs share one wire, and another is faulty',
    options: { faulty: ['opcua'], profile: { process: oneWire } as never },
    dead: false,
  },
  {
    name: 'there is no process value, and another wire is faulty',
    options: { faults: { process: 'absent' }, faulty: ['opcua'] },
    dead: false,
  },
  {
    name: 'there is no process value, bench in order',
    options: { faults: { process: 'absent' } },
    dead: true,
  },
];

describe('dead, or bench fault?', () => {
  afterEach(() => setCurrentRun(undefined));

  for (const { name, options, control = true, delivered = true, alive = false, dead } of rows) {
    it(`${dead ? 'dead' : 'not proven'}: ${name}`, async () => {
      const run = fakeRun(options);
      run.gateway.dead = !alive;
      const t = contextOf(run);
      t.controlAccepted = control;
      t.stimulusDelivered = delivered;
      assert.equal((await provenDead(t)) !== undefined, dead);
    });
  }

  it('lives when the process value goes on although the console is silent', async () => {
    const run = fakeRun({
      device: (device) => ({
        ...device,
        waitUntilReady: () => Promise.reject(new TimeoutError('deadline', 'a sign of readiness not seen')),
      }),
    });
    const t = contextOf(run);
    t.controlAccepted = true;
    t.stimulusDelivered = true;
    assert.equal(await provenDead(t), undefined);
  });

  it('never takes a timeout for a refusal, nor for death without proof', async () => {
    const run = fakeRun();
    const outcome = await judged(run, async (t) => {
      t.controlAccepted = true;
      t.stimulusDelivered = true;
      throw new TimeoutError('t', 'no reply within 200 ms');
    });
    assert.equal(outcome.verdict, 'error');
    assert.match(outcome.reason, /no reply/);
  });

  it('waits as long as the board file says, and no less than is declared', async () => {
    const waited = async (options: FakeRunOptions): Promise<number[]> => {
      const asked: number[] = [];
      const run = fakeRun({
        ...options,
        device: (device) => ({
          ...device,
          waitUntilReady: async (withinMs) => {
            asked.push(withinMs);
            throw new TimeoutError('no-answer', 'not ready');
          },
        }),
      });
      run.gateway.dead = true;
      const t = contextOf(run);
      t.controlAccepted = t.stimulusDelivered = true;
      await provenDead(t);
      return asked;
    };
    const undeclared = { declaration: { update: undefined } } as unknown as FakeRunOptions;
    assert.deepEqual(await waited({}), [150]);
    assert.deepEqual(await waited({ profile: { bootsWithinMs: 90_000 } }), [90_000]);
    assert.deepEqual(await waited({ ...undeclared, profile: { bootsWithinMs: 90_000 } }), [90_000]);
    assert.deepEqual(await waited(undeclared), [30_000]);
  });
});
