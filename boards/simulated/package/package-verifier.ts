/** Decides whether a package may be installed: everything about it is verified before anything of it is used. */

import { type Defects } from '../defects.ts';
import { type Verdict } from '../image-verifier.ts';
import { ImageRefused } from '../mcuboot-image.ts';
import { type DeviceClock } from './clock.ts';
import { readContents, type Contents } from './contents.ts';
import { readArchive, type ArchivedFile } from './cpio.ts';
import { readDescription } from './description.ts';
import { type PackageFacts } from './records.ts';
import { checkFirmware, checkRelease, type Installed } from './rules.ts';
import { checkSignatures } from './signature.ts';
import { type PackageTrust } from './trust.ts';

export interface VerifierParts {
  trust: PackageTrust;
  clock: DeviceClock;
  installed: Installed;
  defects: Defects;
  /** Verifies the MCUboot image inside. */
  verifyFirmware(bytes: Buffer): Verdict;
  /** Stops everything for good; only a defect calls it. */
  hang(): void;
}

export interface GoodPackage {
  facts: PackageFacts;
  contents: Contents;
  firmware: Extract<Verdict, { ok: true }>;
}

/** @throws ImageRefused with the first reason that there is */
export function verifyPackage(bytes: Buffer, parts: VerifierParts): GoodPackage {
  const { clock, defects, installed, trust } = parts;
  const [description, ...files] = signedDescription(readArchive(bytes));
  const careless = defects.has('accepts-while-clock-unset');
  if (!clock.isSet && !careless) throw new ImageRefused('clock-unset', 'the clock is not set');
  const at = clock.isSet ? clock.now : undefined;
  const certificatesAt = defects.has('ignores-certificate-time') ? undefined : at;
  checkSignatures(description.signature, description.text, { trust, at: certificatesAt, defects });
  const said = readDescription(description.text);
  const facts = checkRelease(said, installed, at, defects);
  const contents = readContents(files, said.files, parts);
  const firmware = parts.verifyFirmware(contents.firmware);
  if (!firmware.ok) throw new ImageRefused(firmware.reason, firmware.detail);
  checkFirmware(firmware.version, installed.firmware, defects);
  return { facts, contents, firmware };
}

/** The description and its signature, which come first, and the files behind them. */
function signedDescription(
  files: readonly ArchivedFile[],
): [{ text: Buffer; signature: Buffer }, ...ArchivedFile[]] {
  const [description, signature, ...rest] = files;
  if (description?.name !== 'sw-description') throw new ImageRefused('format', 'no sw-description in front');
  const empty = signature === undefined || signature.data.length === 0;
  if (empty || signature.name !== 'sw-description.sig') throw new ImageRefused('unsigned', 'no signature');
  return [{ text: description.data, signature: signature.data }, ...rest];
}
