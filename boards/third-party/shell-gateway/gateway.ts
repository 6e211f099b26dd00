/**
 * A Linux gateway behind a shell on a tty, for update agents: two slots, a boot loader that starts one of them on trial,
 * and an image that comes in over the console. It runs in mount and process namespaces of its own, so that all of it, its
 * mounts too, ends with its first process. See README.md.
 */

import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { sampleKeys } from '../../../harness/image/sample-keys.ts';
import { sha256Of, type RunningDevice } from '../device.ts';
import { PoweredProcess } from '../powered-process.ts';

const rom = join(import.meta.dirname, 'rom');

/** Packages and programs of every such gateway. */
export const gatewayPackages = ['lrzsz', 'socat', 'openssl', 'util-linux'] as const;
export const gatewayNeeds = ['rb', 'socat', 'openssl', 'unshare', 'root'] as const;

export interface GatewayParts {
  /** Folder of the device: its `prepare`, and `rom`, the programs of its update agent. */
  home: string;
  /** Ends the names of images: `swu`. */
  extension: string;
}

/** Images that `prepare` makes; a board file finds the digest of `otherhardware` in `OTHERHARDWARE_SHA256`. */
const images = [
  'golden',
  'pair',
  'older',
  'newer',
  'lowernumber',
  'prerelease',
  'noversion',
  'otherhardware',
] as const;

/**
 * Makes keys, images and flash with `prepare FOLDER BOARD`, and switches the gateway on.
 *
 * @throws Error when `prepare` fails, with its exit code; what it said is on standard error
 */
export async function startGateway(
  { home, extension }: GatewayParts,
  board: string,
  folder: string,
): Promise<RunningDevice> {
  const prepare = join(home, 'prepare');
  writeFileSync(join(folder, 'published.pem'), publishedCertificates());
  const made = spawnSync(prepare, [folder, board], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (made.status !== 0) throw new Error(`${prepare} ${folder} ${board} ended with ${made.status}`);
  const namespaces = ['--mount', '--mount-proc', '--pid', '--fork', '--kill-child'];
  const init = ['sh', join(rom, 'init'), rom, join(home, 'rom'), join(folder, 'flash')];
  const supply = new PoweredProcess({
    command: ['unshare', ...namespaces, '--', ...init],
    consoleLink: join(folder, 'console'),
  });
  const port = await supply.listen();
  supply.on();
  const digests = images.map((name): [string, string] => [
    `${name.toUpperCase()}_SHA256`,
    sha256Of(join(folder, `${name}.${extension}`)),
  ]);
  return {
    environment: {
      DEVICE_FOLDER: relative(home, folder),
      DEVICE_SUPPLY_PORT: String(port),
      ...Object.fromEntries(digests),
    },
    close: () => supply.close(),
  };
}

/** Certificates whose private keys everybody has, in PEM: what a maker may forget to take out of the trusted ones. */
function publishedCertificates(): string {
  const all = sampleKeys.flatMap(({ chain }) => chain);
  return all.map((der) => new X509Certificate(der).toString()).join('');
}
