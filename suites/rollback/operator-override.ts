/** RB-08: an operator's wish for an older image is refused, or granted on record. */

import {
  auditMarker,
  changes,
  controlUpdate,
  mustBeAudited,
  offerForbidden,
  primaryIngress,
  readState,
  say,
  vendorImage,
  type CaseContext,
} from '../../harness/index.ts';
import { declaredPolicy } from './declared-policy.ts';

/**
 * The override is asked for, and its record demanded. A device that is declared to refuse must refuse it, and the
 * older image behind it too; one that is declared to grant it must have it on record before anything older comes.
 */
export async function mustGuardOverride(t: CaseContext): Promise<void> {
  const image = vendorImage(t, 'older');
  const firmware = t.need(t.device.firmware, 'way in for firmware');
  const allowOlder = t.need(firmware.allowOlder?.bind(firmware), 'way to ask for an older image');
  const policy = declaredPolicy(t, t.update.operatorOverride, 'update.operatorOverride');
  const ingress = primaryIngress(t);
  const baseline = await controlUpdate(t, 'before', ingress);
  const marker = await auditMarker(t);
  t.stimulus({
    name: 'an operator asks for an older image',
    rationale: 'going back needs authority, and a record',
  });
  const answer = t.answered('the override', await allowOlder());
  t.stimulusDelivered = true;
  if (answer.kind !== 'accepted' && answer.kind !== 'refused')
    t.inconclusive('no-answer', `the override was ${say(answer)}`);
  const audited = await mustBeAudited(t, 'overrideUsed', marker);
  const changed = changes(baseline, await readState(t, 'after the override'));
  if (changed.length > 0) {
    t.found({
      code: 'override-changed-firmware',
      expected: 'an override to change nothing by itself',
      observed: changed.join('; '),
    });
  }
  if (answer.kind === 'accepted' && policy === 'refused') {
    t.found({
      code: 'override-granted',
      expected: 'the override to be refused, as declared',
      observed: say(answer),
    });
  }
  if (answer.kind === 'accepted' && policy === 'audited') {
    if (audited === 'unknown')
      t.inconclusive('record-not-observable', 'the override was granted, and its record cannot be read');
    await controlUpdate(t, 'after', ingress);
    if (t.findings.length > 0) return; // unrecorded, or worse
    t.inconclusive(
      'authority-not-shown',
      'the override was granted and is on record, as declared; whether it takes authority was not tried',
    );
  }
  const older = {
    image,
    alteration: 'older release after the override',
    rationale: 'a refused override must have no effect',
  };
  await offerForbidden(t, ingress, [older], { baseline });
}
