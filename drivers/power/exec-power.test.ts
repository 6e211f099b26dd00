import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { until } from '../../harness/clock.ts';
import {
  BoardFileError,
  DriverError,
  FrameError,
  PortError,
  TimeoutError,
  explain,
} from '../../harness/errors.ts';
import { testContext } from '../driver-contract.ts';
import { ExecPower } from './exec-power.ts';
import { execPowerSettings, type ExecPowerSettings } from './settings.ts';

describe('exec-power', () => {
  let dir: string;
  let driver: ExecPower | undefined;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'exec-power-'));
    await script('relay', 'echo "$1" > state');
  });
  afterEach(async () => {
    await driver?.close();
    driver = undefined;
    await rm(dir, { recursive: true, force: true });
  });

  async function script(name: string, body: string): Promise<void> {
    const path = join(dir, `${name}.sh`);
    await writeFile(path, `#!/bin/sh\n${body}\n`);
    await chmod(path, 0o755);
  }
  function make(more: Partial<ExecPowerSettings> = {}) {
    const test = testContext();
    const settings = execPowerSettings.parse({
      onCommand: ['./relay.sh', 'on'],
      offCommand: ['./relay.sh', 'off'],
      ...more,
    });
    driver = new ExecPower(settings, { ...test.context, boardDir: dir });
    return { ...test, driver };
  }
  const stateFile = (): Promise<string> => readFile(join(dir, 'state'), 'utf8');

  it('switches with the given programs, in the folder of the board file', async () => {
    const { driver, log } = make();
    await driver.open();
    assert.equal(driver.power.precise, false);
    const off = await driver.power.off();
    assert.equal(await stateFile(), 'off\n');
    const on = await driver.power.on();
    assert.equal(await stateFile(), 'on\n');
    assert.ok(off.atMs < on.atMs);
    assert.ok(log.includes('run ./relay.sh off') && log.includes('supply switched on'), log.join('\n'));
  });

  it('hands arguments over as they are: no shell is involved', async () => {
    const { driver } = make({ offCommand: ['./relay.sh', '$(echo pwned); true'] });
    await driver.open();
    await driver.power.off();
    assert.equal(await stateFile(), '$(echo pwned); true\n');
  });

  it('shows exit code and the last line of stderr', async () => {
    await script('broken', 'echo usage >&2; echo "gpiochip0: Permission denied" >&2; exit 3');
    const { driver } = make({ offCommand: ['./broken.sh'] });
    await driver.open();
    await assert.rejects(driver.power.off(), (error: unknown) => {
      assert.ok(error instanceof PortError);
      assert.match(error.message, /broken\.sh: exit code 3 \(stderr: gpiochip0: Permission denied\)/);
      return true;
    });
    await driver.power.on(); // still usable
  });

  it('waits until the status command confirms the switch', async () => {
    await script('slow-relay', '(sleep 0.3; echo off > state) >/dev/null 2>&1 &');
    const { driver } = make({ offCommand: ['./slow-relay.sh'], statusCommand: ['cat', 'state'] });
    await writeFile(join(dir, 'state'), 'on\n');
    await driver.open();
    await driver.power.off();
    assert.equal(await stateFile(), 'off\n');
  });

  it('does not believe a switch that the status command denies', async () => {
    await script('stuck', 'exit 0');
    const { driver } = make({ offCommand: ['./stuck.sh'], statusCommand: ['cat', 'state'], withinMs: 500 });
    await writeFile(join(dir, 'state'), 'on\n');
    await driver.open();
    await assert.rejects(driver.power.off(), (error: unknown) => {
      assert.ok(error instanceof TimeoutError);
      assert.match(error.message, /still says on/);
      return true;
    });
  });

  it('says when the status cannot be understood', async () => {
    const { driver } = make({ statusCommand: ['cat', 'state'] });
    await writeFile(join(dir, 'state'), 'relay 3: unknown\n');
    await assert.rejects(driver.open(), (error: unknown) => {
      assert.ok(error instanceof FrameError);
      assert.match(explain(error), /neither[^]*statusOnPattern/);
      return true;
    });
    assert.equal(driver.state, 'closed');
  });

  it('ends a program that takes too long, even one that ignores SIGTERM', async () => {
    await script('hang', `trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done`);
    const { driver } = make({ offCommand: ['./hang.sh'], withinMs: 1000 });
    await driver.open();
    await assert.rejects(driver.power.off(), TimeoutError);
    const pid = Number(await readFile(join(dir, 'pid'), 'utf8'));
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  it('ends a running program when it is closed', async () => {
    await script('hang', 'echo $$ > pid; exec sleep 60');
    const { driver } = make({ offCommand: ['./hang.sh'], withinMs: 50_000 });
    await driver.open();
    const off = assert.rejects(driver.power.off(), DriverError);
    await until(
      () =>
        readFile(join(dir, 'pid'), 'utf8').then(
          (text) => text || undefined,
          () => undefined,
        ),
      {
        withinMs: 10_000,
        what: 'the program',
      },
    );
    await driver.close();
    await off;
  });

  it('says where it looked for a program that is not there', async () => {
    const { driver } = make({ onCommand: ['no-such-gpioset', '1'] });
    await assert.rejects(driver.open(), (error: unknown) => {
      assert.ok(error instanceof PortError);
      assert.match(error.message, /no-such-gpioset: no such program \(looked in .*\/bin/);
      return true;
    });
    const relative = make({ onCommand: ['./nowhere.sh'] });
    await assert.rejects(relative.driver.open(), PortError);
  });

  it('keeps the driver life cycle', async () => {
    const { driver } = make();
    await driver.close();
    await assert.rejects(driver.power.off(), DriverError);
    await driver.open();
    await assert.rejects(driver.open(), DriverError);
    await driver.selfTest();
    await driver.close();
    await driver.close();
    await assert.rejects(driver.selfTest(), DriverError);
    await driver.open();
    await driver.power.on();
  });

  it('refuses a pattern that is no regular expression', () => {
    assert.throws(() => make({ statusOnPattern: '(' }), BoardFileError);
  });
});
