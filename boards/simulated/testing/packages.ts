/** Packages for tests: the golden one with one thing changed, and what the device makes of it without a wire. */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DefectName } from '../defects.ts';
import { ImageRefused } from '../mcuboot-image.ts';
import { verifyImage } from '../image-verifier.ts';
import { DeviceClock } from '../package/clock.ts';
import { verifyPackage } from '../package/package-verifier.ts';
import { type Installed } from '../package/rules.ts';
import { loadTrust, type PackageModel } from '../package/trust.ts';
import { dataPath } from '../paths.ts';
import { loadTrustedKeys } from '../trusted-keys.ts';
import { buildImage } from '../vendor/build-image.ts';
import { type PackageFile, type PackageRecipe } from '../vendor/build-package.ts';
import { issueCertificate, type CertificateRecipe } from '../vendor/certificates.ts';
import { loadPackageAuthority, newKey } from '../vendor/package-authority.ts';
import { type Signer } from '../vendor/sign-description.ts';
import { withFolder } from './bench.ts';

export const authority = loadPackageAuthority();

const firmwareKey = createPrivateKey(readFileSync(dataPath('keys', 'public-test-key-ed25519.pem')));

export const FIRMWARE: PackageFile = firmware('1.10.0');
export const PARAMETERS: PackageFile = {
  name: 'parameters.bin',
  device: 'parameters',
  version: '3',
  data: Buffer.from('SG-1 parameters 3\n'),
};
export const GOLDEN: PackageRecipe = {
  version: '1.10.0',
  sequence: 10,
  files: [FIRMWARE, PARAMETERS],
  signers: [authority.release],
  intermediates: [authority.intermediate.certificate],
};
export const INSTALLED: Installed = {
  facts: { version: '1.10.0', sequence: 10, firmware: '1.10.0', parameters: '3' },
  firmware: { major: 1, minor: 10, revision: 0, build: 0 },
};

export function firmware(version: string, counter = 5): PackageFile {
  const data = buildImage({ version, counter, key: firmwareKey, payloadBytes: 256 });
  return { name: 'firmware.bin', device: 'firmware', version, data };
}

/** A package from the shelf, without `.swu`. */
export function packageFile(name: string): Buffer {
  return readFileSync(dataPath('images', 'packages', `${name}.swu`));
}

/** A signer with a new key, issued by the test authority unless told. */
export function signer(
  recipe: Partial<CertificateRecipe> = {},
  issuer: { name: string; key: KeyObject } = { name: 'SG-1 Test CA', key: authority.test.key },
): Signer {
  const key = recipe.key ?? newKey();
  return { key, certificate: issueCertificate({ name: 'SG-1 Release', issuer, ...recipe, key }) };
}

export interface Circumstances {
  defects?: readonly DefectName[];
  model?: Partial<PackageModel>;
  installed?: Installed;
  /** As the maintenance port takes it; the host's time unless told. */
  clock?: string;
}

/** `accepted`, `hung`, or the reason of refusal. */
export async function verdictOn(bytes: Buffer, circumstances: Circumstances = {}): Promise<string> {
  const { model, installed = INSTALLED, clock: time = 'auto' } = circumstances;
  const defects = new Set(circumstances.defects);
  let verdict = 'accepted';
  await withFolder((folder) => {
    const clock = new DeviceClock(join(folder, 'clock.json'));
    if (!clock.set(time)) throw new Error(`${time} is no time`);
    const trust = loadTrust({ signers: 1, testKey: true, ...model });
    const verifyFirmware = (image: Buffer) =>
      verifyImage(image, { keys: loadTrustedKeys(), floor: 5, defects });
    const hang = (): never => {
      throw new Hung();
    };
    try {
      verifyPackage(bytes, { trust, clock, installed, defects, verifyFirmware, hang });
    } catch (error) {
      if (error instanceof Hung) verdict = 'hung';
      else if (error instanceof ImageRefused) verdict = error.reason;
      else throw error;
    }
  });
  return verdict;
}

class Hung extends Error {}
