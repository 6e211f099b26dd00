/** What the attacks on MCUboot images share. */

import type { Refusal } from '../verify.ts';
import type { McubootImage } from '../parse.ts';
import type { DoesNotApply, Mutation, Plan, PlanInput } from '../../../mutation.ts';

export type McubootInput = PlanInput<McubootImage>;
export type McubootMutation = Mutation<McubootImage>;
export type RefusedPlan = Plan & { refusedFor: Refusal };

export const designDoc = 'MCUboot docs/design.md';

/** MCUboot verifies at boot; a device that does so earlier is no worse. */
export const mustReject = { class: 'must-reject', latestStage: 'boot' } as const;

/** The plan, with the reason for which the reference verifier must refuse its image. */
export function refusedFor(plan: Plan | DoesNotApply, reason: Refusal): RefusedPlan | DoesNotApply {
  return 'doesNotApply' in plan ? plan : { ...plan, refusedFor: reason };
}
