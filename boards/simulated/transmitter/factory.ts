/** Manufacture: what a new TR-1 holds before it is first switched on. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Flash } from '../flash.ts';
import { FlashJournal } from '../flash-journal.ts';
import { OtpCounter } from '../otp.ts';
import { dataPath } from '../paths.ts';
import { FILES, FLASH_BYTES, LAYOUT } from './layout.ts';
import { type BootRecord } from './store.ts';

/** Security counter of the golden image. */
export const FACTORY_FLOOR = 3;

/** Makes the folder a new device, unless there is one in it. */
export function manufacture(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const flashPath = join(folder, FILES.flash);
  if (existsSync(flashPath)) return;
  const golden = readFileSync(dataPath('transmitter', 'images', 'golden-2.1.0.bin'));
  const cells = Buffer.alloc(FLASH_BYTES, 0xff);
  golden.copy(cells, LAYOUT.slot.start);
  OtpCounter.manufacture(join(folder, FILES.otp), FACTORY_FLOOR);
  writeFileSync(flashPath, cells);
  const flash = new Flash(flashPath, () => undefined);
  new FlashJournal<BootRecord>(flash, LAYOUT.bootRecords).append({
    state: 'settled',
    slot: { bytes: golden.length },
    staging: { bytes: 0, status: 'empty' },
  });
  flash.close();
}
