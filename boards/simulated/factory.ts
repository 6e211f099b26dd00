/** Manufacture: what a new device holds before it is first switched on. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataPath } from './paths.ts';
import { Flash, FLASH_BYTES, LAYOUT } from './flash.ts';
import { FlashJournal } from './flash-journal.ts';
import { OtpCounter } from './otp.ts';
import { type BootRecord } from './slots.ts';

/** Security counter of the golden image. */
export const FACTORY_FLOOR = 5;

export const FILES = {
  flash: 'flash.bin',
  otp: 'otp.bin',
  log: 'log.jsonl',
  executable: 'running.bin',
  opcua: 'opcua',
} as const;

/** Makes the folder a new device, unless there is one in it. @param image first image; the golden one unless told */
export function manufacture(folder: string, image?: Buffer): void {
  mkdirSync(folder, { recursive: true });
  const flashPath = join(folder, FILES.flash);
  if (existsSync(flashPath)) return;
  const golden = image ?? readFileSync(dataPath('images', 'golden-1.2.0.bin'));
  const cells = Buffer.alloc(FLASH_BYTES, 0xff);
  golden.copy(cells, LAYOUT.primary.start);
  OtpCounter.manufacture(join(folder, FILES.otp), FACTORY_FLOOR);
  writeFileSync(flashPath, cells);
  const flash = new Flash(flashPath, () => undefined);
  new FlashJournal<BootRecord>(flash, LAYOUT.bootRecords).append({
    state: 'settled',
    staged: false,
    primary: { bytes: golden.length },
    secondary: { bytes: 0 },
    fresh: true,
  });
  flash.close();
}
