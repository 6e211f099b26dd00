/** RB-11: once an image was confirmed, nobody gets the one before it back by asking. */

import {
  changes,
  controlUpdate,
  lastState,
  primaryIngress,
  readState,
  recover,
  restart,
  say,
  waitUntilReady,
  type CaseContext,
} from '../../harness/index.ts';

/** The control confirms an image; the wish to revert is refused, now and over a restart. */
export async function mustRefuseRevert(t: CaseContext): Promise<void> {
  const firmware = t.need(t.device.firmware, 'way in for firmware');
  const revert = t.need(firmware.revert?.bind(firmware), 'way to ask for the image before');
  const ingress = primaryIngress(t);
  const baseline = await controlUpdate(t, 'before', ingress);
  t.stimulus({ name: 'revert after confirmation', rationale: 'what was confirmed must stay' });
  const answer = t.answered('revert', await revert());
  t.stimulusDelivered = true;
  await waitUntilReady(t);
  // Whatever it said: what it does about it may come later, and be gone after the next restart.
  const soon = await lastState(t, 'after the wish to revert', (state) => changes(baseline, state).length > 0);
  const atOnce = changes(baseline, soon);
  if (atOnce.length === 0) await restart(t);
  const changed = atOnce.length > 0 ? atOnce : changes(baseline, await readState(t, 'after a restart'));
  if (changed.length > 0) {
    const finding = {
      code: 'reverted-after-confirmation',
      expected: 'the confirmed image to stay',
      observed: `the wish was ${say(answer)}; ${changed.join('; ')}`,
    };
    t.found(finding);
    await recover(t, baseline, finding.observed);
    t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
    t.violates(finding);
  }
  if (answer.kind === 'accepted') {
    t.violates({
      code: 'misreport',
      expected: 'the wish to revert to be refused',
      observed: 'it was accepted, and nothing was reverted',
    });
  }
  if (answer.kind !== 'refused') t.inconclusive('no-answer', `the wish to revert was ${say(answer)}`);
  await controlUpdate(t, 'after', ingress);
}
