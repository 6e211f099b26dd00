/** Where things lie: our own package, the user's folder, the runs. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EvidenceError } from '../errors.ts';

const here = fileURLToPath(import.meta.url);

/** True when we run as compiled JavaScript from `dist/`. */
export const compiled = here.endsWith('.js');

/** Folder of our package.json: the repository, or node_modules/fieldproof. */
export const packageRoot: string = findPackageRoot(dirname(here));

function findPackageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new EvidenceError('no-package', `no package.json above ${from}`);
  }
}

/** Where our code lies: the package's root, or its `dist`. */
export const codeRoot: string = compiled ? join(packageRoot, 'dist') : packageRoot;

export function version(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

/** Data of the catalogue: cases, requirements, claims, ledger. */
export const catalogueDir: string = join(packageRoot, 'suites', 'catalogue');

/** Runs are written here unless `--out` says otherwise. */
export function defaultOutDir(): string {
  return resolve('reports', 'out');
}

/** The board that is used when none is named: the simulated gateway of this folder, else the package's own. */
export function defaultBoard(): string {
  const own = resolve('boards', 'simulated-gateway.yaml');
  return existsSync(own) ? own : join(packageRoot, 'boards', 'simulated-gateway.yaml');
}

/** Relative to here when it lies below, else whole. */
export function pathForPeople(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith('..') ? path : below;
}
