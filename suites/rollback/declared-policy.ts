/** RB-02, RB-13, RB-15: images for which the declaration decides; the device does exactly what it says. */

import {
  controlUpdate,
  install,
  offerForbidden,
  primaryIngress,
  type CaseContext,
  type FirmwareImage,
} from '../../harness/index.ts';

/** A genuine image, and what the declared policy makes of it. */
export interface PolicyCase {
  image: FirmwareImage;
  /** Completes "an image …". */
  alteration: string;
  /** The declared policy, in its own words. */
  policy: string;
  takes: boolean;
}

/**
 * Refused by POST-R, or installed all the way, as declared.
 *
 * @throws Nonconformity when the device does the other thing
 */
export async function mustFollowPolicy(t: CaseContext, of: PolicyCase): Promise<void> {
  const ingress = primaryIngress(t);
  const { image, alteration, policy, takes } = of;
  if (!takes) {
    await offerForbidden(t, ingress, [{ image, alteration, rationale: `the declared policy is ${policy}` }]);
    return;
  }
  const before = await controlUpdate(t, 'before', ingress);
  await t.step(`${alteration}, which the declared policy takes`, async () => {
    t.stimulus({ name: alteration, rationale: `the declared policy is ${policy}`, ingress, image });
    const done = await install(t, image, ingress, before);
    t.stimulusDelivered = true;
    t.control(`install ${image.name}`, 'twin', done.accepted, done.detail);
    if (done.accepted) return;
    if (done.offered !== 'refused' && done.offered !== 'accepted')
      t.inconclusive('no-answer', `the device gave no clear answer: ${done.detail}`);
    t.violates({
      code: 'policy-not-followed',
      expected: `${alteration} to be installed: the declared policy is ${policy}`,
      observed: done.detail,
    });
  });
  await controlUpdate(t, 'after', ingress);
}

/** @throws Inconclusive when the declaration leaves open what is to be expected */
export function declaredPolicy<T>(t: CaseContext, value: T | undefined, key: string): T {
  if (value === undefined)
    t.inconclusive('policy-undeclared', `the declaration does not say what is right here (${key})`);
  return value;
}
