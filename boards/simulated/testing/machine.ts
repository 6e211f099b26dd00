/** For tests: the boot loader and the update service in this very process, with a supply that is cut at a flash step. */

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuditLog } from '../audit-log.ts';
import { boot, type BootReport } from '../boot-loader.ts';
import { FAITHFUL, type Defects } from '../defects.ts';
import { FILES } from '../factory.ts';
import { Flash } from '../flash.ts';
import { shortVersion } from '../mcuboot-image.ts';
import { dataPath } from '../paths.ts';
import { SecurityFloor } from '../security-floor.ts';
import { Slots } from '../slots.ts';
import { loadTrustedKeys } from '../trusted-keys.ts';
import { Updater } from '../updater.ts';
import { buildImage, type ImageRecipe } from '../vendor/build-image.ts';

/** A genuine image of two blocks instead of seven, so that a sweep over every step takes seconds. */
export function smallImage(version: string, counter: number, more: Partial<ImageRecipe> = {}): Buffer {
  const key = createPrivateKey(readFileSync(dataPath('keys', 'public-test-key-p256.pem')));
  return buildImage({ version, counter, key, payloadBytes: 5000, ...more });
}

/** Nothing is timed here: the steps of the flash are the clock. */
const PATIENT = { stalledAfterMs: Infinity, lockedForMs: 1 };

export class PowerCut extends Error {}

export interface Machine {
  slots: Slots;
  floor: SecurityFloor;
  report: BootReport;
  /** The update service of the image that booted. */
  updater: Updater;
}

/** Boots the device in the folder, with the supply cut at the given flash step of this start. */
export function start(
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
export function cutDuring(folder: string, step: number, defects: Defects = FAITHFUL): boolean {
  try {
    start(folder, step, defects).slots.flash.close();
    return false;
  } catch (error) {
    if (error instanceof PowerCut) return true;
    throw error;
  }
}

export function stage(machine: Machine, image: Buffer): void {
  assert.deepEqual(machine.updater.begin('ymodem', image.length), { ok: true });
  assert.ok(machine.updater.write(image));
  assert.equal(machine.updater.finish().ok, true);
  assert.deepEqual(machine.updater.activate(), { ok: true });
}

export function versionOf(report: BootReport): string {
  return report.running === undefined ? report.outcome : shortVersion(report.running.version);
}

/** Saves and puts back the device's whole memory. */
export function snapshot(folder: string, name = 'saved'): () => void {
  const parts = [FILES.flash, FILES.otp];
  for (const part of parts) copyFileSync(join(folder, part), join(folder, `${part}.${name}`));
  return () => {
    for (const part of parts) copyFileSync(join(folder, `${part}.${name}`), join(folder, part));
  };
}
