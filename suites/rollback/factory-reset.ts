/** RB-07: what resets the configuration must not reset the floor. */

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
  waitUntilReady,
  type CaseContext,
} from '../../harness/index.ts';

/**
 * Factory reset, then the older release: floor kept, release refused, controls before and after. Nothing legitimate is
 * installed between the two: it would raise again the floor that the reset may have lowered.
 */
export async function mustKeepFloorOverFactoryReset(t: CaseContext): Promise<void> {
  const image = vendorImage(t, 'older');
  const firmware = t.need(t.device.firmware, 'way in for firmware');
  const reset = t.need(firmware.factoryReset?.bind(firmware), 'factory reset');
  const baseline = await controlUpdate(t, 'before', primaryIngress(t));
  const afterReset = await t.step('factory reset', async () => {
    const marker = await auditMarker(t);
    const answer = t.answered('factory reset', await reset());
    if (answer.kind !== 'accepted') t.inconclusive('reset-refused', `the factory reset was ${say(answer)}`);
    await waitUntilReady(t);
    const state = await readState(t, 'after the factory reset');
    const changed = changes(baseline, state);
    if (changed.length > 0) {
      t.violates({
        code: 'floor-lost-by-reset',
        expected: 'version, digest and counter to survive a factory reset',
        observed: changed.join('; '),
      });
    }
    await mustBeAudited(t, 'factoryReset', marker); // a reset that was only promised tests nothing
    return state;
  });
  const older = {
    image,
    alteration: 'older release after a factory reset',
    rationale: 'the floor must not be part of what is reset',
  };
  await offerForbidden(t, primaryIngress(t), [older], { baseline: afterReset });
}
