import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Device } from '../capabilities.ts';
import { Deadline, pause } from '../clock.ts';
import { Nonconformity, PortError, TimeoutError } from '../errors.ts';
import { mustBeAlive, StandStill, watchProcess } from './process-watch.ts';
import { setCurrentRun } from './run.ts';
import { contextOf, fakeRun } from './test/fake-run.ts';

/** A run whose process value comes from `read`, which gets the number of the sample. */
function reading(
  read: (sample: number) => number | Promise<number>,
  during: 'continues' | 'interrupted' = 'continues',
  bootsWithinMs = 150,
) {
  let sample = 0;
  const device = (whole: Device): Device => ({
    ...whole,
    process: { unit: 'bar', changesWithinMs: 60, read: async () => read((sample += 1)) },
  });
  const declaration = { processDuringUpdate: during };
  return contextOf(fakeRun({ device, declaration, profile: { bootsWithinMs } }));
}

const gone = (): never => {
  throw new PortError('port-gone', 'gone');
};

describe('a value that stands still', () => {
  const longest = (samples: [value: number | undefined, atMs: number][]): number => {
    const still = new StandStill(100);
    return Math.max(...samples.map(([value, atMs]) => still.sample(value, atMs)));
  };

  const rows: [string, [number | undefined, number][], number][] = [
    [
      'frozen',
      [
        [7, 0],
        [7, 50],
        [7, 100],
        [7, 150],
        [7, 200],
      ],
      200,
    ],
    [
      'changing',
      [
        [1, 0],
        [2, 50],
        [3, 100],
        [4, 150],
        [5, 200],
      ],
      0,
    ],
    [
      'the same by chance after a gap',
      [
        [7, 0],
        [7, 500],
        [7, 1000],
        [7, 1500],
        [7, 2000],
      ],
      0,
    ],
    [
      'failing in between',
      [
        [7, 0],
        [7, 50],
        [undefined, 100],
        [7, 150],
        [7, 200],
      ],
      0,
    ],
    [
      'failing throughout',
      [
        [undefined, 0],
        [undefined, 50],
        [undefined, 100],
        [undefined, 150],
      ],
      0,
    ],
    [
      'seen too seldom',
      [
        [7, 0],
        [7, 90],
        [7, 180],
      ],
      0,
    ],
  ];
  for (const [name, samples, expected] of rows) {
    it(`${name}: ${expected} ms`, () => assert.equal(longest(samples), expected));
  }
});

describe('watching the process value', () => {
  afterEach(() => setCurrentRun(undefined));

  /** Findings after `looks` samples. */
  const watched = async (
    read: (sample: number) => number,
    looks = 14,
    during?: 'interrupted',
  ): Promise<string[]> => {
    let seen = 0;
    const t = reading((sample) => {
      seen = sample;
      return read(sample);
    }, during);
    const watch = watchProcess(t);
    for (let waited = 0; seen < looks && waited < 400 && during === undefined; waited += 1) await pause(5);
    await watch.stop();
    return t.findings.map(({ code }) => code);
  };

  it('finds a frozen one', async () => assert.deepEqual(await watched(() => 42, 20), ['process-stopped']));
  it('finds nothing in a changing one', async () => assert.deepEqual(await watched((sample) => sample), []));
  it('finds nothing in samples that fail', async () => assert.deepEqual(await watched(gone), []));
  it('watches none that the declaration lets stop', async () =>
    assert.deepEqual(await watched(() => 42, 20, 'interrupted'), []));
  it('tells of a bug of ours in the end', async () => {
    const bug = new TypeError('bug');
    await assert.rejects(
      watched(() => {
        throw bug;
      }, 1),
      bug,
    );
  });
});

describe('a process value now', () => {
  afterEach(() => setCurrentRun(undefined));

  it('is alive when it changes', () => mustBeAlive(reading((sample) => sample)));
  it('is stopped when it answers and stands still', async () => {
    await assert.rejects(mustBeAlive(reading(() => 42)), Nonconformity);
  });
  it('has the time of a boot to go on where an update may interrupt it', async () => {
    const clock = new Deadline(400);
    await mustBeAlive(reading(() => (clock.passed ? 43 : 42), 'interrupted', 60_000));
  });
  it('is judged on several samples, however slow they are', async () => {
    let samples = 0;
    const slow = async (): Promise<number> => {
      await pause(190); // longer than three periods
      return (samples += 1) < 3 ? 42 : 43;
    };
    await mustBeAlive(reading(slow));
  });
  it('is not stopped because a driver timed out, whatever the code of its error', async () => {
    const timingOut = (sample: number): number => {
      if (sample > 1) throw new TimeoutError('deadline', 'reading did not finish within 5 ms');
      return 42;
    };
    await assert.rejects(mustBeAlive(reading(timingOut)), TimeoutError);
  });
});
