/** A driver on a bench of its own: temporary state folder, collected losses and bytes. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { testContext } from '../../driver-contract.ts';
import type { Driver } from '../../../harness/driver.ts';
import { OpcUaDriver } from '../opcua-driver.ts';
import { settingsSchema } from '../settings.ts';

export type SettingsInput = z.input<typeof settingsSchema>;

/** Test settings: quick deadlines, no security unless asked for. */
const presets: SettingsInput = { securityMode: 'None', connectWithinMs: 10_000, replyWithinMs: 3000 };

export async function stateFolder(): Promise<{ stateDir: string; remove: () => Promise<void> }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'opcua-wire-'));
  return { stateDir, remove: () => rm(stateDir, { recursive: true, force: true }) };
}

export interface Bench extends ReturnType<typeof testContext> {
  driver: OpcUaDriver;
  stateDir: string;
  dispose: () => Promise<void>;
}

/** A closed driver with its context. `dispose` closes it and removes its folder. */
export async function bench(
  settings: SettingsInput,
  options: { stateDir?: string; dependencies?: Record<string, Driver>; boardDir?: string } = {},
): Promise<Bench> {
  const own = options.stateDir === undefined ? await stateFolder() : undefined;
  const stateDir = options.stateDir ?? own?.stateDir ?? '';
  const made = testContext({
    stateDir,
    ...(options.dependencies ? { dependencies: options.dependencies } : {}),
  });
  if (options.boardDir !== undefined) made.context.boardDir = options.boardDir;
  const driver = new OpcUaDriver(settingsSchema.parse({ ...presets, ...settings }), made.context);
  return {
    ...made,
    driver,
    stateDir,
    dispose: async () => {
      await driver.close();
      await own?.remove();
    },
  };
}
