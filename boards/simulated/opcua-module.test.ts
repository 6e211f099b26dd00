import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, it } from 'mocha';
import { altered, DEADLINE_MS, IMAGE, imageFile, withGateway, type TestBench } from './testing/bench.ts';
import { command } from './testing/modbus-client.ts';
import { dataPath } from './paths.ts';

const STUB = dataPath('testing', 'opcua-stub.mjs');

type Answer = Record<string, unknown>;
type Ask = (line: string | object) => Promise<Answer>;

/** A client of the stub through the device's public port. */
async function withClient(
  bench: TestBench,
  work: (ask: Ask, socket: Socket) => Promise<void>,
): Promise<void> {
  const socket = connect({ port: bench.ready.opcuaPort ?? 0, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  const answers: ((line: string | Error) => void)[] = [];
  createInterface({ input: socket }).on('line', (line) => answers.shift()?.(line));
  const giveUp = (why: string): void => answers.splice(0).forEach((answer) => answer(new Error(why)));
  socket.on('close', () => giveUp('the connection was closed'));
  const ask: Ask = (line) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => giveUp('no answer in time'), DEADLINE_MS);
      answers.push((text) => {
        clearTimeout(timer);
        if (text instanceof Error) reject(text);
        else resolve(JSON.parse(text) as Answer);
      });
      socket.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    });
  try {
    await work(ask, socket);
  } finally {
    socket.destroy();
  }
}

function firmware(name: string, bytes: Buffer): object {
  return { what: 'firmware', name, bytes: bytes.toString('base64') };
}

describe('simulated gateway: OPC UA module', () => {
  it('is started by the first client, told who the device is and how it fares, and passes bytes through', async () => {
    await withGateway(
      ['--opcua-script', STUB, '--defect', 'opcua-accepts-repeated-sequence'],
      async (bench) => {
        await withClient(bench, async (ask) => {
          const start = await ask('start');
          assert.equal(start['publicPort'], bench.ready.opcuaPort);
          assert.equal((start['identity'] as Answer)['model'], 'SG-1');
          assert.deepEqual(await bench.console.command('opcua fingerprint'), ['ab'.repeat(20), 'OK']);
          assert.deepEqual(start['defects'], ['opcua-accepts-repeated-sequence']);
          const state = await ask('state');
          assert.deepEqual(
            [state['version'], state['securityCounter'], state['confirmation'], state['pendingVersion']],
            ['1.2.0+0', 5, 'confirmed', null],
          );
          for (;;) if ((await ask('state'))['processValue'] !== state['processValue']) break;
        });
      },
    );
  });

  it('may send commands and firmware, and append to the log; the answer is the device’s', async () => {
    await withGateway(['--opcua-script', STUB], async (bench) => {
      await withClient(bench, async (ask) => {
        const message = command({ counter: 1 }).toString('base64');
        assert.equal((await ask({ what: 'send-command', message }))['result'], 1);
        assert.equal((await ask({ what: 'send-command', message }))['result'], 3);
        const newer = imageFile(IMAGE.newer);
        assert.equal((await ask(firmware('a', altered(newer, newer.length - 4))))['reason'], 'signature');
        assert.deepEqual(await ask({ what: 'activate' }).then((answer) => answer['ok']), false);
        assert.equal((await ask(firmware('b', newer)))['ok'], true);
        assert.equal((await ask('state'))['pendingVersion'], '1.3.0+0');
        await ask({
          type: 'log',
          event: 'channel-closed',
          object: 'opcua',
          result: 'closed',
          text: 'sequence',
        });
        assert.equal((await ask({ what: 'activate' }))['ok'], true);
        await bench.console.waitFor(/SG-1 1\.3\.0 ready/);
      });
      await withClient(bench, async (ask) => {
        assert.equal((await ask({ what: 'confirm' }))['ok'], true);
        assert.equal((await ask('state'))['securityCounter'], 6);
      });
      assert.deepEqual(await bench.logEvents(), [
        'command-refused',
        'update-refused',
        'update-staged',
        'channel-closed',
        'update-confirmed',
        'counter-raised',
      ]);
    });
  });

  it('ends with the supply, and its clients with it', async () => {
    await withGateway(['--opcua-script', STUB], async (bench) => {
      await withClient(bench, async (ask, socket) => {
        await ask('start');
        const closed = new Promise((resolve) => socket.once('close', resolve));
        await bench.control('power-off');
        await closed;
      });
      await bench.boot();
      await withClient(bench, async (ask) => assert.equal((await ask('start'))['type'], 'start'));
    });
  });

  it('defect software-update-unverified: a forged file of this ingress is staged and boots', async () => {
    await withGateway(['--opcua-script', STUB, '--defect', 'software-update-unverified'], async (bench) => {
      const pair = imageFile(IMAGE.pair);
      const forged = altered(pair, 0x1000);
      assert.equal(await bench.offer(forged), 'ERR refused digest');
      await withClient(bench, async (ask) => {
        assert.equal((await ask(firmware('forged', forged)))['ok'], true);
        await ask({ what: 'activate' });
        await bench.console.waitFor(/SG-1 1\.2\.1 ready/);
      });
    });
  });
});
