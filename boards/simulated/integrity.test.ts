import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { IMAGE, imageFile, withGateway, type Line, type TestBench } from './testing/bench.ts';
import { ModbusTcpClient, readInput, request } from './testing/modbus-client.ts';

/** Tampering → the object that the alarm must name. */
const TAMPERING: readonly (readonly [string, string])[] = [
  ['tamper memory', 'memory'],
  ['tamper executable', 'code'],
  ['tamper configuration', 'configuration'],
  ['start-process intruder', 'process-list'],
  ['kill-monitor', 'monitor'],
  ['tamper baseline', 'baseline'],
];

async function withMaintenance(
  args: readonly string[],
  work: (bench: TestBench, maintenance: Line) => Promise<void>,
): Promise<void> {
  await withGateway(['--no-opcua', '--opened-for-test', ...args], async (bench) => {
    await work(bench, bench.line(bench.ready.maintenance ?? ''));
  });
}

/** Rounds of the monitor are the device's own clock here: enough status commands have been answered meanwhile. */
async function quietFor(bench: TestBench, ms: number): Promise<void> {
  const since = Number((await bench.status())['uptime-ms']);
  while (Number((await bench.status())['uptime-ms']) < since + ms) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('simulated gateway: integrity alarms', () => {
  it('names the right object for each tampering, and is quiet again after restore and acknowledgement', async () => {
    await withMaintenance([], async (bench, maintenance) => {
      let sequence = 0;
      for (const [tampering, object] of TAMPERING) {
        assert.deepEqual(await maintenance.command(tampering), ['OK'], tampering);
        sequence += 1;
        await bench.console.waitFor(new RegExp(`ALARM seq=${sequence} object=${object} text=[^\\r]+\\r\\n`));
        assert.match(
          (await bench.console.command('alarms'))[0] ?? '',
          new RegExp(`^alarm object=${object} `),
        );
        assert.deepEqual(await maintenance.command('restore'), ['OK']);
        await bench.console.command('alarms ack');
      }
      await quietFor(bench, 600);
      assert.deepEqual(await bench.console.command('alarms'), ['OK']);
      assert.equal((await bench.logEvents()).filter((event) => event === 'integrity-alarm').length, sequence);
    });
  });

  it('tells Modbus the same: bits, sequence, object, discrete input', async () => {
    await withMaintenance([], async (bench, maintenance) => {
      const client = await ModbusTcpClient.open(bench.ready.modbusPort);
      try {
        assert.deepEqual(await readInput(client.exchange, 28, 4), [0, 0, 0, 0]);
        await maintenance.command('tamper memory');
        await bench.console.waitFor(/ALARM seq=1/);
        assert.deepEqual(await readInput(client.exchange, 28, 4), [2, 0, 1, 2]);
        assert.deepEqual([...(await client.exchange(request(2, 0, 8)))], [2, 1, 2]);
        assert.deepEqual([...(await client.exchange(request(24, 200)))], [24, 0, 4, 0, 1, 0, 1]);
      } finally {
        client.close();
      }
    });
  });

  it('does not boot code altered at rest: recovery, from which a good image brings it back', async () => {
    await withMaintenance([], async (bench, maintenance) => {
      await maintenance.command('tamper code-at-rest');
      const text = await bench.powerCycle();
      assert.match(text, /slot primary: refused digest[^]*SG-1 recovery/);
      const status = await bench.status();
      assert.deepEqual([status['version'], status['counter']], ['none', '5']);
      assert.ok((await bench.logEvents()).includes('boot-refused'));
      await assert.rejects(ModbusTcpClient.open(bench.ready.modbusPort));
      assert.equal(await bench.offer(imageFile(IMAGE.golden)), 'OK verified 1.2.0+0');
      assert.match(await bench.activate(), /SG-1 1\.2\.0 ready/);
      assert.deepEqual(await bench.console.command('update confirm'), ['OK']);
      await bench.powerCycle(/SG-1 1\.2\.0 ready\r\n/);
    });
  });

  it('does not boot an older image written into its flash, and puts back what was there before a reset', async () => {
    await withMaintenance([], async (bench, maintenance) => {
      const write = 'tamper older-at-rest';
      assert.deepEqual(await maintenance.command(write), ['OK']);
      assert.deepEqual(await maintenance.command('restore'), ['OK']);
      await bench.powerCycle(/slot primary: verified 1\.2\.0[^]*SG-1 1\.2\.0 ready\r\n/);
      await maintenance.command(write);
      assert.match(await bench.powerCycle(), /slot primary: refused counter[^]*SG-1 recovery/);
      assert.ok((await bench.logEvents()).includes('boot-refused'));
      assert.equal(await bench.offer(imageFile(IMAGE.golden)), 'OK verified 1.2.0+0');
      assert.match(await bench.activate(), /SG-1 1\.2\.0 ready/);
      assert.deepEqual(await bench.console.command('update confirm'), ['OK']);
    });
  });

  it('defect boot-ignores-counter: boots the older image that was written, but takes none by a transfer', async () => {
    await withMaintenance(['--defect', 'boot-ignores-counter'], async (bench, maintenance) => {
      assert.equal(await bench.offer(imageFile(IMAGE.older)), 'ERR refused counter');
      await maintenance.command('tamper older-at-rest');
      await bench.powerCycle(/SG-1 1\.1\.0 ready\r\n/);
      assert.equal((await bench.status())['counter'], '5');
    });
  });

  it('recovers a configuration that was altered while it was off, and says so', async () => {
    await withMaintenance([], async (bench, maintenance) => {
      await maintenance.command('tamper configuration');
      await bench.console.waitFor(/ALARM seq=1 object=configuration/);
      await bench.powerCycle(/ready\r\n/);
      assert.match((await bench.console.command('alarms'))[0] ?? '', /^alarm object=configuration/);
      await bench.powerCycle(/ready\r\n/);
      assert.deepEqual(await bench.console.command('alarms'), ['OK']);
    });
  });

  it('has no maintenance port unless it was opened for test', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      assert.equal(bench.ready.maintenance, null);
    });
  });

  const BLIND: readonly (readonly [string, string])[] = [
    ['misses-memory', 'tamper memory'],
    ['misses-executable', 'tamper executable'],
    ['misses-processes', 'start-process intruder'],
    ['misses-monitor', 'kill-monitor'],
    ['misses-baseline', 'tamper baseline'],
  ];
  for (const [defect, tampering] of BLIND) {
    it(`defect ${defect}: does not see "${tampering}", and sees the rest`, async () => {
      await withMaintenance(['--defect', defect], async (bench, maintenance) => {
        await maintenance.command(tampering);
        await quietFor(bench, 1200);
        assert.deepEqual(await bench.console.command('alarms'), ['OK']);
        await maintenance.command('restore');
        await maintenance.command('tamper configuration');
        await bench.console.waitFor(/ALARM seq=1 object=configuration/);
      });
    });
  }

  it('defect silent-alarms: tells nobody', async () => {
    await withMaintenance(['--defect', 'silent-alarms'], async (bench, maintenance) => {
      for (const [tampering] of TAMPERING) await maintenance.command(tampering);
      await quietFor(bench, 1000);
      assert.deepEqual(await bench.console.command('alarms'), ['OK']);
    });
  });

  it('defect silent-on-modbus: the console hears of it, Modbus does not', async () => {
    await withMaintenance(['--defect', 'silent-on-modbus'], async (bench, maintenance) => {
      await maintenance.command('tamper memory');
      await bench.console.waitFor(/ALARM seq=1/);
      const client = await ModbusTcpClient.open(bench.ready.modbusPort);
      try {
        assert.deepEqual(await readInput(client.exchange, 28, 4), [0, 0, 0, 0]);
        assert.deepEqual([...(await client.exchange(request(2, 0, 8)))], [2, 1, 0]);
      } finally {
        client.close();
      }
    });
  });

  it('defect late-alarms: not before three seconds', async () => {
    await withMaintenance(['--defect', 'late-alarms'], async (bench, maintenance) => {
      const before = Number((await bench.status())['uptime-ms']);
      await maintenance.command('tamper memory');
      await bench.console.waitFor(/ALARM seq=1 object=memory/);
      assert.ok(Number((await bench.status())['uptime-ms']) - before >= 2900);
    });
  });

  it('defect false-alarms: alarms with nothing wrong, again and again', async () => {
    await withMaintenance(['--defect', 'false-alarms'], async (bench) => {
      await bench.console.waitFor(/ALARM seq=1/);
      await bench.console.waitFor(/ALARM seq=2/);
    });
  });

  it('defect alarm-names-wrong-object', async () => {
    await withMaintenance(['--defect', 'alarm-names-wrong-object'], async (bench, maintenance) => {
      await maintenance.command('tamper memory');
      await bench.console.waitFor(/ALARM seq=1 object=monitor/);
    });
  });
});
