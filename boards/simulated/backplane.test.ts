import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { describe, it } from 'mocha';
import { nodeArgumentsFor } from './paths.ts';
import { DEADLINE_MS, TestBench, withFolder, withGateway } from './testing/bench.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('simulated gateway: backplane', () => {
  it('cuts the supply of the device and keeps ttys, ports and flash', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      const before = await bench.control('status');
      assert.equal(before['power'], 'on');
      await bench.control('power-off');
      const exit = await bench.message((message) => message['event'] === 'device-exit');
      assert.equal(exit['signal'], 'SIGKILL');
      assert.equal(isAlive(Number(before['pid'])), false);
      assert.deepEqual(await bench.control('status').then(({ power, pid }) => [power, pid]), ['off', null]);
      bench.console.send('status\r');
      const lost = async () => (await bench.control('status'))['lostBytes'] === 'status\r'.length;
      await eventually(lost, 'the bytes are lost, for nobody is there');
      await bench.boot();
      assert.equal(bench.console.unread, '');
      assert.equal((await bench.status())['version'], '1.2.0+0');
    });
  });

  it('makes a tty vanish and come back', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      await bench.control('unplug', { port: 'console' });
      assert.equal(
        existsSync(bench.ready.console) && statSync(bench.ready.console).isCharacterDevice(),
        false,
      );
      const plugged = await bench.control('plug', { port: 'console' });
      const line = bench.line(String(plugged['path']));
      assert.equal((await line.command('status')).at(-1), 'OK');
      assert.match(String((await bench.control('plug', { port: 'console' }))['error']), /plugged already/);
      assert.match(
        String((await bench.control('plug', { port: 'maintenance' }))['error']),
        /--opened-for-test/,
      );
      assert.match(String((await bench.control('fly'))['error']), /unknown command "fly"/);
    });
  });

  it('leaves no process and no folder behind when stdin ends', async () => {
    const bench = new TestBench(['--no-opcua']);
    let pid = 0;
    try {
      await bench.open();
      await bench.boot();
      pid = Number((await bench.control('status'))['pid']);
    } finally {
      await bench.close();
    }
    assert.equal(isAlive(pid), false);
    assert.equal(existsSync(bench.ready.flash), false);
  });

  it('leaves no device behind when it is killed itself', async () => {
    const bench = new TestBench(['--no-opcua']);
    try {
      await bench.open();
      await bench.boot();
      const pid = Number((await bench.control('status'))['pid']);
      process.kill(bench.pid, 'SIGKILL');
      await eventually(() => !isAlive(pid), 'the device outlived its backplane');
    } finally {
      await bench.close();
    }
  });

  it('keeps a flash folder that was given, with all that happened', async () => {
    await withFolder(async (folder) => {
      for (let run = 1; run <= 2; run += 1) {
        await withGateway(['--no-opcua', '--flash', folder], async (bench) => {
          await bench.console.command('factory-reset');
          await bench.console.waitFor(/ready\r\n/);
          assert.equal((await bench.logEvents()).length, run);
        });
      }
    });
  });

  it('refuses a wrong command line with status 64 and one sentence', async () => {
    for (const [args, sentence] of [
      [['--defect', 'nonsense'], /unknown defect "nonsense"; there are: /],
      [['--modbus-port', 'x'], /--modbus-port x: not a port number/],
    ] as const) {
      const child = spawn(process.execPath, [...nodeArgumentsFor('main'), ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let text = '';
      child.stderr.on('data', (bytes: Buffer) => (text += bytes.toString()));
      const code = await new Promise((resolve) => child.once('close', resolve));
      assert.equal(code, 64);
      assert.match(text, sentence);
    }
  });
});
