/** RB-05: at the highest security counter a device neither wraps round nor locks itself out of every start. */

import {
  auditMarker,
  changes,
  controlUpdate,
  firmwareOf,
  fitOf,
  install,
  mustBeAlive,
  mustBeAudited,
  offerForbidden,
  poison,
  primaryIngress,
  readState,
  restart,
  vendorImage,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';

/**
 * A genuine image with the highest counter is offered. Refused, nothing changes. Taken, it has to run over a restart,
 * the floor must not have fallen, and the older release must be refused as before. A device that took it takes no
 * other image from then on, which is what its counter says: the board is used up, and later cases are told so.
 */
export async function mustNotWrapCounter(t: CaseContext): Promise<void> {
  const ingress = primaryIngress(t);
  const image = vendorImage(t, 'maximumCounter');
  const older = vendorImage(t, 'older');
  const before = await controlUpdate(t, 'before', ingress);
  const floor = before.securityCounter;
  if (!floor.observable) t.note(`counter floor not observable: ${floor.why}`);
  const taken = await t.step('genuine image with the highest counter', async () => {
    t.stimulus({ name: 'the highest counter', rationale: 'counters must not wrap round', ingress, image });
    const marker = await auditMarker(t);
    const done = await install(t, image, ingress, before);
    t.stimulusDelivered = true;
    t.note(`the highest counter: ${done.detail}`);
    if (done.offered === 'refused') await mustBeAudited(t, 'updateRefused', marker);
    return changes(before, done.state).length > 0 ? done.state : undefined;
  });
  await restart(t);
  const after = await readState(t, 'after a restart');
  floorMustHold(t, before, after);
  await mustBeAlive(t);
  if (taken === undefined) {
    mustBeAsBefore(t, before, after);
    await controlUpdate(t, 'after', ingress);
    return;
  }
  const forbidden = { image: older, alteration: 'older release', rationale: 'the floor is at its highest' };
  try {
    if (fitOf(after, image).kind === 'differs') mustBeAsBefore(t, before, after);
    t.note('the device took the image: it takes no other one from here on');
    await offerForbidden(t, ingress, [forbidden], {
      baseline: after,
      closing: () => sameImageAgain(t, image),
    });
  } finally {
    poison(t, 'it runs the image with the highest counter, and takes no other');
  }
}

/** The only control that is left: the very image that runs. */
async function sameImageAgain(t: CaseContext, image: FirmwareImage): Promise<void> {
  const again = t.update.equalCounter === 'accept' ? await install(t, image, primaryIngress(t)) : undefined;
  t.control(
    `install ${image.name} again`,
    'after',
    again?.accepted === true,
    again?.detail ?? 'refused by policy',
  );
  if (again?.accepted !== true)
    t.inconclusive(
      'no-closing-control',
      'the floor holds, and no control can show that the updater still works',
    );
}

function floorMustHold(t: CaseContext, before: FirmwareState, after: FirmwareState): void {
  const [was, is] = [before.securityCounter, after.securityCounter];
  if (!was.observable || !is.observable || is.value >= was.value) return;
  t.found({
    code: 'counter-wrapped',
    expected: `a counter floor of at least ${was.value}`,
    observed: `${is.value} after an image with the highest counter`,
  });
}

function mustBeAsBefore(t: CaseContext, before: FirmwareState, after: FirmwareState): void {
  const changed = changes(before, after);
  if (changed.length === 0 || firmwareOf(t).ingresses.length === 0) return;
  t.found({
    code: 'changed-by-highest-counter',
    expected: 'the old image, or the new one with its floor',
    observed: changed.join('; '),
  });
}
