import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { AlarmEvent } from '../../../harness/capabilities.ts';
import { Deadline, until } from '../../../harness/clock.ts';
import type { Driver } from '../../../harness/driver.ts';
import { DriverError, FrameError, PortError, TimeoutError } from '../../../harness/errors.ts';
import { module } from '../index.ts';
import { spec } from '../settings.ts';
import { adapter } from '../test/adapter.ts';
import { withBench } from '../test/bench.ts';
import { answers } from '../test/fake-device.ts';

const ALARM = { pattern: '^ALARM .*object=(?<object>\\S+) text=(?<text>.*)$' };

describe('serial adapters', () => {
  it('are implemented as specified', () => {
    const named = (list: readonly { name: string; role: string }[]): string[] =>
      list.map((a) => `${a.name}:${a.role}`);
    assert.deepEqual(named(module.adapters), named(spec.adapters));
  });

  it('refuse a wire of another kind, and patterns without their groups', () => {
    const other = { kind: 'modbus', name: 'm' } as Driver;
    assert.throws(
      () => adapter('value', 'console-pattern', { send: 'x', pattern: '(?<value>x)' }, other),
      DriverError,
    );
    const rejects = (name: string, settings: object): boolean | undefined =>
      spec.adapters.find((entry) => entry.name === name)?.settings.safeParse(settings).success;
    assert.equal(rejects('console-pattern', { send: 'x', pattern: 'x' }), false);
    assert.equal(rejects('console-alarm', { pattern: '(?<object>x)' }), false);
    assert.equal(rejects('console-audit', { send: 'log', pattern: ALARM.pattern, end: 'OK' }), false);
    assert.equal(rejects('console-pattern', { send: 'x', pattern: '(?<value>', withinMs: 1 }), false);
  });
});

describe('console-pattern', () => {
  it('reads text and numbers, several adapters at once, one conversation after the other', async () => {
    let open = 0;
    let worst = 0;
    const answer = (line: string, device: { say(text: string): void }): undefined => {
      worst = Math.max(worst, (open += 1));
      setTimeout(() => {
        open -= 1;
        device.say(`${line}=5\r\n`);
      }, 20);
    };
    await withBench({ answer }, async ({ driver }) => {
      const read = (send: string, as: string): Promise<string | number> =>
        adapter('value', 'console-pattern', { send, as, pattern: '=(?<value>\\d+)$' }, driver).read();
      assert.deepEqual(await Promise.all([read('a', 'text'), read('b', 'number'), read('c', 'text')]), [
        '5',
        5,
        '5',
      ]);
      assert.equal(worst, 1);
    });
  });

  it('is not confused by an alarm in the middle, half a line before, prompt or echo', async () => {
    const answer = (line: string): string =>
      `${line}\r\nALARM seq=1 object=memory text=counter=99\r\ncounter=5\r\n=> `;
    await withBench({ answer, settings: { echo: true, prompt: '=> ' } }, async ({ device, driver }) => {
      adapter('alarm', 'console-alarm', ALARM, driver);
      device.say('=> ');
      await driver.console.expect('=> ', { withinMs: 5000 });
      const settings = { send: 'counter=7', pattern: 'counter=(?<value>\\d+)', as: 'number' };
      const counter = adapter('value', 'console-pattern', settings, driver);
      assert.equal(await counter.read(), 5);
      assert.equal(await counter.read(), 5);
    });
  });

  it('reads an answer to its end, and passes over the end of an older one', async () => {
    const answer = (): string => 'version=1.2.0\r\ncounter=5\r\nOK\r\n';
    await withBench({ answer, settings: { answerEnd: '^OK' } }, async ({ device, driver }) => {
      const read = (pattern: string): Promise<string | number> =>
        adapter('value', 'console-pattern', { send: 'status', pattern }, driver).read();
      assert.equal(await read('^version=(?<value>\\S+)'), '1.2.0');
      assert.equal(await read('^counter=(?<value>\\d+)'), '5'); // no line of the first answer is left over
      device.answer = () => 'uptime=3\r\nOK\r\nversion=1.2.0\r\ncounter=6\r\nOK\r\n'; // the rest of a late one first
      assert.equal(await read('^counter=(?<value>\\d+)'), '6');
    });
  });

  it('does not take the answer to a request given up for that of the next but one', async () => {
    let asked = 0;
    const answer = (line: string, device: { say(text: string): void }): undefined => {
      asked += 1;
      const number = asked;
      // The first is answered only after the second was asked: two answers are then under way.
      if (number === 2) setTimeout(() => device.say('value=1\r\n'), 10);
      if (number !== 1) setTimeout(() => device.say(`value=${number}\r\n`), number === 2 ? 60 : 10);
      void line;
    };
    const settings = { quietAfterTimeoutMs: 100 };
    await withBench({ answer, settings }, async ({ driver }) => {
      const read = (withinMs: number): Promise<string | number> =>
        adapter(
          'value',
          'console-pattern',
          { send: 'v', pattern: 'value=(?<value>\\d+)', withinMs },
          driver,
        ).read();
      await assert.rejects(read(50), TimeoutError);
      assert.equal(await read(2000), '1'); // cannot be told from an answer to the second
      assert.equal(await read(2000), '3'); // not the outstanding answer to the second
    });
  });

  it('never takes half a line for the whole', async () => {
    const answer = (_line: string, device: { say(text: string): void }): undefined => {
      device.say('counter=1');
      setTimeout(() => device.say('23\r\n'), 30);
    };
    await withBench({ answer }, async ({ driver }) => {
      const settings = { send: 'x', pattern: 'counter=(?<value>\\d+)', as: 'number' };
      assert.equal(await adapter('value', 'console-pattern', settings, driver).read(), 123);
    });
  });

  it('does not take a late answer for the next one', async () => {
    const held: string[] = [];
    await withBench({ answer: (line) => void held.push(line) }, async ({ device, driver }) => {
      const read = (send: string, withinMs: number): Promise<string | number> =>
        adapter('value', 'console-pattern', { send, pattern: 'is (?<value>\\w+)', withinMs }, driver).read();
      await assert.rejects(read('first', 50), TimeoutError);
      device.say('it is first\r\n');
      device.answer = (line) => `it is ${line}\r\n`;
      assert.equal(await read('second', 5000), 'second');
    });
  });

  it('says what came when nothing matched, and what is no number', async () => {
    await withBench({ answer: () => 'counter=none\r\n' }, async ({ driver }) => {
      const read = (pattern: string): Promise<string | number> =>
        adapter(
          'value',
          'console-pattern',
          { send: 'x', pattern, as: 'number', withinMs: 100 },
          driver,
        ).read();
      await assert.rejects(read('^nothing (?<value>.)'), /no match of .* what came: "counter=none"/);
      await assert.rejects(read('counter=(?<value>\\w+)'), FrameError);
    });
  });
});

describe('console-identity', () => {
  const id = 'vendor=Fieldproof Reference Devices\r\nmodel=SG-1\r\nOK\r\n';
  const patterns = { vendor: '^vendor=(?<value>.+)$', model: '^model=(?<value>.+)$' };

  it('reads all terms of one answer, and says which is missing', async () => {
    await withBench({ answer: answers({ id }) }, async ({ driver }) => {
      const read = (terms: object): Promise<unknown> =>
        adapter(
          'identity',
          'console-identity',
          { send: 'id', patterns: terms, end: '^OK$', withinMs: 5000 },
          driver,
        ).read();
      assert.deepEqual(await read(patterns), { vendor: 'Fieldproof Reference Devices', model: 'SG-1' });
      await assert.rejects(read({ ...patterns, serial: '^serial=(?<value>.+)$' }), /no term serial/);
    });
  });
});

describe('console-command', () => {
  const command = { send: 'go', accepted: '^OK', refused: '^ERR (?:refused )?(?<reason>.+)$', withinMs: 200 };

  it('waits no longer once the bench has switched the device off', async () => {
    await withBench({ answer: () => undefined }, async ({ driver }) => {
      const clock = new Deadline(0);
      const asked = adapter('action', 'console-command', { ...command, withinMs: 60_000 }, driver).perform();
      await until(() => (driver.console.position >= 0 ? true : undefined), {
        withinMs: 1000,
        what: 'the request',
      });
      driver.devicePowerChanged(false);
      assert.equal((await asked).kind, 'silent');
      const whileOff = await adapter(
        'action',
        'console-command',
        { ...command, withinMs: 60_000 },
        driver,
      ).perform();
      assert.equal(whileOff.kind, 'silent');
      assert.ok(clock.elapsedMs < 30_000, `took ${clock.elapsedMs} ms`);
    });
  });

  it('classifies what the device says, and what it does not say', async () => {
    const cases = [
      ['OK rebooting\r\n', { kind: 'accepted', reason: 'OK rebooting' }],
      ['note\r\nERR refused counter\r\n', { kind: 'refused', reason: 'counter' }],
      [undefined, { kind: 'silent' }],
      ['ALARM seq=1 object=boot text=x\r\n', { kind: 'silent' }],
      ['what?\r\n', { kind: 'garbage' }],
      ['half a word', { kind: 'garbage' }],
    ] as const;
    for (const [reply, wanted] of cases) {
      await withBench({ answer: () => reply }, async ({ driver }) => {
        adapter('alarm', 'console-alarm', ALARM, driver);
        const answer = await adapter('action', 'console-command', command, driver).perform();
        assert.deepEqual({ ...answer, ...wanted }, answer, `${reply}`);
      });
    }
  });

  it('takes a banner for a restart, and no prompt that comes before the echo for an answer', async () => {
    const boot = {
      send: 'boot',
      accepted: '^Starting',
      refused: '^=> $',
      restarted: '^Loader 1',
      withinMs: 2000,
    };
    const settings = { echo: true, prompt: '=> ' };
    // The prompt of the conversation before comes late: when the next line was sent already.
    const cases = [
      ['=> boot\r\nLoading\r\nStarting\r\n', 'accepted'],
      ['=> boot\r\nLoading\r\n=> ', 'refused'],
      ['=> boot\r\nLoading\r\nLoader 1.0\r\n', 'crashed'],
      ['=> boot\r\nLoading\r\nLoader 1.0\r\n', 'crashed', { unsolicited: ['^Loader ', '^Loading'] }],
    ] as const;
    for (const [reply, wanted, more] of cases) {
      const answer = (_line: string, device: { say(text: string): void }): undefined => {
        device.say(reply.slice(0, 3));
        setTimeout(() => device.say(reply.slice(3)), 30);
      };
      await withBench({ answer, settings: { ...settings, ...more } }, async ({ driver }) => {
        assert.equal((await adapter('action', 'console-command', boot, driver).perform()).kind, wanted);
      });
    }
  });

  it('throws only for the bench: a port that is gone', async () => {
    await withBench({}, async ({ device, driver }) => {
      const action = adapter('action', 'console-command', { ...command, withinMs: 20_000 }, driver);
      const pending = assert.rejects(action.perform(), PortError);
      await until(() => (device.heard.length > 0 ? true : undefined), {
        withinMs: 5000,
        what: 'the command',
      });
      device.unplug();
      await pending;
      await assert.rejects(action.perform(), PortError);
    });
  });
});

describe('console-clock', () => {
  const settings = { send: 'clock {utc}', accepted: '^OK', refused: '^ERR (?<reason>.+)$', withinMs: 500 };

  it('sends the time in UTC, to the second, and tells yes from no', async () => {
    const answer = answers({
      'clock 2026-11-29T05:40:24Z': 'OK\r\n',
      'clock 1970-01-01T00:00:00Z': 'ERR range\r\n',
    });
    await withBench({ answer }, async ({ driver }) => {
      const clock = adapter('clock', 'console-clock', settings, driver);
      assert.equal((await clock.set(new Date('2026-11-29T06:40:24.789+01:00'))).kind, 'accepted');
      const { kind, reason } = await clock.set(new Date(0));
      assert.deepEqual([kind, reason], ['refused', 'range']);
    });
  });

  it('refuses a line without a place for the time', () => {
    const spoilt = { ...settings, send: 'clock now' };
    const schema = spec.adapters.find((entry) => entry.name === 'console-clock')?.settings;
    assert.deepEqual([schema?.safeParse(settings).success, schema?.safeParse(spoilt).success], [true, false]);
  });
});

describe('console-alarm', () => {
  it('hears alarms in conversations and transfers, and tells when its wire dies', async () => {
    await withBench({}, async ({ device, driver }) => {
      const alarms: Omit<AlarmEvent, 'wire'>[] = [];
      const failures: unknown[] = [];
      const end = await adapter('alarm', 'console-alarm', ALARM, driver).listen(
        (alarm) => alarms.push(alarm),
        (error) => failures.push(error),
      );
      device.say('\u0006CALARM seq=3 object=memory text=code in memory differs\r\nALARM half');
      await until(() => alarms[0], { withinMs: 5000, what: 'the alarm' });
      assert.deepEqual([alarms[0]?.object, alarms[0]?.text], ['memory', 'code in memory differs']);
      assert.ok((alarms[0]?.uncertaintyMs ?? 0) > 16 && (alarms[0]?.uncertaintyMs ?? 99) < 40);
      device.unplug();
      await until(() => failures[0], { withinMs: 5000, what: 'the failure' });
      assert.ok(failures[0] instanceof PortError);
      await end();
      assert.deepEqual([alarms.length, failures.length], [1, 1]);
    });
  });
});

describe('console-audit', () => {
  const pattern =
    '^log seq=(?<sequence>\\d+) utc=(?<utc>\\S+) event=(?<event>\\S+) object=(?<object>\\S+) result=(?<result>\\S+) text=(?<text>.*)$';
  const record = (sequence: number): string =>
    `log seq=${sequence} utc=2026-11-22T08:00:00Z event=update-refused object=firmware result=refused text=signature\r\n`;

  it('reads records after a sequence, in order', async () => {
    const answer = answers({
      'log since 6': `${record(8)}${record(7)}${record(6)}OK\r\n`,
      'log since 8': 'OK\r\n',
    });
    await withBench({ answer }, async ({ driver }) => {
      const settings = { send: 'log since {since}', pattern, end: '^OK$', withinMs: 5000 };
      const audit = adapter('audit', 'console-audit', settings, driver);
      const events = await audit.since(6);
      assert.deepEqual(
        events.map((event) => event.sequence),
        [7, 8],
      );
      assert.equal(events[0]?.text, 'signature');
      assert.deepEqual(await audit.since(8), []);
    });
  });

  it('rejects an answer that does not end', async () => {
    await withBench({ answer: () => record(1) }, async ({ driver }) => {
      const settings = { send: 'log since {since}', pattern, end: '^OK$', withinMs: 100 };
      await assert.rejects(adapter('audit', 'console-audit', settings, driver).since(0), TimeoutError);
    });
  });
});
