import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { SerialPort } from 'serialport';
import { Deadline, LagMeter, until } from '../../harness/clock.ts';
import { DriverError, explain, PortError, TimeoutError } from '../../harness/errors.ts';
import { driverContract, testContext, type DriverFixture } from '../driver-contract.ts';
import { guardedBinding, type PortBinding } from './guarded-binding.ts';
import { module } from './index.ts';
import { serialSettings } from './settings.ts';
import { makeBench, withBench } from './test/bench.ts';
import { FakeBinding } from './test/fake-binding.ts';

const REPLY_WITHIN_MS = 300;
const echo = (line: string): string => `you said ${line}\r\n`;

driverContract('serial on a pseudo terminal', async (): Promise<DriverFixture> => {
  const { device, driver, losses, logged, dispose } = makeBench(echo);
  return {
    driver,
    losses,
    logged,
    replyWithinMs: REPLY_WITHIN_MS,
    exchange: async () => {
      await driver.console.send('hello');
      await driver.console.expect('you said hello', { withinMs: REPLY_WITHIN_MS });
    },
    breakLink: async () => device.unplug(),
    mendLink: async () => device.plug(),
    silence: async () => void (device.answer = () => undefined),
    unreachable: () =>
      module.create(serialSettings.parse({ path: join(device.path, 'nowhere') }), testContext().context),
    dispose,
  };
});

describe('serial driver: loss and return', () => {
  it('notices an unplugged port within 100 ms, idle or after traffic, and reports it once', async () => {
    for (const traffic of [false, true]) {
      await withBench({ answer: echo }, async ({ device, driver, losses, events }) => {
        if (traffic) {
          await driver.console.send('a');
          await driver.console.expect('you said a', { withinMs: 5000 });
        }
        const clock = new Deadline(0);
        const lag = new LagMeter(); // a busy machine makes this process late, not the driver
        lag.start();
        device.unplug();
        await until(() => losses[0], { withinMs: 5000, everyMs: 1, what: 'the loss' });
        const tookMs = clock.elapsedMs;
        assert.ok(tookMs < 100 + lag.stopMs(), `noticed after ${tookMs} ms`);
        assert.equal(driver.state, 'lost');
        assert.ok(losses[0] instanceof PortError);
        await assert.rejects(driver.selfTest(), PortError);
        assert.equal(losses.length, 1);
        assert.equal(events.filter((event) => event.includes('lost')).length, 1);
      });
    }
  });

  it('rejects requests while lost, saying since when', async () => {
    await withBench({}, async ({ device, driver, losses }) => {
      device.unplug();
      await until(() => losses[0], { withinMs: 5000, what: 'the loss' });
      const rejected = { code: 'port-lost', message: /is lost since \d{4}-\d\d-\d\dT.*Z \(\d+\.\d s ago\)/ };
      await assert.rejects(driver.console.send('x'), rejected);
      await assert.rejects(driver.console.expect('x', { withinMs: 1000 }), rejected);
    });
  });

  it('comes back by itself when the port does, and hears what the device says then', async () => {
    await withBench({ answer: echo, settings: { reopenEveryMs: 20 } }, async ({ device, driver, losses }) => {
      device.say('half a li');
      await driver.console.expect('half', { withinMs: 5000 });
      device.unplug();
      await until(() => losses[0], { withinMs: 5000, what: 'the loss' });
      device.plug();
      await until(() => (driver.state === 'open' ? true : undefined), { withinMs: 5000, what: 'the return' });
      device.say('booted\r\n');
      await driver.console.expect('booted', { withinMs: 5000 });
      assert.deepEqual(
        driver.console.linesSince(0).map(({ text, cut }) => ({ text, cut })),
        [
          { text: 'half a li', cut: true },
          { text: 'booted', cut: false },
        ],
      );
      assert.equal(losses.length, 1);
    });
  });

  it('stops looking for the port after its bound, and tries again at the next request', async () => {
    const settings = { reopenEveryMs: 5, reopenWithinMs: 1 };
    await withBench({ answer: echo, settings }, async ({ device, driver, losses }) => {
      device.unplug();
      await until(() => losses[0], { withinMs: 5000, what: 'the loss' });
      await assert.rejects(driver.console.send('x'), PortError);
      const beyondTheBound = new Deadline(50);
      await until(() => (beyondTheBound.passed ? true : undefined), { withinMs: 5000, what: 'the bound' });
      device.plug();
      assert.equal(driver.state, 'lost');
      await driver.console.send('again');
      await driver.console.expect('you said again', { withinMs: 5000 });
      assert.equal(driver.state, 'open');
    });
  });

  it('takes a loss with the device power as no loss', async () => {
    await withBench({ settings: { reopenEveryMs: 20 } }, async ({ device, driver, losses }) => {
      driver.devicePowerChanged(false);
      device.unplug();
      await until(() => (driver.state === 'lost' ? true : undefined), {
        withinMs: 5000,
        what: 'the state lost',
      });
      device.plug();
      driver.devicePowerChanged(true);
      await until(() => (driver.state === 'open' ? true : undefined), { withinMs: 5000, what: 'the return' });
      assert.deepEqual(losses, []);
    });
  });

  it('notices that its path names another port now, though the old one lives', async () => {
    await withBench({ settings: { reopenEveryMs: 20 } }, async ({ device, driver, losses }) => {
      const old = device.swapBehindTheName();
      try {
        await until(() => losses[0], { withinMs: 10_000, what: 'the watchdog' });
        assert.match(String(losses[0]), /another device node/);
        await until(() => (driver.state === 'open' ? true : undefined), {
          withinMs: 5000,
          what: 'the return',
        });
      } finally {
        old.unplug();
      }
    });
  });

  it('fails its self-test when the port is no longer what was opened', async () => {
    await withBench({}, async ({ device, driver }) => {
      await driver.selfTest();
      const old = device.swapBehindTheName();
      try {
        await assert.rejects(driver.selfTest(), PortError);
      } finally {
        old.unplug();
      }
    });
  });
});

describe('serial driver: faults of serialport 13', () => {
  it('does not spin when the port is unplugged between two reads, and closes within 100 ms', async () => {
    await withBench({ settings: { reopenWithinMs: 1 } }, async ({ device, driver, losses }) => {
      const lag = new LagMeter();
      lag.start();
      let unplugged: Deadline | undefined;
      // In the turn that delivers the bytes, before the next read: that read finds a tty that was hung up.
      driver.console.onLine(() => {
        unplugged = new Deadline(0);
        device.unplug();
      });
      device.say('traffic\r\n');
      await until(() => losses[0], { withinMs: 3000, everyMs: 1, what: 'the loss' });
      const tookMs = unplugged?.elapsedMs ?? Infinity;
      assert.ok(tookMs < 100 + lag.stopMs(), `noticed after ${tookMs} ms`);
      const before = process.cpuUsage();
      const idle = new Deadline(400);
      await until(() => (idle.passed ? true : undefined), {
        withinMs: 5000,
        everyMs: 50,
        what: 'the measurement',
      });
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 200_000, `${user + system} µs of CPU in ${idle.elapsedMs} ms`);
    });
  });

  it('rejects a write at once on a port that died, where serialport would never call back', async () => {
    const port = new SerialPort({ path: '/dev/null-of-a-test', baudRate: 9600, autoOpen: false });
    let called = false;
    port.write('x', () => (called = true));
    port.drain(() => (called = true));
    await withBench({}, async ({ device, driver, losses }) => {
      device.unplug();
      await until(() => losses[0], { withinMs: 5000, what: 'the loss' });
      await assert.rejects(driver.console.send('x'), PortError);
    });
    assert.equal(called, false, 'serialport calls back now: the guard in SerialLine can be simplified');
    port.destroy();
  });

  it('ends a write that the port does not take, with a TimeoutError and the next step', async () => {
    const settings = { writeWithinMs: 100, baudRate: 4_000_000 }; // time on the wire is part of the deadline
    await withBench({ settings }, async ({ device, driver }) => {
      device.stopReading();
      await assert.rejects(driver.console.send(Buffer.alloc(200_000, 0x55)), (error) => {
        assert.ok(error instanceof TimeoutError);
        assert.match(error.hint ?? '', /takes no bytes/);
        return true;
      });
    });
  });

  it('waits for a lock that is given up, and names who holds one that is not', async () => {
    let refusals = 0;
    const binding: PortBinding = {
      open: (options) =>
        guardedBinding.open(options).catch((error: unknown) => {
          refusals += 1;
          throw error;
        }),
    };
    const { device, driver, dispose } = makeBench(echo, { lockWithinMs: 20_000 }, binding);
    const impatient = makeBench(undefined, { path: device.path, lockWithinMs: 1 });
    const other = new SerialPort({ path: device.path, baudRate: 9600, autoOpen: false });
    const letGo = (): Promise<void> => new Promise((resolve) => other.close(() => resolve()));
    try {
      await new Promise<void>((resolve, reject) =>
        other.open((error) => (error ? reject(error) : resolve())),
      );
      await assert.rejects(impatient.driver.open(), (error) => {
        assert.ok(error instanceof PortError);
        assert.equal(error.code, 'port-locked');
        assert.match(
          error.message,
          new RegExp(`locked by (this process \\(${process.pid}\\)|another process)`),
        );
        return true;
      });
      const opening = driver.open();
      await Promise.race([
        opening, // too early, if it ends here
        until(() => (refusals > 1 ? true : undefined), { withinMs: 5000, what: 'a second attempt' }),
      ]);
      assert.equal(driver.state, 'closed');
      await letGo();
      await opening;
      assert.equal(driver.state, 'open');
    } finally {
      await letGo();
      await impatient.dispose();
      await dispose();
    }
  });
});

describe('serial driver: settings', () => {
  it('says which port is missing and what to set', async () => {
    const { context } = testContext();
    const driver = module.create(serialSettings.parse({ path: '/dev/no-such-tty' }), context);
    await assert.rejects(driver.open(), (error) => {
      assert.ok(error instanceof PortError && error.code === 'port-missing');
      assert.match(explain(error), /no port \/dev\/no-such-tty\n {2}next: (Set path to|No serial adapter)/);
      return true;
    });
    assert.equal(driver.state, 'closed');
  });

  it('says that a file is no serial port', async () => {
    const { context } = testContext();
    const driver = module.create(serialSettings.parse({ path: 'package.json' }), context);
    await assert.rejects(driver.open(), { code: 'port-not-a-tty' });
  });

  it('names the group when the permission is missing', async () => {
    const binding = new FakeBinding({ failWith: 'Error: Permission denied, cannot open /dev/ttyUSB0' });
    const { driver, dispose } = makeBench(undefined, {}, binding);
    await assert.rejects(driver.open(), (error) => {
      assert.ok(error instanceof PortError && error.code === 'port-permission');
      assert.match(error.hint ?? '', /usermod -aG \w+ \$USER/);
      return true;
    });
    await dispose();
  });

  it('rejects unknown keys and wrong values', () => {
    assert.equal(serialSettings.safeParse({ path: '/dev/x', baud: 9600 }).success, false);
    assert.equal(serialSettings.safeParse({ path: '/dev/x', prompt: '(' }).success, false);
    assert.equal(serialSettings.safeParse({ path: '/dev/x', stopBits: 1.5 }).success, false);
    assert.equal(serialSettings.parse({ path: '/dev/x' }).maxLineBytes, 4096);
  });

  it('hands every parameter to the port', async () => {
    const binding = new FakeBinding();
    const settings = { baudRate: 19200, dataBits: 7, parity: 'even', stopBits: 2, flowControl: 'rts-cts' };
    await withBench(
      { binding, settings: { ...settings, hangUpOnClose: false } },
      async ({ driver, events }) => {
        assert.deepEqual(
          { ...binding.opened[0], path: '' },
          {
            path: '',
            baudRate: 19200,
            dataBits: 7,
            parity: 'even',
            stopBits: 2,
            rtscts: true,
            xon: false,
            xoff: false,
            hupcl: false,
            lock: true,
          },
        );
        assert.match(events[0] ?? '', /19200 7E2 rts-cts/);
        const file = { name: 'f', bytes: new Uint8Array(1) };
        await assert.rejects(driver.console.sendFile(file, { blockWithinMs: 1 }), {
          code: 'not-transparent',
        });
      },
    );
  });
});

describe('serial driver: modem lines', () => {
  it('sets DTR and RTS when opening, on request, and keeps them over a break', async () => {
    const binding = new FakeBinding();
    await withBench({ binding, settings: { dtr: false, rts: true } }, async ({ driver }) => {
      await driver.setLines({ rts: false });
      await driver.sendBreak(1);
      assert.deepEqual(
        binding.lines.map(({ dtr, rts, brk }) => [dtr, rts, brk]),
        [
          [false, true, false],
          [false, false, false],
          [false, true, true],
          [false, true, false],
        ],
      );
    });
  });

  it('says so where a port has none, as a pseudo terminal', async () => {
    await withBench({}, async ({ driver }) => {
      await assert.rejects(driver.setLines({ rts: false }), (error) => {
        assert.ok(error instanceof PortError);
        assert.equal(error.code, 'no-modem-lines', error.message);
        return true;
      });
      assert.equal(driver.state, 'open');
    });
    const { driver, dispose } = makeBench(undefined, { dtr: true });
    await assert.rejects(driver.open(), { code: 'no-modem-lines' });
    assert.equal(driver.state, 'closed');
    await dispose();
  });

  it('rejects with DriverError once closed', async () => {
    const { driver, dispose } = makeBench();
    await assert.rejects(driver.setLines({ dtr: true }), DriverError);
    await assert.rejects(driver.selfTest(), DriverError);
    await dispose();
  });
});
