import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { AuditLog } from './audit-log.ts';
import { boot, type BootReport } from './boot-loader.ts';
import { FAITHFUL, type Defects } from './defects.ts';
import { FILES, manufacture } from './factory.ts';
import { Flash } from './flash.ts';
import { shortVersion } from './mcuboot-image.ts';
import { SecurityFloor } from './security-floor.ts';
import { Slots } from './slots.ts';
import { IMAGE, imageFile, withFolder } from './testing/bench.ts';
import { dataPath } from './paths.ts';
import { buildImage } from './vendor/build-image.ts';
import { loadTrustedKeys } from './trusted-keys.ts';
import { Updater } from './updater.ts';

/** Two blocks instead of seven, so that the sweep over every step takes seconds. */
function smallImage(version: string, counter: number): Buffer {
  const key = createPrivateKey(readFileSync(dataPath('keys', 'public-test-key-p256.pem')));
  return buildImage({ version, counter, key, payloadBytes: 5000 });
}

const OLD = smallImage('1.2.0', 5);
const NEW = smallImage('1.3.0', 6);
const PAIR = smallImage('1.2.1', 5);

/** Nothing is timed here: the steps of the flash are the clock. */
const PATIENT = { stalledAfterMs: Infinity, lockedForMs: 1 };

class PowerCut extends Error {}

interface Machine {
  slots: Slots;
  floor: SecurityFloor;
  report: BootReport;
  /** The update service of the image that booted. */
  updater: Updater;
}

/** Boots the device in the folder, with the supply cut at the given flash step of this start. */
function start(
  folder: string,
  cutAtStep = Infinity,
  defects: Defects = FAITHFUL,
): Machine & { steps: number } {
  let steps = 0;
  const flash = new Flash(join(folder, FILES.flash), () => {
    steps += 1;
    if (steps > cutAtStep) throw new PowerCut();
  });
  try {
    const floor = new SecurityFloor(join(folder, FILES.otp), defects, false);
    const slots = new Slots(flash, loadTrustedKeys(), floor, defects);
    const log = new AuditLog(join(folder, FILES.log), defects);
    const report = boot({ slots, floor, log, defects, print: () => undefined });
    const { running } = report;
    const hang = (): void => undefined;
    const updater = new Updater({ slots, floor, log, defects, times: PATIENT, running, hang });
    return { slots, floor, report, updater, steps };
  } catch (error) {
    flash.close();
    throw error;
  }
}

/** True when the supply was cut before the start was over. */
function cutDuring(folder: string, step: number): boolean {
  try {
    start(folder, step).slots.flash.close();
    return false;
  } catch (error) {
    if (error instanceof PowerCut) return true;
    throw error;
  }
}

function stage(machine: Machine, image: Buffer): void {
  assert.deepEqual(machine.updater.begin('ymodem', image.length), { ok: true });
  assert.ok(machine.updater.write(image));
  assert.equal(machine.updater.finish().ok, true);
  assert.deepEqual(machine.updater.activate(), { ok: true });
}

function versionOf(report: BootReport): string {
  return report.running === undefined ? report.outcome : shortVersion(report.running.version);
}

/** Saves and puts back the device's whole memory. */
function snapshot(folder: string): () => void {
  const parts = [FILES.flash, FILES.otp];
  for (const part of parts) copyFileSync(join(folder, part), join(folder, `${part}.saved`));
  return () => {
    for (const part of parts) copyFileSync(join(folder, `${part}.saved`), join(folder, part));
  };
}

describe('simulated gateway: swap of the slots', () => {
  it('boots the new image whole after a cut at every single step of the swap', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      const restore = snapshot(folder);
      let step = 0;
      for (; cutDuring(folder, step); step += 1) {
        const after = start(folder);
        assert.equal(versionOf(after.report), '1.3.0', `cut at step ${step}`);
        assert.equal(after.updater.confirmation, 'trial');
        after.slots.flash.close();
        restore();
      }
      assert.ok(step > 400, `only ${step} steps: the sweep has missed the swap`);
    });
  });

  it('boots the old image whole after a cut at every step of the revert, and the two slots have changed places', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      start(folder).slots.flash.close();
      const restore = snapshot(folder);
      let step = 0;
      for (; cutDuring(folder, step); step += 1) {
        const after = start(folder);
        assert.equal(versionOf(after.report), '1.2.0', `cut at step ${step}`);
        assert.equal(after.updater.confirmation, 'confirmed');
        assert.deepEqual(after.slots.imageBytes('secondary'), NEW);
        after.slots.flash.close();
        restore();
      }
      assert.ok(step > 400, `only ${step} steps: the sweep has missed the revert`);
    });
  });

  it('survives a second cut while it finishes after the first', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, PAIR);
      machine.slots.flash.close();
      const restore = snapshot(folder);
      for (let first = 3; first < 400; first += 31) {
        for (let second = 1; second < 400; second += 47) {
          assert.ok(cutDuring(folder, first));
          cutDuring(folder, second);
          const after = start(folder);
          // The second start may have finished the update; the third then takes the trial back.
          assert.ok(['1.2.0', '1.2.1'].includes(versionOf(after.report)), `cuts at ${first}, ${second}`);
          after.slots.flash.close();
          restore();
        }
      }
    });
  });

  it('boots the old image after a cut at every step of receiving and ordering an update', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      start(folder).slots.flash.close();
      const restore = snapshot(folder);
      const image = NEW;
      let cut = true;
      for (let step = 0; cut; step += 7) {
        let machine: Machine | undefined;
        try {
          machine = start(folder, step);
          stage(machine, image);
          cut = false;
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        machine?.slots.flash.close();
        const after = start(folder);
        const record = after.slots.record;
        if (cut) assert.ok(['1.2.0', '1.3.0'].includes(versionOf(after.report)), `cut at step ${step}`);
        else assert.equal(versionOf(after.report), '1.3.0');
        if (versionOf(after.report) === '1.3.0') assert.equal(record.state, 'trial');
        after.slots.flash.close();
        restore();
      }
    });
  });

  it('does the same with the images of the shelf', async () => {
    await withFolder((folder) => {
      manufacture(folder);
      const machine = start(folder);
      stage(machine, imageFile(IMAGE.newer));
      machine.slots.flash.close();
      const restore = snapshot(folder);
      for (let step = 5; cutDuring(folder, step); step += 101) {
        const after = start(folder);
        assert.equal(versionOf(after.report), '1.3.0', `cut at step ${step}`);
        after.slots.flash.close();
        restore();
      }
    });
  });

  it('raises the floor at the next start when a confirmation was cut before the bits were burnt', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      const trial = start(folder);
      trial.slots.update({ state: 'settled' });
      trial.slots.flash.close();
      assert.equal(trial.floor.value, 5);
      const after = start(folder);
      after.slots.flash.close();
      assert.equal(after.floor.value, 6);
    });
  });

  it('defect torn-update-bricks: a cut during the swap leaves nothing that boots', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      assert.ok(cutDuring(folder, 200));
      const defects: Defects = new Set(['torn-update-bricks'] as const);
      const bricked = start(folder, Infinity, defects);
      bricked.slots.flash.close();
      assert.equal(bricked.report.outcome, 'dead');
    });
  });
});
