import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { DriverError, explain, PortError, TimeoutError } from '../../harness/errors.ts';
import type { Driver } from '../../harness/driver.ts';
import { testContext } from '../driver-contract.ts';
import { mediumImageAdapter } from './medium-image.ts';
import { Medium } from './medium.ts';
import { mediumSettings } from './settings.ts';

const image = (text: string) => ({ name: 'firmware.bin', bytes: Buffer.from(text), sha256: '' });

describe('a medium', () => {
  let folder: string;
  let medium: Medium | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fieldproof-medium-'));
    writeFileSync(join(folder, 'disk.img'), Buffer.alloc(64, 0x11));
  });
  afterEach(async () => {
    await medium?.close();
    medium = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  function make(more: Record<string, unknown> = {}) {
    const test = testContext();
    const settings = mediumSettings.parse({ path: 'disk.img', areaBytes: 32, offsetBytes: 8, ...more });
    medium = new Medium(settings, { ...test.context, boardDir: folder });
    return { ...test, medium, ingress: mediumImageAdapter.create({}, medium) };
  }
  const script = (name: string, body: string): string[] => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
    return [`./${name}`];
  };
  const disk = (): string => readFileSync(join(folder, 'disk.img')).toString('latin1');

  it('holds the image, fill to the end of the area, and nothing else of ours', async () => {
    const { medium, ingress, logged, log } = make();
    await medium.open();
    const answer = await ingress.offer(image('golden image'));
    const untouched = (bytes: number): string => '\x11'.repeat(bytes);
    assert.equal(disk(), `${untouched(8)}golden image${'\xff'.repeat(20)}${untouched(24)}`);
    assert.equal(answer.kind, 'accepted');
    assert.deepEqual(answer.delivery, { totalBytes: 12, acknowledgedBytes: 12, complete: true });
    assert.equal(logged.sent, 12);
    assert.match(log.join('\n'), /wrote 12 bytes at 8, filled with 0xff to 32; read back the same, sha256/);
  });

  it('leaves nothing of an earlier image behind a shorter one', async () => {
    const { medium, ingress } = make();
    await medium.open();
    await ingress.offer(image('a long golden image'));
    await ingress.offer(image('short'));
    assert.equal(disk().slice(8, 40), `short${'\xff'.repeat(27)}`);
  });

  it('says in the record when the end of the image cannot be told from the fill', async () => {
    const { medium, log } = make({ fillByte: 0 });
    await medium.open();
    await medium.write(Buffer.from('golden\0'));
    assert.match(log.join('\n'), /ends in the fill byte/);
  });

  it('fills more than one piece', async () => {
    const areaBytes = 2_500_000;
    writeFileSync(join(folder, 'disk.img'), Buffer.alloc(areaBytes));
    const { medium } = make({ areaBytes, offsetBytes: 0 });
    const large = Buffer.alloc(1_500_000, 'image');
    await medium.open();
    await medium.write(large);
    const whole = readFileSync(join(folder, 'disk.img'));
    assert.ok(whole.subarray(0, large.length).equals(large));
    assert.ok(whole.subarray(large.length).every((byte) => byte === 0xff));
  });

  it('is handed to the bench, and back to the device, also when writing failed', async () => {
    const commands = {
      toBenchCommand: script('to-bench', 'echo bench >> log; mv away disk.img'),
      toDeviceCommand: script('to-device', 'echo device >> log; mv disk.img away'),
    };
    const { medium } = make(commands);
    writeFileSync(join(folder, 'away'), readFileSync(join(folder, 'disk.img')));
    rmSync(join(folder, 'disk.img'));
    const told = (): string => readFileSync(join(folder, 'log'), 'latin1');
    await medium.open(); // it need not be there yet
    await medium.write(Buffer.from('golden'));
    assert.equal(told(), 'bench\ndevice\n');
    assert.equal(readFileSync(join(folder, 'away')).toString('latin1', 8, 14), 'golden');
    script('to-bench', 'echo bench >> log; mkdir disk.img');
    await assert.rejects(medium.write(Buffer.from('other')), PortError);
    assert.equal(told(), 'bench\ndevice\nbench\ndevice\n');
  });

  it('is waited for once it was handed to the bench', async () => {
    const { medium } = make({
      toBenchCommand: ['true'],
      toDeviceCommand: ['true'],
      appearsWithinMs: 200,
      path: 'nowhere.img',
    });
    await medium.open();
    await assert.rejects(medium.write(Buffer.from('golden')), TimeoutError);
  });

  it('says what does not fit', async () => {
    const { medium } = make();
    await medium.open();
    await assert.rejects(medium.write(Buffer.alloc(33)), (error: unknown) => {
      assert.ok(error instanceof DriverError);
      assert.match(error.message, /an image of 33 bytes does not fit into the area of 32/);
      return true;
    });
    assert.equal(disk(), '\x11'.repeat(64));
    await assert.rejects(make({ areaBytes: 57 }).medium.open(), (error: unknown) => {
      assert.ok(error instanceof PortError);
      assert.match(explain(error), /cannot be used[^]*it ends at byte 64/);
      return true;
    });
  });

  it('says when the medium is not there, or a program is not', async () => {
    await assert.rejects(make({ path: 'nowhere.img' }).medium.open(), /nowhere\.img cannot be used/);
    const commands = { toBenchCommand: ['no-such-mux'], toDeviceCommand: ['true'] };
    await assert.rejects(make(commands).medium.open(), /no-such-mux: no such program/);
    assert.ok(!mediumSettings.safeParse({ path: 'x', areaBytes: 1, toBenchCommand: ['true'] }).success);
  });

  it('notices what does not hold what was written', async () => {
    // Takes every byte and gives back others, as a worn-out card does.
    const { medium } = make({ path: '/dev/zero' });
    await medium.open();
    await assert.rejects(
      medium.write(Buffer.from('golden')),
      /does not hold what was written, from byte 8 on/,
    );
  });

  it('keeps the life cycle of a driver', async () => {
    const { medium, ingress } = make();
    await medium.close();
    await assert.rejects(ingress.offer(image('x')), DriverError);
    await medium.open();
    await assert.rejects(medium.open(), DriverError);
    await medium.selfTest();
    await medium.close();
    await medium.close();
    await assert.rejects(medium.selfTest(), DriverError);
    await medium.open();
    await ingress.offer(image('x'));
    rmSync(join(folder, 'disk.img'));
    await assert.rejects(medium.selfTest(), PortError);
    await assert.rejects(ingress.offer(image('x')), PortError);
  });

  it('is no other wire', () => {
    const other = { kind: 'serial', name: 'console' } as unknown as Driver;
    assert.throws(() => mediumImageAdapter.create({}, other), /console is serial/);
  });
});
