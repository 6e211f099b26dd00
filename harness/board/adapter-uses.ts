/** Every place of a profile where an adapter stands, in one list. */

import type { AdapterUse } from './board-schema.ts';
import type { BoardFileContent } from './board-parts.ts';
import type { KeyPath } from './problem.ts';

export interface PlacedUse {
  path: KeyPath;
  use: AdapterUse;
}

/** All uses of adapters with their paths in the file, in the file's order of sections. */
export function adapterUses(profile: BoardFileContent['profile']): PlacedUse[] {
  const found: PlacedUse[] = [];
  collect(profile, ['profile'], found);
  return found;
}

/** An adapter use is what carries both `adapter` and `role`; only ingresses have one inside another. */
function collect(value: unknown, path: KeyPath, found: PlacedUse[]): void {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
  if (isUse(value)) {
    found.push({ path, use: value });
    const { activate } = value as { activate?: AdapterUse };
    if (activate !== undefined) found.push({ path: [...path, 'activate'], use: activate });
    return;
  }
  for (const [key, item] of Object.entries(value)) collect(item, [...path, key], found);
}

const isUse = (value: object): value is AdapterUse =>
  typeof (value as AdapterUse).adapter === 'string' && typeof (value as AdapterUse).role === 'string';
