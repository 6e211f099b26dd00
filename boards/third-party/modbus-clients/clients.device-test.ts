/** The simulated gateway, read and written by clients that nobody here wrote, held against its datasheet. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { TestBench } from '../../simulated/testing/bench.ts';
import { whereInstalled } from '../device-tests.ts';
import { python } from '../pymodbus/device.ts';
import { device } from './device.ts';

const script = join(import.meta.dirname, 'client.py');
const wires = ['tcp', 'rtu'] as const;
/** The longest that mbpoll takes, for answers that come; and for one that does not. */
const TIME_OUT_S = '10.00';
const SILENCE_S = '1.00';

/** What the datasheet (boards/simulated/README.md) says, in the form that pymodbus gives it. */
const datasheet = [
  { step: 'version', value: [1, 2, 0, 0, 0] },
  { step: 'counter floor', value: [0, 5] },
  { step: 'write scratch', value: 0x1a2b },
  { step: 'read scratch', value: [0x1a2b] },
  { step: 'write coils', value: 3 },
  { step: 'read coils', value: [true, false, true, false, false, false, false, false] },
  { step: 'alarms', value: Array.from({ length: 8 }, () => false) },
  { step: 'write setpoint', exception: 2 },
  { step: 'no such register', exception: 2 },
];

interface Said {
  code: number;
  text: string;
}

/** Runs a client to its end; whatever it returns, what it printed decides. */
function say(program: string, args: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile('setpriv', ['--pdeathsig', 'KILL', program, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: `${stdout}${stderr}` });
    });
  });
}

whereInstalled(device, () => {
  let bench: TestBench;
  before(async () => {
    bench = new TestBench(['--no-opcua']);
    await bench.open();
    await bench.boot();
  });
  after(() => bench.close());

  for (const wire of wires) {
    const place = (): string => (wire === 'tcp' ? String(bench.ready.modbusPort) : bench.ready.rs485);

    it(`pymodbus over ${wire} reads and writes what the datasheet says`, async () => {
      const { text } = await say(python, [script, wire, place()]);
      const steps = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { step: string; value?: unknown });
      assert.deepEqual(steps.slice(0, -1), datasheet, text);
      const identity = steps.at(-1)?.value as Record<string, string>;
      assert.deepEqual(
        [identity['0'], identity['1'], identity['5'], identity['128'], identity['129']],
        ['Fieldproof Reference Devices', 'SG-1', 'SG-1', 'SG1-000042', 'C'],
      );
    });

    describe(`mbpoll over ${wire}`, () => {
      const mbpoll = (options: string, values: readonly string[] = []): Promise<Said> =>
        mbpollAs('17', options, values, TIME_OUT_S);
      const mbpollAs = (
        unit: string,
        options: string,
        values: readonly string[],
        timeOutS: string,
      ): Promise<Said> => {
        const line = wire === 'tcp' ? ['-p', place(), '127.0.0.1'] : ['-b', '19200', '-P', 'even', place()];
        const all = ['-m', wire, '-a', unit, '-1', '-o', timeOutS, ...options.split(' '), ...line];
        return say('mbpoll', [...all, ...values]);
      };
      const values = async (options: string): Promise<number[]> => {
        const { text } = await mbpoll(options);
        return [...text.matchAll(/^\[\d+\]: \t(-?\d+)/gm)].map(([, value]) => Number(value));
      };

      it('reads registers from 0 as the datasheet has them, and from 1 as it does by itself', async () => {
        assert.deepEqual(await values('-0 -r 0 -c 5 -t 3'), [1, 2, 0, 0, 0]);
        assert.deepEqual(await values('-r 1 -c 5 -t 3'), [1, 2, 0, 0, 0]);
        assert.deepEqual(await values('-r 0 -c 5 -t 3'), []); // there is no reference 0 but with -0
      });

      it('reads the live pressure, high word first', async () => {
        const [pressure = 0] = await values('-0 -r 24 -t 3:int -B');
        assert.ok(pressure > 0 && pressure < 100_000, `${pressure} thousandths of a bar`);
      });

      it('writes what anybody may write, and reads it back', async () => {
        const value = wire === 'tcp' ? 6699 : 9966;
        assert.match((await mbpoll('-0 -r 1 -t 4', [String(value)])).text, /Written 1 references/);
        assert.deepEqual(await values('-0 -r 1 -t 4'), [value]);
        assert.match((await mbpoll('-0 -r 4 -t 0', ['1', '0', '1'])).text, /Written 3 references/);
        assert.deepEqual(await values('-0 -r 4 -c 3 -t 0'), [1, 0, 1]);
      });

      it('is refused the setpoint, which stays, and registers that do not exist', async () => {
        const [before] = await values('-0 -r 0 -t 4');
        assert.match((await mbpoll('-0 -r 0 -t 4', ['4242'])).text, /Illegal data address/);
        assert.deepEqual(await values('-0 -r 0 -t 4'), [before]);
        assert.match((await mbpoll('-0 -r 9999 -t 3')).text, /Illegal data address/);
      });

      it('learns that another unit is not there', async () => {
        const { text } = await mbpollAs('18', '-0 -r 0 -t 3', [], SILENCE_S);
        assert.match(text, wire === 'tcp' ? /Target device failed to respond/ : /Connection timed out/);
      });
    });
  }
});
