import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, it } from 'mocha';
import { until } from '../../harness/clock.ts';
import { DeviceException, FrameError, PortError, TimeoutError } from '../../harness/errors.ts';
import { noWireLog } from '../../harness/driver.ts';
import { driverContract, testContext } from '../driver-contract.ts';
import { Backplane } from './backplane.ts';
import { modules } from './index.ts';
import { simulatedPowerSettings, type SimulatedPowerSettings } from './settings.ts';
import { SimulatedPower } from './simulated-power.ts';

const fakeBackplane = fileURLToPath(new URL('./test/fake-backplane.mjs', import.meta.url));
const missingProgram = fileURLToPath(new URL('./test/no-such-backplane.mjs', import.meta.url));

const settings = (more: Partial<SimulatedPowerSettings> = {}): SimulatedPowerSettings =>
  simulatedPowerSettings.parse({ device: 'simulated-gateway', exitWithinMs: 1000, ...more });

/** Settings whose child misbehaves, through the environment that it inherits. */
async function inMode<T>(mode: string, work: () => Promise<T>): Promise<T> {
  process.env['FAKE'] = mode;
  try {
    return await work();
  } finally {
    delete process.env['FAKE'];
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function pidOf(driver: SimulatedPower): number {
  const pid = driver.backplanePid;
  assert.ok(pid !== undefined, 'the backplane runs');
  return pid;
}

async function gone(pid: number): Promise<void> {
  await until(() => (alive(pid) ? undefined : true), { withinMs: 10_000, what: `end of process ${pid}` });
}

driverContract('simulated-power with a fake backplane', async () => {
  const { context, losses, logged } = testContext();
  const quick = settings({ replyWithinMs: 1000, exitWithinMs: 200 });
  const driver = new SimulatedPower(quick, context, fakeBackplane);
  return {
    driver,
    exchange: () => driver.status(),
    silence: async () => void process.kill(pidOf(driver), 'SIGSTOP'),
    breakLink: async () => void process.kill(pidOf(driver), 'SIGKILL'),
    mendLink: async () => undefined,
    losses,
    logged,
    unreachable: () => new SimulatedPower(quick, testContext().context, missingProgram),
    replyWithinMs: 1000,
    dispose: async () => undefined,
  };
});

describe('simulated-power', () => {
  const opened: SimulatedPower[] = [];
  afterEach(async () => {
    for (const driver of opened.splice(0)) await driver.close();
  });
  const make = (more: Partial<SimulatedPowerSettings> = {}, program = fakeBackplane) => {
    const test = testContext();
    const driver = new SimulatedPower(settings(more), test.context, program);
    opened.push(driver);
    return { driver, ...test };
  };

  it('provides what the ready message says, and leaves out what the model lacks', async () => {
    const { driver } = make();
    assert.deepEqual(driver.provides, {});
    await driver.open();
    assert.deepEqual(driver.provides, {
      host: '127.0.0.1',
      console: '/dev/pts/fake-1',
      rs485: '/dev/pts/fake-2',
      modbusPort: 1502,
      opcuaPort: 4840,
      flash: '/tmp/fake-flash',
    });
    const bare = make({ opcua: false, openedForTest: true });
    await bare.driver.open();
    assert.equal(bare.driver.provides['opcuaPort'], undefined);
    assert.equal(bare.driver.provides['maintenance'], '/dev/pts/fake-3');
  });

  it('hands settings over as the options of the datasheet, the flash folder relative to the board file', async () => {
    const { driver, context, log } = make({
      defects: ['a', 'b'],
      flash: 'flash-here',
      openedForTest: true,
      confirmWithinMs: 900,
    });
    const heard: string[] = [];
    context.wire.received = (bytes) => void heard.push(Buffer.from(bytes).toString());
    await driver.open();
    await driver.status();
    const status = heard.join('').split('\n').at(-2) ?? '';
    const { argv } = JSON.parse(status) as { argv: string[] };
    assert.deepEqual(argv, [
      '--control',
      'stdio',
      '--opened-for-test',
      '--confirm-within-ms',
      '900',
      '--flash',
      join(process.cwd(), 'flash-here'),
      '--defect',
      'a',
      '--defect',
      'b',
    ]);
    assert.deepEqual(
      log.filter((line) => line.includes('not a message')),
      [],
    );
  });

  it('gives a transmitter no options of the gateway, and provides no port that it does not have', async () => {
    const { driver, context } = make({ device: 'simulated-transmitter', opcua: false });
    const heard: string[] = [];
    context.wire.received = (bytes) => void heard.push(Buffer.from(bytes).toString());
    await inMode('serial-only', () => driver.open());
    await driver.status();
    assert.doesNotMatch(heard.join(''), /--no-opcua/);
    assert.deepEqual(driver.provides, {
      host: '127.0.0.1',
      console: '/dev/pts/fake-1',
      rs485: '/dev/pts/fake-2',
      flash: '/tmp/fake-flash',
    });
  });

  it('switches the supply with ordered instants', async () => {
    const { driver } = make();
    await driver.open();
    assert.equal(driver.power.precise, true);
    const off = await driver.power.off();
    assert.deepEqual(await driver.status(), { power: 'off', devicePid: undefined });
    const on = await driver.power.on();
    assert.deepEqual(await driver.status(), { power: 'on', devicePid: 1001 });
    assert.ok(off.atMs < on.atMs);
  });

  it('provides the new path after unplug and plug', async () => {
    const { driver } = make();
    await driver.open();
    await driver.unplug('console');
    assert.equal(await driver.plug('console'), '/dev/pts/fake-console-1');
    assert.equal(driver.provides['console'], '/dev/pts/fake-console-1');
  });

  it('reports the end of the backplane as a loss, with its last words', async () => {
    const { driver, losses } = make();
    await driver.open();
    process.kill(pidOf(driver), 'SIGKILL');
    await until(() => losses[0], { withinMs: 5000, what: 'the loss' });
    assert.equal(driver.state, 'lost');
    assert.ok(losses[0] instanceof PortError);
    assert.match(losses[0].message, /SIGKILL/);
    await driver.open(); // lost → open
    assert.equal((await driver.status()).power, 'on');
  });

  it('does not take a crash of the device for a loss', async () => {
    const { driver, losses, log } = make();
    await inMode('device-crashes', () => driver.open());
    await until(() => log.find((line) => line.includes('device-exit')), {
      withinMs: 5000,
      what: 'the event',
    });
    assert.equal((await driver.status()).power, 'on');
    assert.equal(losses.length, 0);
    assert.equal(driver.state, 'open');
  });

  it('says why the backplane could not start', async () => {
    const { driver, losses } = make();
    await inMode('dies', () =>
      assert.rejects(driver.open(), (error: unknown) => {
        assert.ok(error instanceof PortError, String(error));
        assert.match(error.message, /code 7.*EADDRINUSE/);
        return true;
      }),
    );
    assert.equal(losses.length, 0);
    assert.equal(driver.state, 'closed');
  });

  it('gives up on a backplane that never gets ready, and leaves no process', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fake-backplane-'));
    process.env['FAKE_PID_FILE'] = join(dir, 'pid');
    try {
      const { driver } = make({ readyWithinMs: 1500 });
      await inMode('mute', () => assert.rejects(driver.open(), TimeoutError));
      await gone(Number(await readFile(join(dir, 'pid'), 'utf8')));
      const garbage = make({ readyWithinMs: 1500 });
      await inMode('garbage', () =>
        assert.rejects(garbage.driver.open(), (error: unknown) => {
          assert.ok(error instanceof FrameError, String(error));
          assert.equal(error.data['line'], 'Segmentation fault (core dumped)');
          return true;
        }),
      );
    } finally {
      delete process.env['FAKE_PID_FILE'];
      await rm(dir, { recursive: true });
    }
  });

  it('kills a backplane that neither exits nor heeds SIGTERM', async () => {
    const { driver, log } = make({ exitWithinMs: 200 });
    await inMode('stubborn', () => driver.open());
    const pid = pidOf(driver);
    await driver.close();
    await gone(pid);
    assert.ok(
      log.some((line) => line.includes('SIGKILL')),
      log.join('\n'),
    );
  });

  it("passes on the backplane's own refusal", async () => {
    const backplane = new Backplane({
      argv: [fakeBackplane],
      wire: noWireLog,
      readyWithinMs: 10_000,
      replyWithinMs: 5000,
      exitWithinMs: 1000,
      onUnexpectedExit: () => undefined,
    });
    try {
      await backplane.ready();
      await assert.rejects(backplane.ask({ do: 'fly' }), (error: unknown) => {
        assert.ok(error instanceof DeviceException);
        assert.match(error.message, /unknown command fly/);
        return true;
      });
    } finally {
      await backplane.end();
    }
  });

  it('leaves no backplane behind when our own process is killed', async () => {
    const script = `
      import { SimulatedPower } from ${JSON.stringify(new URL('./simulated-power.ts', import.meta.url).href)};
      const wire = { sent() {}, received() {}, event() {} };
      const driver = new SimulatedPower(${JSON.stringify(settings())}, {
        name: 'power', wire, stateDir: '', boardDir: '', dependency() {}, lost() {}, interactive: false,
      }, ${JSON.stringify(fakeBackplane)});
      await driver.open();
      process.stdout.write(driver.backplanePid + '\\n');
      setInterval(() => undefined, 1000);
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const printed = await new Promise<string>((resolve) =>
        child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      );
      const pid = Number(printed);
      assert.ok(alive(pid));
      child.kill('SIGKILL');
      await gone(pid);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is what the module for the bench creates', () => {
    const module = modules.find(({ kind }) => kind === 'simulated-power');
    assert.ok(module?.create(settings() as never, testContext().context) instanceof SimulatedPower);
  });

  it('refuses settings that it does not know', () => {
    assert.throws(() => simulatedPowerSettings.parse({ device: 'simulated-gateway', defect: 'x' }));
    assert.throws(() => simulatedPowerSettings.parse({ device: 'another' }));
    assert.throws(
      () => simulatedPowerSettings.parse({ device: 'simulated-transmitter', openedForTest: true }),
      /no maintenance tty/,
    );
  });
});
