/** Where the device's parts and data lie, run from source (.ts, through tsx) or compiled (.js). */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ownExtension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The folder that holds package.json, found by walking up. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}`);
    folder = parent;
  }
  return folder;
}

/** A committed data file of the device: keys and images stay in the source tree, also when the code is compiled. */
export function dataPath(...parts: string[]): string {
  return join(packageRoot(), 'boards', 'simulated', ...parts);
}

/** Arguments for node that run a sibling module, `device` or `opcua/server`, the way this one is run. */
export function nodeArgumentsFor(module: string): string[] {
  const script = fileURLToPath(new URL(`./${module}${ownExtension}`, import.meta.url));
  return ownExtension === '.ts'
    ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href, script]
    : [script];
}
