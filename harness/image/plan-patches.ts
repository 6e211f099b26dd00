/** A plan from patches alone: what they reach of the image's regions is found, not listed by hand. */

import type { ByteSource } from './byte-source.ts';
import type { ParsedImage, Region } from './image.ts';
import type { Plan } from './mutation.ts';
import { insertedBytes, type Patch } from './patch-set.ts';

/** Patches that change nothing are left out; the plan touches every region that the others reach. */
export function planPatches(
  { base, image }: { base: ByteSource; image: ParsedImage },
  patches: readonly Patch[],
): Pick<Plan, 'patches' | 'touches'> {
  const changing = patches.filter((patch) => changes(base, patch));
  const touched = image.regions.filter((region) => changing.some((patch) => reaches(patch, region)));
  const names = touched.map(({ name }) => name);
  const behind = changing.some(({ at }) => at === base.size);
  return { patches: changing, touches: behind ? [...names, 'end-of-file'] : names };
}

function changes(base: ByteSource, patch: Patch): boolean {
  const [insert] = patch.insert;
  if (patch.insert.length !== 1 || insert?.kind !== 'bytes') return true;
  if (insertedBytes(patch.insert) !== patch.remove) return true;
  return !Buffer.from(base.read(patch.at, patch.at + patch.remove)).equals(insert.bytes);
}

/** Bytes of the region are removed, or others put between them. */
function reaches(patch: Patch, { start, end }: Region): boolean {
  if (patch.remove === 0) return patch.at > start && patch.at < end;
  return patch.at < end && patch.at + patch.remove > start;
}
