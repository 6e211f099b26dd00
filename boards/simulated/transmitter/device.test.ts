import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'mocha';
import { crc16Xmodem } from '../crc.ts';
import { nodeArgumentsFor } from '../paths.ts';
import { altered } from '../testing/bench.ts';
import { readU32, request, writeRegisters } from '../testing/modbus-client.ts';
import { STALL_MS } from './updater.ts';
import { AT, exceptionOf, IMAGE, sha256, withTransmitter, type TransmitterBench } from './testing/bench.ts';

async function running(bench: TransmitterBench): Promise<string> {
  return (await bench.status())['digest'] ?? '';
}

describe('simulated transmitter: console', () => {
  it('boots the factory image and says who it is', async () => {
    await withTransmitter([], async (bench) => {
      const { version, digest, counter, staged } = await bench.status();
      assert.deepEqual([version, digest, counter, staged], ['2.1.0', sha256(IMAGE.golden), '3', 'none']);
      assert.ok((await bench.console.command('id')).includes('model=TR-1'));
      assert.deepEqual(await bench.console.command('fly'), ['ERR unknown command; see the datasheet']);
    });
  });

  it('installs over YMODEM for good: verified, staged, copied at the restart that activates it', async () => {
    await withTransmitter([], async (bench) => {
      assert.equal(await bench.offer(IMAGE.newer), 'OK verified 2.2.0');
      const offered = await bench.status();
      assert.deepEqual([offered['version'], offered['staged'], offered['counter']], ['2.1.0', '2.2.0', '3']);
      assert.match(
        await bench.activate(),
        /slot: verified 2\.2\.0\r\nstaging: verified 2\.2\.0\r\nTR-1 2\.2\.0 ready/,
      );
      await bench.restart();
      const { digest, counter, staged } = await bench.status();
      assert.deepEqual([digest, counter, staged], [sha256(IMAGE.newer), '4', 'none']);
      assert.equal(await bench.offer(IMAGE.golden), 'ERR refused counter');
      assert.deepEqual(await bench.console.command('update activate'), ['ERR state nothing is staged']);
      assert.deepEqual(await bench.logEvents(), [
        'update-staged',
        'update-installed',
        'counter-raised',
        'update-refused',
      ]);
    });
  });

  it('keeps what was offered over a restart, and drops it when told to', async () => {
    await withTransmitter([], async (bench) => {
      await bench.offer(IMAGE.pair);
      await bench.restart();
      assert.equal((await bench.status())['staged'], '2.1.1');
      assert.deepEqual(await bench.console.command('update discard'), ['OK']);
      await bench.restart();
      assert.equal(await running(bench), sha256(IMAGE.golden));
    });
  });

  it('refuses forged images, and runs the same after a restart', async () => {
    await withTransmitter([], async (bench) => {
      assert.equal(await bench.offer(altered(IMAGE.pair, AT.payload)), 'ERR refused ed25519');
      assert.equal(await bench.offer(altered(IMAGE.pair, AT.mlDsa)), 'ERR refused ml-dsa');
      assert.equal(await bench.offer(IMAGE.pair, { stopAfter: 9000 }), 'ERR refused truncated');
      assert.equal(await bench.offer(IMAGE.oversize), 'ERR refused size');
      assert.equal(await bench.offer(IMAGE.oversize, { withoutSize: true }), 'ERR refused size');
      assert.equal(await bench.offer(altered(IMAGE.pair, AT.ed25519)), 'ERR refused ed25519');
      assert.match(await bench.restart(), /slot: verified 2\.1\.0\r\nstaging: empty\r\n/);
      assert.equal(await running(bench), sha256(IMAGE.golden));
    });
  });

  it('answers nothing between the order to restart and the restart', async () => {
    await withTransmitter([], async (bench) => {
      bench.console.send('reboot\rstatus\r');
      const text = await bench.console.waitFor(/TR-1 2\.1\.0 ready\r\n/);
      assert.match(text, /^OK rebooting\r\nTR-1 boot loader/);
    });
  });

  it('keeps its counter floor over a factory reset, which clears the damping', async () => {
    await withTransmitter([], async (bench) => {
      await bench.modbus(request(6, 0, 900));
      assert.equal((await bench.status())['damping-ms'], '900');
      await bench.restart('factory-reset');
      assert.equal((await bench.status())['damping-ms'], '200');
      assert.equal(await bench.offer(IMAGE.older), 'ERR refused counter');
    });
  });

  it('ends a transfer that stalls, tells of it, and takes the next one', async () => {
    await withTransmitter([], async (bench) => {
      bench.console.send('update ymodem\r');
      await bench.console.waitFor(/READY\r\nC/);
      bench.console.send(blockZero(IMAGE.pair.length));
      const text = await bench.console.waitFor(/ERR[^\r]*\r\n/, 2 * STALL_MS);
      assert.match(text, /\x18{5}\r\nupdate: received 0 bytes\r\nERR refused stalled\r\n$/);
      assert.deepEqual(await bench.logEvents(), ['transfer-ended', 'update-refused']);
      assert.equal(await bench.offer(IMAGE.pair), 'OK verified 2.1.1');
    });
  });
});

describe('simulated transmitter: Modbus RTU', () => {
  it('shows version, digest, floor and a process value that moves', async () => {
    await withTransmitter([], async (bench) => {
      const words = await bench.modbus(request(4, 0, 3));
      assert.deepEqual([...words], [4, 6, 0, 2, 0, 1, 0, 0]);
      assert.equal(await readU32(bench.modbus, 5), 3);
      assert.equal((await bench.modbus(request(4, 8, 16))).subarray(2).toString('hex'), sha256(IMAGE.golden));
      const first = await readU32(bench.modbus, 24);
      const end = Date.now() + 5000;
      while ((await readU32(bench.modbus, 24)) === first) assert.ok(Date.now() < end, 'it stands still');
      assert.equal(await exceptionOf(bench, 4, 3, 1), 2);
      assert.equal(await exceptionOf(bench, 1, 0, 1), 1);
    });
  });

  it('takes firmware through file records, and refuses forged firmware with the reason', async () => {
    await withTransmitter([], async (bench) => {
      assert.deepEqual(await bench.offerRecords(altered(IMAGE.pair, AT.mlDsa)), [3, 6]);
      assert.deepEqual(await bench.offerRecords(IMAGE.pair), [2, 0]);
      await bench.modbus(request(6, 122, 3));
      await bench.console.waitFor(/TR-1 2\.1\.1 ready\r\n/);
      assert.equal(await running(bench), sha256(IMAGE.pair));
    });
  });

  it('keeps the two ways in apart', async () => {
    await withTransmitter([], async (bench) => {
      await bench.modbus(writeRegisters(120, [0, 1000, 1]));
      assert.match((await bench.console.command('update ymodem')).at(-1) ?? '', /^ERR busy/);
      assert.match((await bench.console.command('update discard')).at(-1) ?? '', /^ERR state/);
    });
  });
});

describe('simulated transmitter: defects of the device', () => {
  it('tr-restart-forgets: says no, and runs it after the restart', async () => {
    await withTransmitter(['--defect', 'tr-restart-forgets'], async (bench) => {
      const forged = altered(IMAGE.pair, AT.payload);
      assert.equal(await bench.offer(forged), 'ERR refused ed25519');
      assert.equal(await running(bench), sha256(IMAGE.golden));
      assert.deepEqual(await bench.console.command('update activate'), ['ERR state nothing is staged']);
      await bench.restart();
      assert.equal(await running(bench), sha256(forged));
      assert.equal(await bench.offer(IMAGE.golden), 'OK verified 2.1.0');
      await bench.activate();
      await bench.restart();
      assert.equal(await running(bench), sha256(IMAGE.golden));
    });
  });

  it('tr-file-records-unverified: this way in only', async () => {
    await withTransmitter(['--defect', 'tr-file-records-unverified'], async (bench) => {
      const forged = altered(IMAGE.pair, AT.payload);
      assert.equal(await bench.offer(forged), 'ERR refused ed25519');
      assert.deepEqual(await bench.offerRecords(forged), [2, 0]);
      await bench.modbus(request(6, 122, 3));
      await bench.console.waitFor(/TR-1 2\.1\.1 ready\r\n/);
      assert.equal(await running(bench), sha256(forged));
    });
  });

  it('tr-ignores-counter: boots the older release, and keeps the floor', async () => {
    await withTransmitter(['--defect', 'tr-ignores-counter'], async (bench) => {
      assert.equal(await bench.offer(IMAGE.older), 'OK verified 2.0.0');
      await bench.activate();
      const { version, counter } = await bench.status();
      assert.deepEqual([version, counter], ['2.0.0', '3']);
    });
  });
});

describe('simulated transmitter: program', () => {
  it('refuses a wrong command line with status 64 and one sentence', async () => {
    for (const [args, sentence] of [
      [['--defect', 'ignore-counter'], /unknown defect "ignore-counter"; TR-1 has: tr-one-leg-suffices/],
      [['--control', 'tcp'], /--control tcp: only "stdio" is there/],
      [['--opened-for-test'], /--opened-for-test/],
    ] as const) {
      const child = spawn(process.execPath, [...nodeArgumentsFor('transmitter/main'), ...args], {
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

/** Block 0 of YMODEM: a name and a size, and then nothing. */
function blockZero(bytes: number): Buffer {
  const data = Buffer.alloc(128);
  data.write(`image.bin\0${bytes} `, 'latin1');
  const crc = crc16Xmodem(data);
  return Buffer.concat([Buffer.of(0x01, 0, 0xff), data, Buffer.of(crc >> 8, crc & 0xff)]);
}
