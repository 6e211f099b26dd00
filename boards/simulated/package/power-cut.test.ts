import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { AuditLog } from '../audit-log.ts';
import { boot } from '../boot-loader.ts';
import { FAITHFUL } from '../defects.ts';
import { FILES } from '../factory.ts';
import { Flash } from '../flash.ts';
import { shortVersion } from '../mcuboot-image.ts';
import { SecurityFloor } from '../security-floor.ts';
import { Slots } from '../slots.ts';
import { withFolder } from '../testing/bench.ts';
import { packageFile } from '../testing/packages.ts';
import { loadTrustedKeys } from '../trusted-keys.ts';
import { Updater } from '../updater.ts';
import { manufacturePackages } from './package-factory.ts';
import { Packages } from './packages.ts';

class PowerCut extends Error {}

/** Starts the device in the folder, with work for it, its supply cut at a flash step. @returns what runs, firmware and package */
function start(
  folder: string,
  work: (updater: Updater) => void = () => undefined,
  cutAtStep = Infinity,
): { firmware: string; version: string | undefined; steps: number } {
  let steps = 0;
  const flash = new Flash(join(folder, FILES.flash), () => {
    steps += 1;
    if (steps > cutAtStep) throw new PowerCut();
  });
  try {
    const floor = new SecurityFloor(join(folder, FILES.otp), FAITHFUL, false);
    const slots = new Slots(flash, loadTrustedKeys(), floor, FAITHFUL);
    const log = new AuditLog(join(folder, FILES.log), FAITHFUL);
    const { running } = boot({ slots, floor, log, defects: FAITHFUL, print: () => undefined });
    assert.ok(running !== undefined);
    const packages = new Packages({ signers: 1, testKey: false }, folder, slots, FAITHFUL);
    const times = { stalledAfterMs: Infinity, lockedForMs: 1 };
    const parts = { slots, floor, log, defects: FAITHFUL, packages, running, times };
    work(new Updater({ ...parts, hang: () => assert.fail('hung') }));
    return { firmware: shortVersion(running.version), version: packages.facts('primary')?.version, steps };
  } finally {
    flash.close();
  }
}

function update(updater: Updater): void {
  const bytes = packageFile('newer-1.11.0');
  assert.deepEqual(updater.begin('ymodem', bytes.length), { ok: true });
  assert.ok(updater.write(bytes));
  assert.equal(updater.finish().ok, true);
  assert.deepEqual(updater.activate(), { ok: true });
}

function confirm(updater: Updater): void {
  assert.deepEqual(updater.confirm(), { ok: true });
}

/** Cuts the supply at every so many steps of a start with its work. @returns what ran after each cut */
function sweep(folder: string, work: ((updater: Updater) => void) | undefined, every: number): Set<string> {
  const parts = [FILES.flash, FILES.otp];
  for (const part of parts) copyFileSync(join(folder, part), join(folder, `${part}.saved`));
  const seen = new Set<string>();
  for (let step = 0, cut = true; cut; step += every) {
    for (const part of parts) copyFileSync(join(folder, `${part}.saved`), join(folder, part));
    try {
      start(folder, work, step);
      cut = false;
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
    }
    const { firmware, version } = start(folder);
    seen.add(`${firmware} of ${version}`);
  }
  return seen;
}

const BOTH = ['1.10.0 of 1.10.0', '1.11.0 of 1.11.0'];

describe('packages: loss of power', () => {
  it('leaves firmware and record of the same package, wherever receiving, swapping or confirming is cut', async () => {
    await withFolder((folder) => {
      manufacturePackages(folder);
      assert.deepEqual([...sweep(folder, update, 3)].sort(), BOTH);
    });
    await withFolder((folder) => {
      manufacturePackages(folder);
      start(folder, update);
      assert.deepEqual([...sweep(folder, undefined, 3)].sort(), BOTH); // a trial, or back from it
    });
    await withFolder((folder) => {
      manufacturePackages(folder);
      start(folder, update);
      assert.deepEqual([...sweep(folder, confirm, 3)].sort(), BOTH);
    });
  });
});
