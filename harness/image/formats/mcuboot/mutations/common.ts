/** What the attacks on MCUboot images share. */

import type { Refusal } from '../verify.ts';
import { entriesOf, rewriteArea, touchedRegions, type Entry } from '../edit.ts';
import type { McubootImage, TlvArea } from '../parse.ts';
import type { DoesNotApply, Expectation, Mutation, Plan, PlanInput } from '../../../mutation.ts';
import type { Patch } from '../../../patch-set.ts';
import type { Policy } from '../../../policy.ts';

export type McubootInput = PlanInput<McubootImage>;
export type McubootMutation = Mutation<McubootImage>;
export type RefusedPlan = Plan & { refusedFor: Refusal };

export const designDoc = 'MCUboot docs/design.md';
export const validateSource = 'MCUboot boot/bootutil/src/image_validate.c';
export const tlvSource = 'MCUboot boot/bootutil/src/tlv.c';

/** MCUboot verifies at boot; a device that does so earlier is no worse. */
export const mustReject = { class: 'must-reject', latestStage: 'boot' } as const;
export const benign = { class: 'benign-accept' } as const;
export const mustAccept = { class: 'must-accept' } as const;
/**
 * For unsigned bytes that are wrong while the signature over the signed ones is good: some loaders take such an image,
 * which does no harm, and some do not.
 */
export const noCrash = { class: 'no-crash-only' } as const;

/** The plan, with the reason for which the reference verifier must refuse its image. */
export function refusedFor(plan: Plan | DoesNotApply, reason: Refusal): RefusedPlan | DoesNotApply {
  return 'doesNotApply' in plan ? plan : { ...plan, refusedFor: reason };
}

/** A plan of these patches, which means to touch what they touch. */
export function planOf(
  { image }: Pick<McubootInput, 'image'>,
  patches: readonly Patch[],
  more: Omit<Plan, 'patches' | 'touches'> & { refusedFor?: Refusal } = {},
): Plan {
  return { patches, touches: touchedRegions(image, patches), ...more };
}

/** A plan that gives an area other entries. */
export function areaPlan(
  input: McubootInput,
  kind: TlvArea['kind'],
  change: (entries: Entry[]) => readonly Entry[] | DoesNotApply,
  more: Omit<Plan, 'patches' | 'touches'> & { refusedFor?: Refusal } = {},
): Plan | DoesNotApply {
  const { base, image } = input;
  const area = kind === 'protected' ? image.protectedArea : image.unprotectedArea;
  if (area === undefined) return { doesNotApply: `the image has no ${kind} TLV area` };
  const changed = change(entriesOf(base, image, kind));
  if ('doesNotApply' in changed) return changed;
  const patches = rewriteArea(base, image, kind, changed);
  return patches === undefined
    ? { doesNotApply: `the ${kind} TLV area would be too large` }
    : planOf(input, patches, more);
}

/**
 * Whoever says how an equal counter is treated has a counter, and refuses a lower or a missing one; of others it is not
 * known.
 */
export function whereCountersCount({ equalCounter }: Policy): Expectation {
  return equalCounter === undefined ? { class: 'policy', dependsOn: 'equalCounter' } : mustReject;
}
