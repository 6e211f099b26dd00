/** Manufacture of the model that takes packages: its first firmware is that of the vendor's golden package. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FILES, manufacture } from '../factory.ts';
import { Flash, LAYOUT } from '../flash.ts';
import { FlashJournal } from '../flash-journal.ts';
import { dataPath } from '../paths.ts';
import { type BootRecord } from '../slots.ts';
import { readArchive } from './cpio.ts';
import { readDescription } from './description.ts';
import { PackageRecords } from './records.ts';

/** Makes the folder a new device, unless there is one in it. @param golden its first package; the vendor's unless told */
export function manufacturePackages(
  folder: string,
  golden: Buffer = readFileSync(dataPath('images', 'packages', 'golden-1.10.0.swu')),
): void {
  if (existsSync(join(folder, FILES.flash))) return;
  const files = readArchive(golden);
  const said = readDescription(dataOf(files, 'sw-description'));
  const [firmware, parameters] = ['firmware', 'parameters'].map((device) =>
    said.files.find((file) => file.device === device),
  );
  manufacture(folder, dataOf(files, firmware?.filename ?? ''));
  const flash = new Flash(join(folder, FILES.flash), () => undefined);
  const number = new PackageRecords(flash).add(
    {
      version: said.version ?? '0.0.0',
      sequence: said.sequence,
      firmware: firmware?.version ?? '0',
      parameters: parameters?.version ?? '0',
    },
    undefined,
  );
  const records = new FlashJournal<BootRecord>(flash, LAYOUT.bootRecords);
  const record = records.newest;
  if (record !== undefined) records.append({ ...record, primary: { ...record.primary, package: number } });
  flash.close();
}

function dataOf(files: readonly { name: string; data: Buffer }[], name: string): Buffer {
  return files.find((file) => file.name === name)?.data ?? Buffer.alloc(0);
}
