/** `fieldproof init`: a folder in which a lab keeps boards of its own. Nobody forks us to add a device. */

import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { packageRoot } from './paths.ts';

/** What is copied from the package, and to where in the new folder. */
const copies: readonly [from: string, to: string][] = [
  ['boards/templates/my-device.yaml', 'boards/my-device.yaml'],
  ['boards/templates/my-device.declaration.yaml', 'boards/my-device.declaration.yaml'],
  ['boards/templates/my-profile.ts', 'boards/my-profile.ts'],
  ['boards/simulated-gateway.yaml', 'boards/simulated-gateway.yaml'],
  ['boards/simulated-gateway.declaration.yaml', 'boards/simulated-gateway.declaration.yaml'],
  ['boards/simulated-console.yaml', 'boards/simulated-console.yaml'],
  ['boards/simulated-console.declaration.yaml', 'boards/simulated-console.declaration.yaml'],
  ['boards/simulated/images', 'boards/simulated/images'],
  ['boards/simulated/keys', 'boards/simulated/keys'],
  ['boards/board.schema.json', 'boards/board.schema.json'],
  ['boards/profile.schema.json', 'boards/profile.schema.json'],
  ['boards/declaration.schema.json', 'boards/declaration.schema.json'],
  ['boards/lab.schema.json', 'boards/lab.schema.json'],
  ['boards/known.schema.json', 'boards/known.schema.json'],
  ['boards/mapping.schema.json', 'boards/mapping.schema.json'],
  ['boards/templates/lab.yaml', 'lab.yaml'],
];

const mocharc = `# BOARD=boards/simulated-gateway.yaml npx mocha — or better: npx fieldproof run
require:
  - fieldproof/mocha-hooks
spec:
  - PACKAGE/dist/suites/signature-rejection/*.suite.js
  - PACKAGE/dist/suites/rollback/*.suite.js
  - PACKAGE/dist/suites/integrity-alarms/*.suite.js
  - PACKAGE/dist/suites/replay/*.suite.js
  # - suites/*.suite.ts # suites of your own: import { testCase } from 'fieldproof'
timeout: 0
retries: 0
fail-zero: true
forbid-only: true
`;

/**
 * @param folder must be new or empty
 * @throws UsageError when something is there already
 */
export function initCommand(folder: string): number {
  const target = resolve(folder);
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new UsageError('folder-in-use', `${target} is not empty`, { hint: 'Name a new folder.' });
  }
  mkdirSync(target, { recursive: true });
  for (const [from, to] of copies) cpSync(join(packageRoot, from), join(target, to), { recursive: true });
  const toPackage = relative(target, packageRoot).replaceAll('\\', '/');
  writeFileSync(join(target, '.mocharc.yml'), mocharc.replaceAll('PACKAGE', toPackage));
  writeFileSync(join(target, '.gitignore'), 'node_modules\nreports/out\n');
  // So that profiles and suites in TypeScript are ES modules, as ours are: one Fieldproof for all of them.
  writeFileSync(join(target, 'package.json'), '{ "private": true, "type": "module" }\n');
  chmodSync(join(target, 'boards/simulated/keys/commands.key'), 0o600);
  process.stdout.write(
    [
      `Made ${target}`,
      '',
      `  cd ${folder}`,
      '  npx fieldproof run                           the simulated gateway, to see how it looks',
      '  npx fieldproof doctor boards/my-device.yaml  then describe your device there, step by step',
      '',
    ].join('\n'),
  );
  return 0;
}
