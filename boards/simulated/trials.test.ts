import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { defectNamed } from './defects.ts';
import { IMAGE, imageFile, withGateway, type TestBench } from './testing/bench.ts';
import { smallImage } from './testing/machine.ts';
import { ModbusTcpClient, request } from './testing/modbus-client.ts';

const GOLDEN = imageFile(IMAGE.golden);
const PAIR = imageFile(IMAGE.pair);
const NEWER = imageFile(IMAGE.newer);
const HANGING = smallImage('1.3.3', 6, { behaviour: 'hang' });

/** Short enough for a test, long enough for a busy machine to confirm within it. */
const TRIAL_MS = '6000';

const withDefect = (defect: string, work: (bench: TestBench) => Promise<void>, ...more: string[]) =>
  withGateway(['--no-opcua', '--defect', defectNamed(defect), ...more], work);

async function startTrial(bench: TestBench, image: Buffer): Promise<void> {
  assert.match(await bench.offer(image), /^OK verified/);
  await bench.activate();
}

async function installAndConfirm(bench: TestBench, image: Buffer): Promise<void> {
  await startTrial(bench, image);
  assert.deepEqual(await bench.console.command('update confirm'), ['OK']);
}

async function digestIs(bench: TestBench, image: Buffer): Promise<void> {
  assert.equal((await bench.status())['digest'], createHash('sha256').update(image).digest('hex'));
}

/** By the device's own clock. @returns false when it was reset meanwhile */
async function runsUntil(bench: TestBench, uptimeMs: number): Promise<boolean> {
  for (let before = 0; ;) {
    const now = Number((await bench.status())['uptime-ms']);
    if (now < before) return false;
    if (now >= uptimeMs) return true;
    before = now;
  }
}

describe('simulated gateway: time limit of a trial', () => {
  it('swaps back a trial that nobody confirms in time, and logs it', async () => {
    await withGateway(['--no-opcua', '--confirm-within-ms', '500'], async (bench) => {
      await startTrial(bench, NEWER);
      await bench.console.waitFor(/SG-1 1\.2\.0 ready\r\n/);
      const { slot, counter } = await bench.status();
      assert.deepEqual([slot, counter], ['confirmed', '5']);
      assert.deepEqual(await bench.logEvents(), ['update-staged', 'image-reverted']);
      assert.equal(await runsUntil(bench, 1500), true);
    });
  });

  it('lets one run on that was confirmed in time', async () => {
    await withGateway(['--no-opcua', '--confirm-within-ms', TRIAL_MS], async (bench) => {
      await installAndConfirm(bench, PAIR);
      assert.equal(await runsUntil(bench, Number(TRIAL_MS) + 500), true);
      await digestIs(bench, PAIR);
    });
  });

  it('has none for a trial with nothing to go back to', async () => {
    const args = ['--no-opcua', '--opened-for-test', '--confirm-within-ms', '500'];
    await withGateway(args, async (bench) => {
      await bench.line(bench.ready.maintenance ?? '').command('tamper code-at-rest');
      await bench.powerCycle(/SG-1 recovery\r\n/);
      await startTrial(bench, GOLDEN);
      assert.equal((await bench.status())['slot'], 'trial');
      assert.equal(await runsUntil(bench, 1500), true);
      assert.deepEqual(await bench.console.command('update revert'), [
        'ERR state there is no image to go back to',
      ]);
    });
  });

  it('defect no-confirmation-timeout: the trial stays until a reset', async () => {
    await withDefect(
      'no-confirmation-timeout',
      async (bench) => {
        await startTrial(bench, PAIR);
        assert.equal(await runsUntil(bench, 1500), true);
        assert.equal((await bench.status())['slot'], 'trial');
        await bench.powerCycle(/SG-1 1\.2\.0 ready\r\n/);
      },
      ...['--confirm-within-ms', '500'],
    );
  });
});

describe('simulated gateway: an image that hangs', () => {
  it('falls silent, is reset by the watchdog, and is swapped back', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      await startTrial(bench, HANGING);
      await bench.console.waitFor(/SG-1 boot loader [^]*SG-1 1\.2\.0 ready\r\n/);
      await digestIs(bench, GOLDEN);
      assert.deepEqual(await bench.logEvents(), ['update-staged', 'image-reverted']);
    });
  });

  it('defect no-watchdog: is silent on every wire until the supply is cut, and then swapped back', async () => {
    await withDefect(
      'no-watchdog',
      async (bench) => {
        await startTrial(bench, HANGING);
        const client = await ModbusTcpClient.open(bench.ready.modbusPort);
        try {
          const ask = () => client.exchangeWith(17, request(4, 0, 1), 300);
          for (;;) if ((await ask().catch(() => undefined)) === undefined) break;
          bench.console.send('status\r');
          await assert.rejects(bench.console.waitFor(/\n/, 1000));
        } finally {
          client.close();
        }
        await bench.powerCycle(/SG-1 1\.2\.0 ready\r\n/);
        assert.ok((await bench.logEvents()).includes('image-reverted'));
      },
      ...['--watchdog-ms', '100', '--confirm-within-ms', '500'],
    );
  });
});

describe('simulated gateway: revert', () => {
  it('goes back from a trial to the image before, and never from a confirmed one', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      assert.deepEqual(await bench.console.command('update revert'), ['ERR refused confirmed']);
      await startTrial(bench, NEWER);
      assert.deepEqual(await bench.console.command('update revert'), ['OK rebooting']);
      await bench.console.waitFor(/SG-1 1\.2\.0 ready\r\n/);
      assert.equal((await bench.status())['counter'], '5');
      await installAndConfirm(bench, PAIR);
      assert.deepEqual(await bench.console.command('update revert'), ['ERR refused confirmed']);
      await bench.powerCycle();
      await digestIs(bench, PAIR);
      assert.deepEqual(await bench.logEvents(), [
        'update-refused',
        'update-staged',
        'image-reverted',
        'update-staged',
        'update-confirmed',
        'update-refused',
      ]);
      const log = await bench.console.command('log since 0');
      assert.match(log.at(-2) ?? '', /event=update-refused object=firmware result=refused text=revert$/);
    });
  });

  it('defect revert-after-confirm: boots the image before, also one below the floor', async () => {
    await withDefect('revert-after-confirm', async (bench) => {
      await installAndConfirm(bench, NEWER);
      assert.deepEqual(await bench.console.command('update revert'), ['OK rebooting']);
      await bench.console.waitFor(/SG-1 1\.2\.0 ready\r\n/);
      const { slot, counter } = await bench.status();
      assert.deepEqual([slot, counter], ['confirmed', '6']);
      await bench.powerCycle(/SG-1 1\.2\.0 ready\r\n/);
    });
  });
});

describe('simulated gateway: counters and versions', () => {
  it('refuses the operator’s override, logs it, and goes on refusing the older image', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      assert.deepEqual(await bench.console.command('update allow-older'), ['ERR refused override']);
      assert.equal(await bench.offer(imageFile(IMAGE.older)), 'ERR refused counter');
      assert.deepEqual(await bench.logEvents(), ['override-refused', 'update-refused']);
    });
  });

  it('defect override-granted: takes and boots the next older image, one only, and logs no override', async () => {
    await withDefect('override-granted', async (bench) => {
      const older = imageFile(IMAGE.older);
      assert.equal(await bench.offer(older), 'ERR refused counter');
      assert.deepEqual(await bench.console.command('update allow-older'), ['OK']);
      const forged = Buffer.from(older);
      forged.writeUInt8(older.readUInt8(0x1000) ^ 1, 0x1000);
      assert.equal(await bench.offer(forged), 'ERR refused digest');
      await installAndConfirm(bench, older);
      await bench.powerCycle();
      await digestIs(bench, older);
      assert.equal(await bench.offer(imageFile(IMAGE.lowerCounter)), 'ERR refused counter');
      assert.ok(!(await bench.logEvents()).includes('override-refused'));
    });
  });

  it('defect counter-wraps: the highest counter is taken, and leaves a floor of zero', async () => {
    await withDefect('counter-wraps', async (bench) => {
      await installAndConfirm(bench, imageFile(IMAGE.highestCounter));
      assert.equal((await bench.status())['counter'], '0');
      await bench.powerCycle();
      assert.equal((await bench.status())['counter'], '0');
      await startTrial(bench, imageFile(IMAGE.older));
    });
  });

  it('takes a lower version with an equal counter; defect lower-version-refused does not', async () => {
    const lower = smallImage('1.1.5', 5);
    await withGateway(['--no-opcua'], async (bench) => {
      await startTrial(bench, lower);
      await digestIs(bench, lower);
    });
    await withDefect('lower-version-refused', async (bench) => {
      assert.equal(await bench.offer(lower), 'ERR refused counter');
      await installAndConfirm(bench, PAIR);
      await installAndConfirm(bench, GOLDEN);
    });
  });
});
