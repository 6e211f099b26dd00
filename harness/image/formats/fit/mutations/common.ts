/** What the attacks on FIT images share. */

import type { DoesNotApply, Expectation, Mutation, Plan, PlanInput } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import type { FitImage } from '../model.ts';
import type { Refusal } from '../verify.ts';

export type FitInput = PlanInput<FitImage>;
export type FitMutation = Mutation<FitImage>;
export type RefusedPlan = Plan & { refusedFor?: Refusal };

export const signatureDoc = 'U-Boot doc/usage/fit/signature.rst';
export const formatDoc = 'U-Boot doc/usage/fit/source_file_format.rst';
export const specification = 'Devicetree Specification v0.4, 5';
export const regionCode = 'U-Boot boot/fdt_region.c';
export const binarly = (number: string): string =>
  `Binarly BRLY-2026-${number} (U-Boot, images before verification)`;

/** U-Boot verifies at boot; a device that does so earlier is no worse. */
export const mustReject = { class: 'must-reject', latestStage: 'boot' } as const satisfies Expectation;
export const benign = { class: 'benign-accept' } as const satisfies Expectation;
export const noCrash = { class: 'no-crash-only' } as const satisfies Expectation;

/**
 * For what only the signature of a configuration covers. The attacks apply where the maker signed one; a device that
 * is declared to go by the signatures of images alone may take them all the same.
 */
export function signedByConfiguration(policy: Policy): Expectation {
  return policy.requiredSignature === 'image'
    ? { class: 'policy', dependsOn: 'requiredSignature' }
    : mustReject;
}

/** The plan, with the reason for which the reference verifier must refuse its image. */
export function refusedFor(plan: Plan | DoesNotApply, reason: Refusal): RefusedPlan | DoesNotApply {
  return 'doesNotApply' in plan ? plan : { ...plan, refusedFor: reason };
}

/** What every attack says of itself, before what it does. */
export type Words = Pick<FitMutation, 'id' | 'kind' | 'name' | 'rationale' | 'references'>;

/** An attack of whoever stands between maker and device, which needs nothing but the image. */
export function onTheWay(
  words: Words,
  expectation: FitMutation['expectation'],
  plan: (input: FitInput) => RefusedPlan | DoesNotApply,
  rest: Partial<FitMutation> = {},
): FitMutation {
  return { ...words, attackerModel: 'network', needs: [], expectation, plan, ...rest };
}
