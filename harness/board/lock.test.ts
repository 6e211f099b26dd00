import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { until, within } from '../clock.ts';
import { BenchError } from '../errors.ts';
import { lockAddress, socketLock, type HeldLock, type LockHolder } from './lock.ts';

const lockModule = fileURLToPath(new URL('./lock.ts', import.meta.url));

/** A process that takes the lock, says `held` or the error's code, and waits. */
const holderScript = `
  const { socketLock } = await import(process.argv[2]);
  process.stdin.on('data', () => {}); // stays until it is killed or its stdin ends
  process.stdin.on('end', () => process.exit(0));
  try { await socketLock.acquire(process.argv[1]); console.log('held'); }
  catch (error) { console.log(error.code); }
`;

describe('board lock', () => {
  let folder: string;
  let board: string;
  let children: ChildProcess[];
  let locks: HeldLock[];

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldproof-lock-'));
    board = path.join(folder, 'board.yaml');
    writeFileSync(board, 'board: x\n');
    children = [];
    locks = [];
  });

  afterEach(async () => {
    for (const lock of locks) await lock.release();
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true });
  });

  const acquire = async (file = board): Promise<HeldLock> => {
    const lock = await socketLock.acquire(file);
    locks.push(lock);
    return lock;
  };

  async function holdInChild(): Promise<{ child: ChildProcess; said: string }> {
    const args = ['--import', 'tsx', '--input-type=module', '-e', holderScript, board, lockModule];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const lines = createInterface({ input: child.stdout ?? assert.fail('no stdout') });
    const [said] = (await within(once(lines, 'line'), 30_000, 'the child’s first line')) as [string];
    return { child, said };
  }

  const exited = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };

  const rejection = async (file = board): Promise<BenchError> => {
    const error: unknown = await socketLock.acquire(file).then(
      (lock) => void locks.push(lock),
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof BenchError, 'the lock was given twice');
    return error;
  };

  it('says who holds a board, since when, and with what command', async () => {
    const { child, said } = await holdInChild();
    assert.equal(said, 'held');
    const error = await rejection();
    assert.equal(error.code, 'board-taken');
    const holder = error.data['holder'] as LockHolder;
    assert.equal(holder.pid, child.pid);
    assert.equal(holder.user, os.userInfo().username);
    assert.ok(Math.abs(Date.parse(holder.since) - Date.now()) < 60_000, holder.since);
    assert.match(
      error.message,
      new RegExp(`process ${child.pid} of .* since .*${path.basename(lockModule)}`),
    );
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`is free again as soon as its holder died of ${signal}`, async () => {
      const { child } = await holdInChild();
      assert.equal((await rejection()).code, 'board-taken');
      await exited(child, signal);
      const lock = await acquire();
      assert.equal(lock.holder.pid, process.pid);
    });
  }

  it('gives a board to exactly one of several processes that ask at once', async () => {
    const answers = await Promise.all([holdInChild(), holdInChild(), holdInChild()]);
    assert.deepEqual(answers.map(({ said }) => said).sort(), ['board-taken', 'board-taken', 'held']);
  });

  it('is taken over by exactly one when the holder is killed while several ask', async () => {
    const { child } = await holdInChild();
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    const attempt = (): Promise<HeldLock | undefined> =>
      socketLock.acquire(board).catch((error: unknown) => {
        assert.ok(error instanceof BenchError && error.code === 'board-taken', String(error));
        return undefined;
      });
    await gone;
    const results = await Promise.all([attempt(), attempt(), attempt(), attempt()]);
    locks.push(...results.filter((lock) => lock !== undefined));
    assert.equal(locks.length, 1);
  });

  it('names a holder that is stopped and cannot answer', async () => {
    const { child } = await holdInChild();
    child.kill('SIGSTOP');
    const error = await rejection();
    assert.equal(error.code, 'board-taken');
    assert.deepEqual(error.data['pids'], [child.pid]);
    assert.match(error.message, /did not answer within \d+ ms/);
    child.kill('SIGCONT');
  });

  it('knows a board by its real path', async () => {
    const link = path.join(folder, 'link.yaml');
    symlinkSync(board, link);
    await acquire();
    assert.equal((await rejection(link)).code, 'board-taken');
    const other = path.join(folder, 'other.yaml');
    writeFileSync(other, 'board: y\n');
    await acquire(other);
  });

  it('can be released twice, and taken again', async () => {
    const lock = await acquire();
    await lock.release();
    await lock.release();
    await acquire();
  });

  it('has an address that every Node version takes for the same', () => {
    assert.equal(Buffer.byteLength(lockAddress(board)), 108);
  });

  it('is refused for a board file that is not there', async () => {
    assert.match((await rejection(path.join(folder, 'none.yaml'))).message, /no such board file/);
  });

  it('keeps no process alive', async () => {
    const script = `const { socketLock } = await import(process.argv[2]); await socketLock.acquire(process.argv[1]);`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, board, lockModule];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    children.push(child);
    await until(() => (child.exitCode === null ? undefined : true), {
      withinMs: 30_000,
      what: 'the end of the child',
    });
    assert.equal(child.exitCode, 0);
  });
});
