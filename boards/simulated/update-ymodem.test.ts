import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { altered, IMAGE, imageFile, withGateway } from './testing/bench.ts';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('simulated gateway: update over YMODEM', () => {
  it('boots the factory image, and a newer one as a trial that a confirmation makes permanent', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      const factory = await bench.status();
      assert.equal(factory['version'], '1.2.0+0');
      assert.equal(factory['digest'], sha256(imageFile(IMAGE.golden)));
      assert.equal(await bench.offer(imageFile(IMAGE.newer)), 'OK verified 1.3.0+0');
      assert.equal((await bench.status())['staged'], '1.3.0+0');
      assert.match(await bench.activate(), /slot primary: verified 1\.3\.0\r\n[^]*SG-1 1\.3\.0 ready/);
      const trial = await bench.status();
      assert.deepEqual([trial['version'], trial['slot'], trial['counter']], ['1.3.0+0', 'trial', '5']);
      assert.match(
        (await bench.console.command('update ymodem')).at(-1) ?? '',
        /^ERR busy confirm the trial/,
      );
      assert.deepEqual(await bench.console.command('update confirm'), ['OK']);
      await bench.powerCycle();
      const confirmed = await bench.status();
      assert.deepEqual(
        [confirmed['version'], confirmed['slot'], confirmed['counter']],
        ['1.3.0+0', 'confirmed', '6'],
      );
      assert.equal(confirmed['digest'], sha256(imageFile(IMAGE.newer)));
      assert.equal(await bench.offer(imageFile(IMAGE.golden)), 'ERR refused counter');
      assert.deepEqual(await bench.logEvents(), [
        'update-staged',
        'update-confirmed',
        'counter-raised',
        'update-refused',
      ]);
    });
  });

  it('takes an unconfirmed trial back at the next reset', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      await bench.offer(imageFile(IMAGE.pair));
      await bench.activate();
      assert.equal((await bench.status())['version'], '1.2.1+0');
      await bench.powerCycle();
      const status = await bench.status();
      assert.deepEqual([status['version'], status['slot']], ['1.2.0+0', 'confirmed']);
      assert.ok((await bench.logEvents()).includes('image-reverted'));
    });
  });

  it('refuses each forged or unsuitable image with its own reason and runs on unchanged', async () => {
    const golden = imageFile(IMAGE.golden);
    const offers: [Buffer, string][] = [
      [altered(golden, 0), 'format'],
      [altered(golden, 0x300), 'digest'],
      [altered(golden, golden.length - 4), 'signature'],
      [golden.subarray(0, -1), 'truncated'],
      [Buffer.concat([golden, Buffer.from('more')]), 'size'],
      [imageFile(IMAGE.older), 'counter'],
      [imageFile(IMAGE.lowerCounter), 'counter'],
      [imageFile(IMAGE.noCounter), 'no-counter'],
      [imageFile(IMAGE.otherHardware), 'hardware'],
      [imageFile(IMAGE.highestCounter), 'counter'],
      [Buffer.alloc(0x10001, 1), 'size'],
    ];
    await withGateway(['--no-opcua'], async (bench) => {
      const before = await bench.status();
      for (const [bytes, reason] of offers) assert.equal(await bench.offer(bytes), `ERR refused ${reason}`);
      assert.deepEqual(await bench.console.command('update activate'), ['ERR state nothing is staged']);
      await bench.powerCycle();
      const after = await bench.status();
      assert.deepEqual({ ...after, 'uptime-ms': '' }, { ...before, 'uptime-ms': '' });
      assert.equal(
        (await bench.logEvents()).filter((event) => event === 'update-refused').length,
        offers.length,
      );
      assert.equal(await bench.offer(golden), 'OK verified 1.2.0+0');
    });
  });

  it('survives damaged blocks, small blocks and a missing size, and refuses a file that ends early', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      const golden = imageFile(IMAGE.golden);
      assert.equal(await bench.offer(golden, { damage: new Set([0, 1, 7]) }), 'OK verified 1.2.0+0');
      assert.equal(await bench.offer(golden, { blockBytes: 128 }), 'OK verified 1.2.0+0');
      assert.equal(await bench.offer(golden, { stopAfter: 2048 }), 'ERR refused truncated');
    });
  });

  it('defect accept-any-signature: runs an image whose signature was altered', async () => {
    await withGateway(['--no-opcua', '--defect', 'accept-any-signature'], async (bench) => {
      const golden = imageFile(IMAGE.golden);
      const forged = altered(golden, golden.length - 4);
      assert.equal(await bench.offer(forged), 'OK verified 1.2.0+0');
      await bench.activate();
      assert.equal((await bench.status())['digest'], sha256(forged));
    });
  });
});
