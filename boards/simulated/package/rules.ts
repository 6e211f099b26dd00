/** Which releases may be installed over the one that is there: hardware, age, version, sequence, components. */

import { type Defects } from '../defects.ts';
import { ImageRefused, shortVersion, type ImageVersion } from '../mcuboot-image.ts';
import { type PackageDescription } from './description.ts';
import { LONGEST, type PackageFacts } from './records.ts';
import { compareVersions, parseVersion, type Version } from './version-order.ts';

export interface Installed {
  /** Undefined before anything was installed. */
  facts: PackageFacts | undefined;
  /** Of the running image itself; undefined in recovery. */
  firmware: ImageVersion | undefined;
}

const HARDWARE = 'C';
const COMPONENTS = ['firmware', 'parameters'] as const;

/**
 * What will be written down of the package, if it is installed.
 *
 * @param at the device's time; undefined when it is not looked at, which only defects do
 * @throws ImageRefused `hardware` `no-version` `format` `stale` `version` `sequence` `component`
 */
export function checkRelease(
  description: PackageDescription,
  installed: Installed,
  at: Date | undefined,
  defects: Defects,
): PackageFacts {
  const { hardware, expires } = description;
  if (!hardware.includes(HARDWARE))
    throw new ImageRefused('hardware', `is for ${hardware.join(', ') || 'nothing'}`);
  const facts = factsOf(description, defects);
  if (at !== undefined && at > expires && !defects.has('ignores-expiry')) {
    throw new ImageRefused('stale', `expired at ${expires.toISOString()}, now is ${at.toISOString()}`);
  }
  if (installed.facts !== undefined) checkOrder(facts, installed.facts, defects);
  return facts;
}

function factsOf(description: PackageDescription, defects: Defects): PackageFacts {
  const { version, sequence } = description;
  const [firmware = '', parameters = ''] = COMPONENTS.map((device) => componentVersion(description, device));
  if (version !== undefined)
    return { version: demandVersion(version, LONGEST.version), sequence, firmware, parameters };
  if (defects.has('version-missing-accepted')) return { sequence, firmware, parameters };
  throw new ImageRefused('no-version', 'the package has no version');
}

function componentVersion({ files }: PackageDescription, device: string): string {
  const version = files.find((file) => file.device === device)?.version;
  if (version === undefined) throw new ImageRefused('no-version', `${device} has no version`);
  return demandVersion(version, LONGEST.component);
}

function demandVersion(text: string, longest: number): string {
  if (text.length <= longest && parseVersion(text) !== undefined) return text;
  throw new ImageRefused(
    'format',
    `"${text.slice(0, longest)}" is no version of up to ${longest} characters`,
  );
}

function checkOrder(offered: PackageFacts, installed: PackageFacts, defects: Defects): void {
  if (!defects.has('lower-version-installs')) {
    if (isLower(offered.version, installed.version, defects)) {
      throw new ImageRefused('version', `${offered.version} is lower than ${installed.version}`);
    }
    if (offered.sequence < installed.sequence) {
      throw new ImageRefused('sequence', `${offered.sequence} is lower than ${installed.sequence}`);
    }
  }
  if (defects.has('takes-stale-component')) return;
  for (const component of COMPONENTS) {
    if (!isLower(offered[component], installed[component], defects)) continue;
    throw new ImageRefused(
      'component',
      `${component} ${offered[component]} is lower than ${installed[component]}`,
    );
  }
}

function isLower(offered: string | undefined, installed: string | undefined, defects: Defects): boolean {
  if (offered === undefined || installed === undefined) return false;
  if (defects.has('version-as-text')) return offered < installed;
  const [one, other] = [parseVersion(offered), parseVersion(installed)];
  return one !== undefined && other !== undefined && compareVersions(one, other) < 0;
}

/** A newer manifest makes older firmware no newer. @throws ImageRefused `older-firmware` */
export function checkFirmware(
  offered: ImageVersion,
  running: ImageVersion | undefined,
  defects: Defects,
): void {
  if (running === undefined || defects.has('manifest-number-decides')) return;
  if (compareVersions(numbersOf(offered), numbersOf(running)) >= 0) return;
  throw new ImageRefused('older-firmware', `${shortVersion(offered)} is lower than ${shortVersion(running)}`);
}

function numbersOf({ major, minor, revision }: ImageVersion): Version {
  return { numbers: [major, minor, revision], preRelease: [] };
}
