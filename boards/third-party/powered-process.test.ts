import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { until } from '../../harness/clock.ts';
import { testContext } from '../../drivers/driver-contract.ts';
import { SerialDriver } from '../../drivers/serial/serial-driver.ts';
import { serialSettings } from '../../drivers/serial/settings.ts';
import { PoweredProcess } from './powered-process.ts';

const withinMs = 30_000;
const control = join(import.meta.dirname, 'switch');

/** A device that starts another process and tells its pid, then answers each line. */
const script = 'sleep 1000 & echo "booted $$ $!"; while read -r line; do echo "heard $line in $MODE"; done';

interface Powered {
  supply: PoweredProcess;
  driver: SerialDriver;
  link: string;
  /** Waits for the banner. @returns the pids of the device and of what it started */
  booted: () => Promise<number[]>;
}

async function powered(
  work: (device: Powered) => Promise<void>,
  command = ['sh', '-c', script],
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-powered-'));
  const link = join(folder, 'console');
  const supply = new PoweredProcess({
    command: command as [string, ...string[]],
    environment: { MODE: 'test' },
    consoleLink: link,
  });
  const driver = new SerialDriver(serialSettings.parse({ path: link }), testContext().context);
  const booted = async (): Promise<number[]> => {
    const { groups } = await driver.console.expect(/booted (?<device>\d+) (?<child>\d+)\n/, { withinMs });
    return [Number(groups['device']), Number(groups['child'])];
  };
  try {
    await driver.open();
    await work({ supply, driver, link, booted });
  } finally {
    await driver.close();
    await supply.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('a process as a device', function () {
  this.timeout(4 * withinMs);

  it('talks over its console, with its environment', () =>
    powered(async ({ supply, driver, booted }) => {
      supply.on();
      await booted();
      await driver.console.send('me');
      await driver.console.expect('heard me in test\n', { withinMs });
    }));

  it('loses all that it started with its power, and begins anew behind the same tty', () =>
    powered(async ({ supply, booted, link }) => {
      supply.on();
      const first = await booted();
      const tty = readlinkSync(link);
      await supply.off();
      await mustBeGone(first);
      supply.on();
      const second = await booted();
      assert.ok(!second.some((pid) => first.includes(pid)), 'it is another process');
      assert.equal(readlinkSync(link), tty);
      await supply.off();
      await mustBeGone(second);
    }));

  it('is switched on once, and off as often as one likes', () =>
    powered(async ({ supply, booted, driver }) => {
      await supply.off();
      supply.on();
      supply.on();
      await booted();
      await driver.console.send('me');
      await driver.console.expect('heard me', { withinMs });
      assert.equal(driver.console.linesSince(0).filter(({ text }) => text.startsWith('booted')).length, 1);
      await supply.off();
      await supply.off();
    }));

  it('obeys its remote control, and tells the state that it has, not the one that was asked for', () =>
    powered(async ({ supply, booted }) => {
      const port = await supply.listen();
      assert.equal(await switched(port, 'status'), '0 off');
      assert.equal(await switched(port, 'on'), '0 on');
      const pids = await booted();
      assert.equal(await switched(port, 'status'), '0 on');
      process.kill(pids[0] as number, 'SIGKILL'); // it dies of itself, and what it had started goes with it
      await mustBeGone(pids);
      await until(async () => ((await switched(port, 'status')) === '0 off' ? true : undefined), {
        withinMs,
        what: 'the state of a device that died',
      });
      assert.equal(await switched(port, 'on'), '0 on');
      await booted();
      assert.equal(await switched(port, 'off'), '0 off');
    }));

  it('stays off when its program cannot be started, and the remote control fails', () =>
    powered(
      async ({ supply }) => {
        const port = await supply.listen();
        await switched(port, 'on');
        await until(async () => ((await switched(port, 'status')) === '0 off' ? true : undefined), {
          withinMs,
          what: 'the state off',
        });
      },
      ['/nowhere/device'],
    ));

  it('leaves nothing behind: no process, no tty', () =>
    powered(async ({ supply, booted, link }) => {
      supply.on();
      const pids = await booted();
      await supply.close();
      await supply.close();
      await mustBeGone(pids);
      assert.ok(!existsSync(link));
    }));

  it('dies with the process that holds it, however that ends, and takes along what it started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fieldproof-powered-'));
    const told = join(folder, 'told');
    const holder = join(folder, 'holder.ts');
    writeFileSync(
      holder,
      `import { PoweredProcess } from ${JSON.stringify(join(import.meta.dirname, 'powered-process.ts'))};
       new PoweredProcess({
         command: ['sh', '-c', 'sleep 1000 & echo "$$ $!" >${told}.part; mv ${told}.part ${told}; wait'],
         consoleLink: ${JSON.stringify(join(folder, 'console'))},
       }).on();
       setInterval(() => undefined, 1000);`,
    );
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), holder], {
      stdio: 'inherit',
    });
    try {
      await until(() => (existsSync(told) ? true : undefined), { withinMs, what: 'the device to start' });
      const pids = readFileSync(told, 'utf8').trim().split(' ').map(Number);
      assert.ok(pids.every(lives), 'both live');
      child.kill('SIGKILL');
      await mustBeGone(pids);
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Exit code and state that ./switch prints. */
async function switched(port: number, command: string): Promise<string> {
  const child = spawn(control, [command], {
    env: { ...process.env, DEVICE_SUPPLY_PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return `${code} ${said.trim()}`;
}

async function mustBeGone(pids: readonly number[]): Promise<void> {
  await until(() => (pids.some(lives) ? undefined : true), {
    withinMs,
    what: `the end of ${pids.join(', ')}`,
  });
}

/** A zombie is gone: it waits for its parent only. */
function lives(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}
