import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { withFolder, withGateway, type TestBench } from '../testing/bench.ts';
import { GOLDEN, FIRMWARE, packageFile, PARAMETERS } from '../testing/packages.ts';
import { sendYmodem } from '../testing/ymodem-send.ts';
import { describe as describePackage, sealPackage } from '../vendor/build-package.ts';

const MODEL = ['--packages', '--no-opcua', '--opened-for-test'] as const;

async function running(bench: TestBench): Promise<string> {
  const { version, slot } = await bench.status();
  return `${version} ${slot}`;
}

/** Offers a package and boots it; it then runs on trial. */
async function install(bench: TestBench, name: string): Promise<void> {
  assert.match(await bench.offer(packageFile(name)), /^OK verified /);
  await bench.activate();
}

/** A line to the maintenance port, and its answer. */
async function maintain(bench: TestBench, command: string): Promise<string | undefined> {
  const { maintenance } = bench.ready;
  assert.ok(maintenance !== null);
  const line = bench.line(maintenance);
  const answer = await line.command(command);
  line.close();
  return answer.at(-1);
}

describe('packages: the device', () => {
  it('comes with the golden package, and takes it again', async () => {
    await withGateway(MODEL, async (bench) => {
      assert.ok((await bench.console.command('id')).includes('model=SG-1P'));
      const before = await bench.status();
      assert.equal(`${before['version']} ${before['slot']} ${before['counter']}`, '1.10.0 confirmed 5');
      assert.equal(await bench.offer(packageFile('golden-1.10.0')), 'OK verified 1.10.0');
      assert.equal((await bench.status())['staged'], '1.10.0');
      await bench.activate();
      assert.equal(await running(bench), '1.10.0 trial');
      assert.deepEqual(await bench.console.command('update confirm'), ['OK']);
      const after = await bench.status();
      assert.equal(after['digest'], before['digest']);
      assert.equal(await running(bench), '1.10.0 confirmed');
    });
  });

  it('keeps the record of what is installed with the image: through trial, revert, confirmation and power cycle', async () => {
    await withGateway(MODEL, async (bench) => {
      await install(bench, 'newer-1.11.0');
      assert.equal(await running(bench), '1.11.0 trial');
      await bench.powerCycle();
      assert.equal(await running(bench), '1.10.0 confirmed');
      assert.equal(await bench.offer(packageFile('equal-counter-1.9.9')), 'ERR refused version');
      await install(bench, 'newer-1.11.0');
      await bench.console.command('update confirm');
      await bench.powerCycle();
      assert.equal(await running(bench), '1.11.0 confirmed');
      assert.equal(await bench.offer(packageFile('golden-1.10.0')), 'ERR refused version');
      assert.equal((await bench.status())['staged'], 'none');
    });
  });

  it('tells every refusal by its word on the console and in the log', async () => {
    await withGateway(MODEL, async (bench) => {
      assert.equal(await bench.offer(packageFile('expired-1.10.0')), 'ERR refused stale');
      const log = await bench.console.command('log since 0');
      assert.match(log.join('\n'), /event=update-refused object=firmware result=refused text=stale/);
      assert.equal(await running(bench), '1.10.0 confirmed');
    });
  });

  it('has a clock that is set, unset and left to itself, and keeps that over a restart', async () => {
    await withGateway(MODEL, async (bench) => {
      assert.equal(await maintain(bench, 'clock 2121-01-01T00:00:00Z'), 'OK');
      await bench.powerCycle();
      assert.equal(await bench.offer(packageFile('golden-1.10.0')), 'ERR refused expired');
      assert.equal(await maintain(bench, 'clock unset'), 'OK');
      await bench.powerCycle();
      assert.equal(await bench.offer(packageFile('golden-1.10.0')), 'ERR refused clock-unset');
      assert.match((await maintain(bench, 'clock tomorrow')) ?? '', /^ERR no time/);
      assert.equal(await maintain(bench, 'clock auto'), 'OK');
      assert.equal(await bench.offer(packageFile('golden-1.10.0')), 'OK verified 1.10.0');
    });
  });

  it('wants as many signers as it was built for', async () => {
    await withGateway([...MODEL, '--signers', '2'], async (bench) => {
      assert.equal(await bench.offer(packageFile('golden-1.10.0')), 'ERR refused threshold');
      assert.equal(await bench.offer(packageFile('golden2-1.10.0')), 'OK verified 1.10.0');
    });
  });

  it('defect follows-paths: a signed name up the path replaces the log', async () => {
    await withFolder(async (folder) => {
      const log = (): string => readFileSync(join(folder, 'log.jsonl'), 'utf8');
      await withGateway([...MODEL, '--flash', folder], async (bench) => {
        assert.equal(await bench.offer(packageFile('path-traversal-1.10.1')), 'ERR refused path');
        assert.match(log(), /"text":"path"/);
      });
      await withGateway([...MODEL, '--flash', folder, '--defect', 'follows-paths'], async (bench) => {
        assert.equal(await bench.offer(packageFile('path-traversal-1.10.1')), 'OK verified 1.10.1');
        assert.match(log(), /^{"seq":4000000000}\n/);
      });
    });
  });

  it('defect takes-unlisted-files: what nobody described lies where the firmware belongs; the boot loader refuses it', async () => {
    const files = [FIRMWARE, PARAMETERS, { name: 'extra.bin', data: Buffer.from('extra') }];
    const bytes = sealPackage(describePackage(GOLDEN), GOLDEN, files);
    await withGateway([...MODEL, '--defect', 'takes-unlisted-files'], async (bench) => {
      assert.match(await bench.offer(bytes), /^OK verified/);
      await bench.activate();
      assert.equal(await running(bench), '1.10.0 confirmed');
      assert.ok((await bench.logEvents()).includes('boot-refused'));
    });
  });

  it('defect unpacks-without-limit: a bomb silences it until the power is cut', async () => {
    await withGateway([...MODEL, '--defect', 'unpacks-without-limit'], async (bench) => {
      bench.console.send('update ymodem\r');
      await bench.console.waitFor(/READY/);
      await sendYmodem(bench.console, packageFile('bomb-1.10.1'));
      await assert.rejects(bench.console.waitFor(/OK|ERR/, 500));
      await bench.powerCycle();
      assert.equal(await running(bench), '1.10.0 confirmed');
    });
  });
});
