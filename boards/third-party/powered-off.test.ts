import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { until } from '../../harness/clock.ts';
import { PoweredProcess } from './powered-process.ts';

describe('a process as a device, switched off', function () {
  this.timeout(30_000);
  let folder = '';
  let supply: PoweredProcess;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fieldproof-powered-'));
  });
  afterEach(async () => {
    await supply.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const powered = (script: string): PoweredProcess => {
    supply = new PoweredProcess({
      command: ['sh', '-c', `cd '${folder}'; ${script}`],
      consoleLink: join(folder, 'console'),
    });
    supply.on();
    return supply;
  };
  const pidIn = (name: string): Promise<number> =>
    until(
      () =>
        existsSync(join(folder, name))
          ? Number(readFileSync(join(folder, name), 'utf8')) || undefined
          : undefined,
      {
        withinMs: 10_000,
        what: `${name} to be started`,
      },
    );
  const isThere = (pid: number): boolean => existsSync(`/proc/${pid}/exe`); // a zombie has none

  it('is off when all of its group is gone', async () => {
    powered('sleep 600 & echo $! >child; wait');
    const child = await pidIn('child');
    await supply.off();
    assert.ok(!isThere(child));
  });

  it('is not off while something of another group still holds its output', async () => {
    powered("echo $$ >leader; setsid sh -c 'echo $$ >stray; exec sleep 600' & wait");
    const [leader, stray] = [await pidIn('leader'), await pidIn('stray')];
    let off = false;
    const cut = supply.off().then(() => (off = true));
    const reaped = (): true | undefined => (existsSync(`/proc/${leader}`) ? undefined : true);
    await until(reaped, { withinMs: 10_000, what: 'the first process to be gone' });
    await new Promise(setImmediate);
    const heldBack = isThere(stray) && !off;
    process.kill(stray, 'SIGKILL');
    await cut;
    assert.ok(heldBack, 'it was off while it could still write');
  });
});
