import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { until } from '../../harness/clock.ts';
import { DriverError, explain, PortError, TimeoutError } from '../../harness/errors.ts';
import { withBench } from './test/bench.ts';

const AMPLE = { withinMs: 10_000 };

describe('serial console: expect', () => {
  it('consumes a cursor: nothing is lost between calls, nothing matches twice', async () => {
    await withBench({ answer: () => 'a=1\r\nb=2\r\na=3\r\n' }, async ({ driver: { console } }) => {
      await console.send('go');
      const first = await console.expect(/a=(?<value>\d)\r\n/, AMPLE);
      assert.deepEqual([first.text, first.groups], ['a=1\r\n', { value: '1' }]);
      const second = await console.expect(/a=(?<value>\d)\r\n/g, AMPLE);
      assert.equal(second.before, 'b=2\r\na=3\r\n');
      assert.equal(second.groups['value'], '3');
      await assert.rejects(console.expect('a=', { withinMs: 1 }), TimeoutError);
    });
  });

  it('hears what came while nobody waited, from the moment of opening', async () => {
    await withBench({}, async ({ device, driver: { console } }) => {
      device.say('boot banner\r\n');
      await until(() => (console.position > 0 ? true : undefined), { withinMs: 5000, what: 'the banner' });
      await console.expect('boot banner', { withinMs: 1 });
    });
  });

  it('skips history on request', async () => {
    await withBench({ answer: (line) => `${line}\r\n` }, async ({ device, driver: { console } }) => {
      device.say('old OK\r\n');
      await until(() => (console.position > 7 ? true : undefined), { withinMs: 5000, what: 'the old line' });
      console.skipToEnd();
      await console.send('new');
      assert.equal((await console.expect(/\w+/, AMPLE)).text, 'new');
    });
  });

  it('matches over bursts, in text that is not ASCII, and tells when the last byte came', async () => {
    await withBench({}, async ({ device, driver: { console } }) => {
      const before = performance.now();
      device.say('température 2');
      await until(() => (console.position > 5 ? true : undefined), {
        withinMs: 5000,
        what: 'the first half',
      });
      const match = console.expect(/(?<t>\d+) °C/, AMPLE);
      device.say('1 °C|rest');
      const { groups, atMs } = await match;
      assert.equal(groups['t'], '21');
      assert.ok(atMs > before && atMs <= performance.now());
      assert.equal((await console.expect(/.*rest/, AMPLE)).text, '|rest');
    });
  });

  it('fails at once when a forbidden pattern comes first, and not when it comes later', async () => {
    await withBench({}, async ({ device, driver: { console } }) => {
      const options = { ...AMPLE, mustNotAppear: [/panic: .*\r\n/] };
      device.say('OK\r\npanic: early\r\n');
      await console.expect('OK', options);
      await assert.rejects(console.expect('OK', options), (error) => {
        assert.ok(error instanceof DriverError && error.code === 'forbidden-text');
        assert.match(error.message, /panic: early/);
        return true;
      });
      device.say('OK again\r\n');
      await console.expect('OK again', options);
    });
  });

  it('says what came instead, and the next step', async () => {
    await withBench({}, async ({ device, driver: { console } }) => {
      await assert.rejects(console.expect('x', { withinMs: 1 }), (error) => {
        assert.match(
          explain(error),
          /not one byte came\n {2}next: Check that the device has power.*115200 8N1/,
        );
        return true;
      });
      device.say('first\r\nERR busy\r\nhalf');
      await until(() => (console.position >= 19 ? true : undefined), { withinMs: 5000, what: 'the lines' });
      await assert.rejects(console.expect(/OK/, { withinMs: 1 }), (error) => {
        assert.ok(error instanceof TimeoutError);
        assert.match(
          error.message,
          /nothing matched \/OK\/ within 1 ms; 21 bytes came, at last: "first" · "ERR busy" · "half"/,
        );
        return true;
      });
      device.say(Buffer.alloc(200, 0xf8));
      await until(() => (console.position >= 221 ? true : undefined), { withinMs: 5000, what: 'the noise' });
      await assert.rejects(console.expect(/OK/, { withinMs: 1 }), { hint: /no text: check baudRate/ });
    });
  });

  it('reports that the text at the cursor was forgotten, once', async () => {
    await withBench({ settings: { keepLogMiB: 0.01 } }, async ({ device, driver: { console } }) => {
      device.say('x'.repeat(50_000));
      await until(() => (console.position === 50_000 ? true : undefined), {
        withinMs: 10_000,
        what: 'the flood',
      });
      await assert.rejects(console.expect('x', AMPLE), { code: 'log-overrun', hint: /keepLogMiB/ });
      await console.expect('x', AMPLE);
    });
  });

  it('refuses a second expect while one waits, and rejects it on loss and on close', async () => {
    await withBench({}, async ({ device, driver }) => {
      const waiting = assert.rejects(driver.console.expect('x', AMPLE), PortError);
      await until(
        async () =>
          driver.console
            .expect('y', AMPLE)
            .then(undefined, (e: DriverError) => e.code === 'busy' || undefined),
        {
          withinMs: 5000,
          what: 'the refusal',
        },
      );
      device.unplug();
      await waiting;
      device.plug();
      const closing = assert.rejects(driver.console.expect('x', AMPLE), DriverError);
      await until(() => (driver.state === 'open' ? true : undefined), { withinMs: 5000, what: 'the return' });
      await driver.close();
      await closing;
    });
  });
});

describe('serial console: lines', () => {
  it('tells every complete line to listeners, and lines since a position', async () => {
    await withBench({}, async ({ device, driver: { console } }) => {
      const heard: string[] = [];
      const stop = console.onLine((line) => heard.push(line.text));
      device.say('one\r\ntwo\r\n');
      await console.expect('two\r\n', AMPLE);
      const here = console.position;
      device.say('three\r\nfo');
      await console.expect('fo', AMPLE);
      assert.deepEqual(heard, ['one', 'two', 'three']);
      stop();
      device.say('ur\r\n');
      await console.expect('ur\r\n', AMPLE);
      assert.equal(heard.length, 3);
      assert.deepEqual(
        console.linesSince(here).map((line) => line.text),
        ['three', 'four'],
      );
    });
  });

  it('cuts a line that does not end, and keeps its memory bounded', async () => {
    await withBench({ settings: { maxLineBytes: 64 } }, async ({ device, driver: { console } }) => {
      device.say(`${'n'.repeat(150)}\r\n`);
      await console.expect(/n\r\n/, AMPLE);
      assert.deepEqual(
        console.linesSince(0).map(({ text, cut }) => [text.length, cut]),
        [
          [64, true],
          [64, true],
          [22, false],
        ],
      );
    });
  });

  it('sends each line ending, and raw bytes as they are', async () => {
    for (const [lineEnding, ending] of [
      ['cr', '\r'],
      ['lf', '\n'],
      ['crlf', '\r\n'],
    ] as const) {
      await withBench({ settings: { lineEnding } }, async ({ device, driver: { console }, logged }) => {
        const got: Buffer[] = [];
        device.onBytes = (bytes) => void got.push(bytes);
        await console.send('ab');
        await console.send(Uint8Array.of(0, 255));
        const wanted = Buffer.concat([Buffer.from(`ab${ending}`), Uint8Array.of(0, 255)]);
        await until(() => (Buffer.concat(got).length >= wanted.length ? true : undefined), {
          withinMs: 5000,
          what: 'the bytes',
        });
        assert.deepEqual(Buffer.concat(got), wanted);
        assert.equal(logged.sent, wanted.length);
      });
    }
  });
});
