import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { defectNamed } from './defects.ts';
import { manufacture } from './factory.ts';
import { LOCK_AFTER } from './refusal-limit.ts';
import { dataPath } from './paths.ts';
import { altered, IMAGE, imageFile, withFolder, withGateway, type TestBench } from './testing/bench.ts';
import { smallImage, start } from './testing/machine.ts';
import { ModbusTcpClient, offerFileRecords, readInput } from './testing/modbus-client.ts';
import { request, writeRegisters } from './testing/modbus-client.ts';
import { sendYmodem } from './testing/ymodem-send.ts';

const GOLDEN = imageFile(IMAGE.golden);
const PAIR = imageFile(IMAGE.pair);
const ENDLESS = Buffer.alloc(0x12000, 0x55);
const STUB = dataPath('testing', 'opcua-stub.mjs');

async function withModbus(
  args: readonly string[],
  work: (client: ModbusTcpClient, bench: TestBench) => Promise<void>,
): Promise<void> {
  await withGateway(args, async (bench) => {
    const client = await ModbusTcpClient.open(bench.ready.modbusPort);
    try {
      await work(client, bench);
    } finally {
      client.close();
    }
  });
}

const withDefect = (
  defect: string,
  work: (client: ModbusTcpClient, bench: TestBench) => Promise<void>,
  ...more: string[]
) => withModbus(['--no-opcua', '--defect', defectNamed(defect), ...more], work);

const begin = (bytes: number): Buffer => writeRegisters(120, [bytes >>> 16, bytes & 0xffff, 1]);

/** Begins and sends the first record only. */
async function beginAndStall(client: ModbusTcpClient): Promise<void> {
  assert.equal((await client.exchange(begin(GOLDEN.length)))[0], 16);
  const record = Buffer.concat([Buffer.of(21, 9, 6, 0, 1, 0, 0, 0, 1), GOLDEN.subarray(0, 2)]);
  assert.equal((await client.exchange(record))[0], 21);
}

/** Oversize is refused at once: the quickest way to a refused image. */
async function refuseSome(client: ModbusTcpClient, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    assert.equal((await client.exchange(begin(0x20000)))[0], 16, `image ${index + 1} of ${count}`);
    assert.deepEqual(await readInput(client.exchange, 50, 2), [3, 2]);
  }
}

describe('simulated gateway: transfers that do not end', () => {
  it('cancels a YMODEM sender that falls silent, empties the slot, and takes the next update at once', async () => {
    await withGateway(['--no-opcua', '--stalled-after-ms', '300'], async (bench) => {
      bench.console.send('update ymodem\r');
      await bench.console.waitFor(/READY\r\n/);
      await sendYmodem(bench.console, GOLDEN, { fallSilentAfter: 4096 });
      const answer = await bench.console.waitFor(/ERR[^\r]*\r\n/);
      assert.match(answer, /\x18\x18\r\nupdate: received 4096 bytes\r\nERR transfer timeout\r\n$/);
      assert.deepEqual(await bench.logEvents(), ['transfer-ended']);
      assert.equal((await bench.status())['staged'], 'none');
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
    });
  });

  it('ends a file that stalls between its records, and takes the next one from its beginning', async () => {
    await withModbus(['--no-opcua', '--stalled-after-ms', '300'], async (client, bench) => {
      await beginAndStall(client);
      assert.match((await bench.console.command('update ymodem')).at(-1) ?? '', /^ERR busy an update/);
      for (;;) if ((await readInput(client.exchange, 50, 1))[0] !== 1) break;
      assert.deepEqual(await readInput(client.exchange, 50, 2), [3, 3]);
      assert.deepEqual(await bench.logEvents(), ['transfer-ended']);
      assert.deepEqual(await offerFileRecords(client.exchange, PAIR), [2, 0]);
    });
  });

  it('cancels a sender that announces no length and never stops when the slot is full, and logs it', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      assert.equal(await bench.offer(ENDLESS, { withoutSize: true }), 'ERR refused size');
      const log = await bench.console.command('log since 0');
      assert.match(log[0] ?? '', /event=update-refused object=firmware result=refused text=size$/);
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
    });
  });

  it('defect waits-for-ever: a silent sender keeps every other one out', async () => {
    await withDefect(
      'waits-for-ever',
      async (client, bench) => {
        await beginAndStall(client);
        const since = Number((await bench.status())['uptime-ms']);
        while (Number((await bench.status())['uptime-ms']) < since + 1000);
        assert.equal((await readInput(client.exchange, 50, 1))[0], 1);
        assert.match((await bench.console.command('update ymodem')).at(-1) ?? '', /^ERR busy/);
      },
      ...['--stalled-after-ms', '200'],
    );
  });

  it('defect oversize-kills: silent on every wire after a transfer beyond the slot', async () => {
    await withDefect('oversize-kills', async (client, bench) => {
      assert.equal(await bench.offer(altered(GOLDEN, 0)), 'ERR refused format');
      bench.console.send('update ymodem\r');
      await bench.console.waitFor(/READY\r\n/);
      const wire = {
        send: (bytes: Uint8Array) => bench.console.send(bytes),
        bytes: (count: number) => bench.console.bytes(count, 3000),
      };
      await assert.rejects(sendYmodem(wire, ENDLESS, { withoutSize: true }), /0 of 1 bytes within 3000 ms/);
      await assert.rejects(client.exchangeWith(17, request(4, 0, 1), 1000), /no answer/);
      await bench.powerCycle();
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
    });
    await withDefect('oversize-kills', async (client, bench) => {
      await assert.rejects(client.exchangeWith(17, begin(0x20000), 1000), /no answer/);
      bench.console.send('status\r');
      await assert.rejects(bench.console.waitFor(/\n/, 500));
    });
  });
});

describe('simulated gateway: refused images in a row', () => {
  it('takes none for a while after too many, through no ingress, then goes on', async () => {
    await withModbus(['--opcua-script', STUB, '--locked-for-ms', '1500'], async (client, bench) => {
      await refuseSome(client, LOCK_AFTER - 1);
      assert.equal(await bench.offer(altered(GOLDEN, 0)), 'ERR refused format');
      assert.deepEqual([...(await client.exchange(begin(0x20000)))], [0x90, 6]);
      assert.deepEqual(await bench.console.command('update ymodem'), ['ERR busy locked']);
      for (;;) if ((await client.exchange(begin(GOLDEN.length)))[0] === 16) break;
      assert.deepEqual(await offerFileRecords(client.exchange, PAIR), [2, 0]);
      const events = await bench.logEvents();
      assert.equal(events.filter((event) => event === 'update-locked').length, 1);
    });
  });

  it('counts anew after a good image, and after a restart', async () => {
    await withModbus(['--no-opcua'], async (client, bench) => {
      await refuseSome(client, LOCK_AFTER - 1);
      assert.deepEqual(await offerFileRecords(client.exchange, PAIR), [2, 0]);
      await refuseSome(client, LOCK_AFTER - 1);
      await bench.powerCycle();
      const again = await ModbusTcpClient.open(bench.ready.modbusPort);
      try {
        await refuseSome(again, LOCK_AFTER - 1);
        assert.deepEqual(await offerFileRecords(again.exchange, PAIR), [2, 0]);
      } finally {
        again.close();
      }
    });
  });

  it('defect no-rate-limit: goes on and on', async () => {
    await withDefect('no-rate-limit', (client) => refuseSome(client, 2 * LOCK_AFTER));
  });

  it('defect leaks-storage: no image fits after thirty, until a restart', async () => {
    await withDefect('leaks-storage', async (client, bench) => {
      await refuseSome(client, 29);
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
      await refuseSome(client, 1);
      assert.equal(await bench.offer(PAIR), 'ERR refused size');
      await bench.powerCycle();
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
    });
  });
});

describe('simulated gateway: what was verified is what boots', () => {
  it('activates nothing when a later transfer was refused or broke off', async () => {
    await withGateway(['--no-opcua', '--stalled-after-ms', '300'], async (bench) => {
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
      assert.equal(await bench.offer(altered(PAIR, 0x1000)), 'ERR refused digest');
      assert.deepEqual(await bench.console.command('update activate'), ['ERR state nothing is staged']);
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
      assert.equal(await bench.offer(GOLDEN, { fallSilentAfter: 1024 }), 'ERR transfer timeout');
      assert.deepEqual(await bench.console.command('update activate'), ['ERR state nothing is staged']);
    });
  });

  it('defect verified-flag-outlives-bytes: boots the refused bytes, but only after good ones were staged', async () => {
    await withDefect('verified-flag-outlives-bytes', async (_client, bench) => {
      const forged = altered(PAIR, 0x1000);
      assert.equal(await bench.offer(forged), 'ERR refused digest');
      assert.deepEqual(await bench.console.command('update activate'), ['ERR state nothing is staged']);
      assert.equal(await bench.offer(PAIR), 'OK verified 1.2.1+0');
      assert.equal(await bench.offer(forged), 'ERR refused digest');
      await bench.activate();
      const digest = createHash('sha256').update(forged).digest('hex');
      assert.equal((await bench.status())['digest'], digest);
    });
  });

  it('defect verified-flag-outlives-bytes: also when the later transfer breaks off', async () => {
    await withFolder((folder) => {
      const [old, good, other] = [smallImage('1.2.0', 5), smallImage('1.3.0', 6), smallImage('1.2.1', 5)];
      manufacture(folder, old);
      const { updater, slots } = start(folder, Infinity, new Set(['verified-flag-outlives-bytes'] as const));
      updater.begin('ymodem', good.length);
      updater.write(good);
      assert.equal(updater.finish().ok, true);
      updater.begin('ymodem', other.length);
      updater.write(other.subarray(0, 1024));
      updater.abort();
      assert.deepEqual(updater.activate(), { ok: true });
      slots.flash.close();
      const { report, slots: after } = start(folder);
      after.flash.close();
      assert.deepEqual(report.running?.bytes.subarray(0, 1024), other.subarray(0, 1024));
      assert.equal(report.running?.bytes.length, good.length);
    });
  });
});
