/**
 * `npm run test:devices [-- NAME…]`: the tests of all third-party devices, or of those named, and at the end which of
 * them were tested, and which were not for want of what. Exit code: mocha's.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { missingOf, type ThirdPartyDevice } from './device.ts';
import { devices } from './devices.ts';

const repository = join(import.meta.dirname, '../..');

function main(chosen: readonly string[], known: readonly ThirdPartyDevice[]): number {
  const unknown = chosen.filter((name) => !known.some((device) => device.name === name));
  if (unknown.length > 0) return wrong(`there is no device ${unknown.join(', ')}`, known);
  const tested = chosen.length === 0 ? known : known.filter(({ name }) => chosen.includes(name));
  const files = tested.map(({ name }) => join('boards/third-party', name, `${name}.device-test.ts`));
  const absent = files.filter((file) => !existsSync(join(repository, file)));
  if (absent.length > 0) return wrong(`a device without its test: ${absent.join(', ')} is not there`, known);
  const mocha = ['node_modules/mocha/bin/mocha.js', '--config', '.ci/mocharc.devices.yml', ...files];
  const { status } = spawnSync(process.execPath, mocha, { cwd: repository, stdio: 'inherit' });
  console.log(summary(tested));
  return status ?? 1;
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
