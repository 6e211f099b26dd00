/** An image that a device took: whether it meant it is decided by what comes to run. */

import type { Answer, FirmwareImage, FirmwareState } from '../capabilities.ts';
import { Inconclusive, TimeoutError } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { canRestart, firmwareOf, lastState, readState, restart, waitUntilReady } from './firmware.ts';
import type { ForbiddenImage, Ground } from './ground.ts';
import { mustBeAlive } from './process-watch.ts';
import { provenDead } from './proven-dead.ts';
import { recover } from './recovery.ts';
import { mustRefuseInStage } from './refusal-stage.ts';
import { changes, fitOf, looksLike, say } from './state.ts';
import { confirmByPowerCycle, mustBeUnchanged, tookEffect } from './took-effect.ts';

/** The device said yes: whether it meant it is decided by what runs after activation and after a power cycle. */
export async function decideByBooting(
  t: CaseContext,
  offered: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
  ingress: string,
): Promise<void> {
  const activated = t.answered('activate', await firmwareOf(t).activate(ingress));
  const crashed = await mustComeBack(t, activated, forbidden, ground);
  // A device may restart a while after it agreed to: the whole of its time is given before "nothing happened".
  if (activated.kind !== 'refused') {
    await lastState(t, 'after activation', (state) => changes(ground.baseline, state).length > 0);
  }
  if (await ranAsSigned(t, forbidden, ground)) return;
  await mustBeUnchanged(t, 'after activation', forbidden, ground);
  await confirmByPowerCycle(t, forbidden, ground);
  if (crashed !== undefined) return; // found as such; it has not said no at any stage
  const declared = t.declaration.ingresses[ingress]?.refusesAt ?? [];
  if (!declared.includes('install') && !declared.includes('boot')) {
    t.violates({
      code: 'misreport',
      expected: `${forbidden.alteration} refused at ${declared.join(' or ') || 'transfer'}`,
      observed: 'the device said that it accepted the image, and what runs looks as before',
    });
  }
  if (ground.controlTraces.get(ingress) === undefined && activated.kind !== 'refused') {
    throw new Inconclusive(
      'control-without-trace',
      'the device met the forbidden image as it met the golden one: it accepted both, and nothing shows that it installed either',
      { hint: 'Declare controls: { way: pair }, or audit.updateInstalled.' },
    );
  }
  // A version alone, or a digest that the image states itself, is the golden one's in an altered golden image too.
  if (activated.kind !== 'refused' && looksLike(ground.baseline, forbidden.image)) {
    throw new Inconclusive(
      'not-distinguishable',
      `the device took ${forbidden.alteration}, and by what can be read back that image looks like the one before: nothing shows which of them runs`,
      { hint: 'Let the board read the digest of what runs, or declare controls: { way: pair }.' },
    );
  }
  const stage = activated.kind === 'refused' ? 'install' : 'boot';
  mustRefuseInStage(t, offered, stage, forbidden, ingress);
  t.note(`accepted at transfer, refused at ${stage}, as declared`);
}

/** Whatever the device makes of the image: it must go on living, now and after a restart. */
export async function survive(
  t: CaseContext,
  answer: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
  ingress: string,
): Promise<void> {
  if (answer.kind === 'accepted') {
    const activated = t.answered('activate', await firmwareOf(t).activate(ingress));
    await mustComeBack(t, activated, forbidden, ground);
  } else if (answer.kind !== 'refused') await mustLive(t, answer, forbidden, ground);
  await mustBeAlive(t);
  if (canRestart(t)) await restart(t);
  const changed = changes(ground.baseline, await readState(t, 'after a restart'));
  t.note(`${forbidden.alteration}: ${say(answer)}; the device lives, and any answer is right`);
  if (changed.length > 0)
    ground.baseline = await recover(t, ground.baseline, `${forbidden.alteration} was taken`);
}

/**
 * No yes and no no: is it still there at all?
 *
 * @param wires on how many it must be silent to count as dead
 */
export async function mustLive(
  t: CaseContext,
  answer: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
  wires = 1,
): Promise<void> {
  const death = await provenDead(t, wires);
  if (death !== undefined) {
    const finding = {
      code: 'dead-after-stimulus',
      expected: 'a refusal, and a device that goes on working',
      observed: `${death} (${forbidden.alteration})`,
    };
    t.found(finding);
    ground.baseline = await recover(t, ground.baseline, finding.observed);
    t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
    t.violates(finding);
  }
  if (answer.kind === 'crashed') {
    t.found({
      code: 'restarted-by-stimulus',
      expected: 'a refusal without interruption',
      observed: `the device restarted on ${forbidden.alteration}`,
    });
  }
}

/**
 * What was taken may bring the device down when it is to be started. Most restart to start it, and may break off their
 * answer; where a start is no restart, one that comes all the same is a crash.
 *
 * @returns `crashed` when that was found
 */
export async function mustComeBack(
  t: CaseContext,
  activated: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<'crashed' | undefined> {
  if (activated.kind === 'crashed' && t.declaration.update?.activation === 'volatile') {
    await mustLive(t, activated, forbidden, ground);
    return 'crashed';
  }
  await waitUntilReady(t).catch(async (error: unknown) => {
    if (!(error instanceof TimeoutError)) throw error;
    await mustLive(t, { ...activated, kind: 'silent' }, forbidden, ground);
  });
  return undefined;
}

/** Some alterations are benign: accepted, and yet exactly the signed bytes run. */
async function ranAsSigned(t: CaseContext, forbidden: ForbiddenImage, ground: Ground): Promise<boolean> {
  const { benignAs } = forbidden;
  if (benignAs === undefined) return false;
  const asSigned = (state: FirmwareState): boolean =>
    state.digest.observable &&
    (fitOf(state, benignAs).kind === 'fits' ||
      (forbidden.measuredWhole === true && state.digest.value === forbidden.image.sha256));
  const activated = await readState(t, 'after activation');
  if (!activated.digest.observable) await mustNotLookAsSigned(t, activated, benignAs, forbidden, ground);
  if (!asSigned(activated)) return false;
  if (canRestart(t)) {
    await restart(t);
    const booted = await readState(t, 'after a power cycle');
    const changed = changes(ground.baseline, booted);
    if (changed.length > 0 && !asSigned(booted))
      await tookEffect(t, 'after a power cycle', changed, forbidden, ground);
  }
  t.note(`${forbidden.alteration} was accepted, and what runs is exactly what was signed`);
  ground.baseline = await recover(t, ground.baseline, `${forbidden.alteration} was installed`);
  return true;
}

/** Without a digest, the version of what was signed says nothing of what is executed: neither pass nor failure. */
async function mustNotLookAsSigned(
  t: CaseContext,
  state: FirmwareState,
  signed: FirmwareImage,
  { alteration }: ForbiddenImage,
  ground: Ground,
): Promise<void> {
  if (changes(ground.baseline, state).length === 0 || fitOf(state, signed).kind !== 'fits') return;
  ground.baseline = await recover(t, ground.baseline, `${alteration} was installed`);
  throw new Inconclusive(
    'executed-bytes-not-observable',
    `${alteration} was accepted, its version runs, and nothing shows whether exactly the signed bytes do`,
    { hint: 'Name a way to read the digest of the firmware under profile.firmware of the board file.' },
  );
}
