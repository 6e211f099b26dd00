/** A maker's own profile: a module beside the board file that replaces or adds members of the device. */

import type { Bench } from './bench.ts';
import type { Device } from './capabilities.ts';
import { BoardFileError } from './errors.ts';
import { importModule } from './import-module.ts';

/**
 * What such a module exports as `profile`.
 *
 * @param device as the board file describes it
 * @param wires open drivers by name, with their link capabilities (`wires.get('console')?.console`)
 * @returns the members to replace or add
 */
export type MakersProfile = (
  device: Device,
  wires: Bench['drivers'],
) => Partial<Device> | Promise<Partial<Device>>;

/**
 * Loads the module and lets it have its say.
 *
 * @param file absolute path, or undefined for boards without one
 * @throws BoardFileError when it cannot be loaded or exports no function named `profile`
 */
export async function applyMakersProfile(
  file: string | undefined,
  device: Device,
  bench: Bench,
): Promise<Device> {
  if (file === undefined) return device;
  let exported: { profile?: unknown };
  try {
    exported = (await importModule(file)) as typeof exported;
  } catch (cause) {
    throw new BoardFileError('profile-unreadable', `the profile ${file} could not be loaded`, { cause });
  }
  if (typeof exported.profile !== 'function') {
    throw new BoardFileError('profile-empty', `${file} exports no function named "profile"`, {
      hint: 'export const profile: MakersProfile = (device, wires) => ({ … });',
    });
  }
  return { ...device, ...(await (exported.profile as MakersProfile)(device, bench.drivers)) };
}
