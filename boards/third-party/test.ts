/**
 * `npm run test:devices [-- NAME…]`: the tests of all third-party devices, or of those named, and at the end which of
 * them were tested, and which were not for want of what. Exit code: mocha's.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { missingOf, type ThirdPartyDevice } from './device.ts';
import { devices } from './devices.ts';

const repository = join(import.meta.dirname, '../..');

function main(chosen: readonly string[], known: readonly ThirdPartyDevice[]): number {
  const unknown = chosen.filter((name) => !known.some((device) => device.name === name));
  if (unknown.length > 0) return wrong(`there is no device ${unknown.join(', ')}`, known);
  const tested = chosen.length === 0 ? known : known.filter(({ name }) => chosen.includes(name));
  const untested = tested.filter(({ name }) => testsOf(name).length === 0).map(({ name }) => name);
  if (untested.length > 0) return wrong(`devices without a *.device-test.ts: ${untested.join(', ')}`, known);
  const files = tested.flatMap(({ name }) => testsOf(name));
  const mocha = ['node_modules/mocha/bin/mocha.js', '--config', '.ci/mocharc.devices.yml', ...files];
  const { status } = spawnSync(process.execPath, mocha, { cwd: repository, stdio: 'inherit' });
  console.log(summary(tested));
  return status ?? 1;
}

/** The files of a device's tests, from the repository. */
export function testsOf(name: string): string[] {
  const folder = join('boards/third-party', name);
  const files = readdirSync(join(repository, folder)).filter((file) => file.endsWith('.device-test.ts'));
  return files.sort().map((file) => join(folder, file));
}

/** One line a device. */
export function summary(tested: readonly ThirdPartyDevice[]): string {
  const lines = tested.map((device) => {
    const missing = missingOf(device);
    const { name, title, packages } = device;
    return missing.length === 0
      ? `tested   ${name}: ${title}`
      : `SKIPPED  ${name}: ${title}, for want of ${missing.join(', ')}: apt-get install ${packages.join(' ')}`;
  });
  const skipped = lines.filter((line) => line.startsWith('SKIPPED')).length;
  return [...lines, `Devices: ${lines.length - skipped} tested, ${skipped} skipped`].join('\n');
}

function wrong(text: string, known: readonly ThirdPartyDevice[]): number {
  console.error(`${text}; there are ${known.map(({ name }) => name).join(', ')}`);
  return 64;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main(process.argv.slice(2), await devices());
