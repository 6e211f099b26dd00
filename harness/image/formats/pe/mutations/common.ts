/** What the attacks on PE images share. */

import { planPatches } from '../../../plan-patches.ts';
import type { DoesNotApply, Expectation, Mutation, Plan, PlanInput } from '../../../mutation.ts';
import type { Patch } from '../../../patch-set.ts';
import type { Policy } from '../../../policy.ts';
import type { PeCertificate } from '../certificates.ts';
import { cmsBytes, tablePatches, winCertificate } from '../edit.ts';
import type { PeHeaders, PeImage } from '../parse.ts';
import type { Refusal } from '../verify.ts';

export type PeInput = PlanInput<PeImage>;
export type PeMutation = Mutation<PeImage>;
export type PePlan = Plan | DoesNotApply;

export const authenticode = 'Windows Authenticode Portable Executable Signature Format 1.0';
export const peFormat = 'Microsoft, PE Format';
export const uefi = 'UEFI Specification 2.10, 32.2.4';

/** Firmware verifies an image when it loads it. */
export const mustReject: Expectation = { class: 'must-reject', latestStage: 'boot' };
export const benign: Expectation = { class: 'benign-accept' };

type Described = Pick<PeMutation, 'id' | 'kind' | 'name' | 'rationale' | 'plan'> & Partial<PeMutation>;

/** An attack with the usual answers: from the network, needs nothing, must be rejected. */
export function attack(described: Described): PeMutation {
  return {
    references: [authenticode],
    attackerModel: 'network',
    needs: [],
    expectation: mustReject,
    ...described,
  };
}

/** Refused where the policy says so; harmless otherwise, whichever way the device decides. */
export function harmlessUnless<Key extends keyof Policy>(
  key: Key,
  refusing: NonNullable<Policy[Key]>,
): (policy: Policy) => Expectation {
  return (policy) => (policy[key] === refusing ? mustReject : benign);
}

export interface More {
  refusedFor?: Refusal;
  facts?: NonNullable<Plan['facts']>;
}

export function planOf(input: PeInput, patches: readonly Patch[], more: More = {}): Plan {
  return { ...planPatches(input, patches), ...more };
}

/** A signed image, with its table. */
export interface Signed {
  headers: PeHeaders;
  table: { start: number; end: number };
  securityAt: number;
  first: PeCertificate;
}

export function withTable(input: PeInput, plan: (signed: Signed) => PePlan): PePlan {
  const { headers, certificates, tableEnd } = input.image;
  const [first] = certificates;
  if (headers?.table === undefined || headers.securityAt === undefined)
    return { doesNotApply: 'the image is unsigned' };
  if (first === undefined || tableEnd === undefined) return { doesNotApply: 'the image is unsigned' };
  const table = { start: headers.table.start, end: tableEnd };
  return plan({ headers, table, securityAt: headers.securityAt, first });
}

/** Each CMS of the table through an edit; one that cannot be edited is a reason why the attack does not apply. */
export function editedTable(
  input: PeInput,
  edit: (cms: Buffer, certificate: PeCertificate, index: number) => Uint8Array | undefined,
  more: More = {},
  join: (entries: Buffer[]) => readonly Uint8Array[] = (entries) => entries,
): PePlan {
  return withTable(input, () => {
    const entries: Buffer[] = [];
    for (const [index, certificate] of input.image.certificates.entries()) {
      const edited = edit(cmsBytes(input.base, certificate), certificate, index);
      if (edited === undefined) return { doesNotApply: 'its CMS has nothing of the kind' };
      entries.push(winCertificate(edited));
    }
    return planOf(input, tablePatches(input.image, join(entries)), more);
  });
}
