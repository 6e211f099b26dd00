/** Puts the trial together: the device is made anew, powered, judged by `fieldproof run`, and gone at the end. */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Machine } from './machine.ts';

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, '../../..');

const given = process.argv.slice(2);
/** Kinds of device; the rest is for `fieldproof run`. */
const kinds = ['--no-key', '--external-data'].filter((kind) => given.includes(kind));
const options = given.filter((option) => !kinds.includes(option));
const folder = join(repository, 'reports/out', `trial-u-boot${kinds.map((kind) => kind.slice(1)).join('')}`);

const cases =
  'SIG-01 SIG-02 SIG-03 SIG-04 SIG-05 SIG-06 SIG-14 SIG-15 SIG-17 SIG-18 SIG-19 SIG-21 RB-01 RB-02 RB-04'.split(
    ' ',
  );

/** What the board file takes from the environment: where the device is, and what was made for it. */
function surroundings(port: number): NodeJS.ProcessEnv {
  const sha256 = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(folder, `${name}.itb`)))
      .digest('hex');
  return {
    ...process.env,
    TRIAL_FOLDER: relative(here, folder),
    TRIAL_SUPPLY_PORT: String(port),
    TRIAL_GOLDEN_SHA256: sha256('golden'),
    TRIAL_PAIR_SHA256: sha256('pair'),
    TRIAL_OLDER_SHA256: sha256('older'),
  };
}

function prepare(): void {
  mkdirSync(folder, { recursive: true });
  const made = spawnSync(join(here, 'prepare'), [folder, ...kinds], { stdio: 'inherit' });
  if (made.status !== 0) process.exit(made.status ?? 3);
}

async function judge(port: number): Promise<number> {
  const chosen = options.includes('--case') ? [] : cases.flatMap((id) => ['--case', id]);
  const out = options.includes('--out') ? [] : ['--out', join(folder, 'runs')];
  const run = ['dist/harness/cli/main.js', 'run', join(here, 'u-boot.yaml'), ...chosen, ...out, ...options];
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', process.execPath, ...run], {
    cwd: repository,
    env: surroundings(port),
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 3;
}

prepare();
const machine = new Machine(join(folder, 'control.dtb'), join(folder, 'console'));
try {
  const port = await machine.listen();
  machine.on();
  process.exitCode = await judge(port);
} finally {
  await machine.close();
}
