/** SIG-09: certificates that have expired, and what a device does about time while it knows none. */

import { forgeries, type CaseContext, type Circumstance, type ForbiddenImage } from '../../harness/index.ts';

/** Expired signers; and, where the bench can take the device's time away, those and a genuine image without it. */
export function expiredSigners(t: CaseContext): ForbiddenImage[] {
  const expired = forgeries(t, ['certificate'], { only: ['expired'] });
  const unset = clockUnset(t);
  if (unset === undefined) return expired;
  const { clockUnset: policy } = t.update;
  if (policy !== 'refuse') {
    t.note(
      policy === undefined
        ? 'with its clock unset: not tried, the declaration does not say what then holds'
        : 'with its clock unset the device does not mind times of validity, as declared',
    );
    return expired;
  }
  const genuine: ForbiddenImage = {
    image: t.image('golden'),
    alteration: 'a genuine image while the clock is not set',
    rationale:
      'without a clock nobody can tell whether its signer is still valid, and the policy is to refuse',
    under: unset,
  };
  const whileUnset = expired.map((each) => ({
    ...each,
    alteration: `${each.alteration}, while the clock is not set`,
    under: unset,
  }));
  return [...expired, ...whileUnset, genuine];
}

function clockUnset(t: CaseContext): Circumstance | undefined {
  const { time } = t.device;
  const unset = time?.unset?.bind(time);
  if (time === undefined || unset === undefined) {
    t.note('with its clock unset: not tried, the board has no way to unset it');
    return undefined;
  }
  const mustBeDone = (what: string, { kind, reason }: { kind: string; reason?: string }): void => {
    if (kind !== 'accepted') t.inconclusive('clock-not-set', `${what} was ${kind} ${reason ?? ''}`.trimEnd());
  };
  return {
    name: 'the clock is not set',
    set: async () => mustBeDone('unsetting the clock', t.answered('unset the clock', await unset())),
    undo: async () =>
      mustBeDone('setting the clock', t.answered('set the clock', await time.set(new Date()))),
  };
}
