/** What the attacks on RAUC bundles share. */

import type { Mutation, Plan, PlanInput } from '../../../mutation.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import type { BundleFormat, RaucImage } from '../parse.ts';
import { trailerBytes } from '../parse.ts';

export type RaucInput = PlanInput<RaucImage>;
export type RaucMutation = Mutation<RaucImage>;

export const formatsDoc = 'RAUC documentation, Reference, "Bundle Formats"';
export const bundleSource = 'RAUC src/bundle.c, check_bundle and check_bundle_payload';

/**
 * The signature is checked before anything is written. What a verity bundle's payload holds is checked while it is read:
 * then the installation fails, and the slot is not made active.
 */
export const mustReject = { class: 'must-reject', latestStage: 'install' } as const;

/** The reason for which an altered payload is refused, by the kind of bundle. */
export const payloadReasons: Readonly<Record<BundleFormat, string>> = {
  plain: 'digest',
  verity: 'verity-data',
  crypt: 'encrypted',
};

/** The reason of the bundle at hand; none where it is not known. */
export function reasonBy(
  { bundleFormat }: RaucImage,
  reasons: Readonly<Partial<Record<BundleFormat, string>>>,
): { refusedFor?: string } {
  const reason = bundleFormat === undefined ? undefined : reasons[bundleFormat];
  return reason === undefined ? {} : { refusedFor: reason };
}

/** Names of the regions that patches remove bytes of, or put bytes into. */
export function regionsOf({ regions }: RaucImage, patches: readonly Patch[]): string[] {
  return regions
    .filter(({ start, end }) =>
      patches.some(({ at, remove }) =>
        remove === 0 ? at > start && at < end : at < end && at + remove > start,
      ),
    )
    .map(({ name }) => name);
}

/** Everything from `start` to `end` by name. */
export function regionsWithin({ regions }: RaucImage, start: number, end: number): string[] {
  return regions.filter((region) => region.start >= start && region.end <= end).map(({ name }) => name);
}

export function u64be(value: bigint): Buffer {
  const bytes = Buffer.alloc(trailerBytes);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** The trailer with another size. */
export function trailerPatch({ size }: RaucImage, value: bigint): Patch {
  return overwrite(size - trailerBytes, u64be(value));
}

/** Another CMS, with everything in its area, and the size that goes with it. */
export function replaceCms(image: RaucImage, cms: Uint8Array): Plan {
  const areaEnd = image.size - trailerBytes;
  const oldBytes = areaEnd - image.payloadEnd;
  const patches: Patch[] = [
    { at: image.payloadEnd, remove: oldBytes, insert: [{ kind: 'bytes', bytes: cms }] },
  ];
  if (cms.length !== oldBytes) patches.push(trailerPatch(image, BigInt(cms.length)));
  return { patches, touches: regionsOf(image, patches) };
}
