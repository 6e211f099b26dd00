/** The third-party devices that there are: each folder here with a `device.ts`. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ThirdPartyDevice } from './device.ts';

const here = import.meta.dirname;

/** By name. Nothing is started by looking. */
export async function devices(): Promise<ThirdPartyDevice[]> {
  const folders = readdirSync(here).filter((name) => existsSync(join(here, name, 'device.ts')));
  const modules = folders.sort().map((name) => import(join(here, name, 'device.ts')));
  return ((await Promise.all(modules)) as { device: ThirdPartyDevice }[]).map(({ device }) => device);
}
