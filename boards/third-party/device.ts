/** A device that nobody here wrote, as the project's own check and `npm run device` see it. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Exported as `device` by `device.ts` in the device's folder. */
export interface ThirdPartyDevice {
  /** Name of its folder. */
  name: string;
  /** What it is, with the version of the product, for people. */
  title: string;
  /** Debian packages that hold it and what it is made with. */
  packages: readonly string[];
  /**
   * Programs (found by PATH), files (absolute), and `root` (the right to mount, in namespaces of its own), without which it
   * cannot be made.
   */
  needs: readonly string[];
  /** Board files in its folder, without `.yaml`; the first is the default. None: clients, which no bench judges. */
  boards: readonly string[];
  /**
   * Makes the device of one board and switches it on.
   *
   * @param folder empty, its own: keys, images, flash, the tty's link
   * @throws Error when it cannot be made; nothing that was started outlives that
   */
  start(board: string, folder: string): Promise<RunningDevice>;
}

export interface RunningDevice {
  /** What its board files take from the environment. */
  environment: Readonly<Record<string, string>>;
  /** Ends everything that was started; safe twice. */
  close(): Promise<void>;
}

/** What of `needs` is not on this machine. */
export function missingOf(device: ThirdPartyDevice): string[] {
  return device.needs.filter((need) => !isThere(need));
}

function isThere(need: string): boolean {
  if (need === 'root') return mayMount();
  return isAbsolute(need) ? existsSync(need) : onPath(need);
}

/** Root in a container may lack it, so it is tried, where nobody else sees it. */
function mayMount(): boolean {
  const tried = ['--mount', '--pid', '--fork', '--mount-proc', 'mount', '-t', 'tmpfs', 'trial', '/mnt'];
  return spawnSync('unshare', tried, { stdio: 'ignore' }).status === 0;
}

/** What holds what is missing: Debian packages, and what the device fetches beside them (`fetch` in its folder). */
export function heldBy({ name, packages }: ThirdPartyDevice): string {
  const fetches = existsSync(join(import.meta.dirname, name, 'fetch'));
  const then = fetches ? `, then boards/third-party/${name}/fetch` : '';
  return `${packages.join(' ')}${then}`;
}

function onPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** SHA-256 of a file, lower-case hex, as board files want it. */
export function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
